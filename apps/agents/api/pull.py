"""How an external agent joins: register, heartbeat, and a look for its next command run."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey
from apps.accounts.principal import Principal
from apps.agents import lease, services
from apps.agents.api import serializers as s
from apps.agents.api.agents import agent_or_404
from apps.agents.api.overload import AgentThrottle
from apps.agents.keyholders import note_key
from apps.agents.models import Agent, Connector
from apps.errors import Conflict, Forbidden, InvalidInput, NotFound

MOST_WAIT_SECONDS = 25
# Between looks at the row while nobody rings; the ring makes it immediate.
LOOK_SECONDS = 2.0


def pull_agent(request: Request, agent_id: UUID) -> Agent:
    """An agent this key may speak for. Raises NotFound, or Conflict when it is not a pull agent."""
    agent = agent_or_404(request, agent_id)
    bound = principal_of(request).agent_id
    if bound and bound != agent.pk:
        raise NotFound("Your key belongs to another agent.")
    if agent.connector != Connector.PULL:
        raise Conflict("This agent is not one that asks for its work; register an agent of your own.")
    note_key(agent, principal_of(request).key_id)
    return agent


def may_register(principal: Principal, name: str) -> None:
    """A key of one agent registers that one only. Raises Forbidden naming it, NotFound when it is gone."""
    if principal.agent_id is None:
        return
    own = Agent.objects.filter(project_id=principal.project_id, pk=principal.agent_id).first()
    if own is None:
        raise NotFound("The agent your key belongs to does not exist any more.")
    if own.name != name:
        raise Forbidden(f"Your key belongs to the agent {own.name!r}; register under that name.")


class RegisterView(GenericAPIView[Agent]):
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.RegisterSerializer

    @extend_schema(
        operation_id="register_agent",
        tags=["external agents"],
        request=s.RegisterSerializer,
        responses={200: s.RegisteredSerializer, 201: s.RegisteredSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an agent known; the same name again is the same agent."""
        given = s.RegisterSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        may_register(principal, given.validated_data["name"])
        agent, is_new = services.register_agent(
            principal.project_id,
            name=given.validated_data["name"],
            type=given.validated_data["type"],
            capabilities=list(dict.fromkeys(given.validated_data["capabilities"])),
            key_id=principal.key_id,
            max_parallel=given.validated_data.get("max_parallel"),
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response({"id": str(agent.pk)}, status=code)


class HeartbeatView(GenericAPIView[Agent]):
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.HeartbeatSerializer

    @extend_schema(
        operation_id="agent_heartbeat",
        tags=["external agents"],
        request=s.HeartbeatSerializer,
        responses=s.HeartbeatAnswerSerializer,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Say that the agent lives and, if it wants, what it does."""
        agent = pull_agent(request, agent_id)
        given = s.HeartbeatSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        agent = services.agent_heartbeat(
            agent, status=said.get("status", ""), current_task=said.get("current_task") or None
        )
        return Response({"status": agent.status, "paused": agent.paused})


class ClaimView(GenericAPIView[Agent]):
    """One look for work; `longpoll` repeats it while the caller is willing to wait."""

    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.ClaimSerializer

    @extend_schema(
        operation_id="claim_command_run",
        tags=["external agents"],
        parameters=[
            OpenApiParameter("wait", int, description="Seconds to wait for work, 0 to 25; default 0")
        ],
        request=None,
        responses={200: s.ClaimSerializer, 204: OpenApiResponse(description="Nothing to do now.")},
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Take the next command run that waits for this agent, with a lease on it."""
        wait_seconds(request)
        agent = pull_agent(request, agent_id)
        services.agent_heartbeat(agent)
        claimed = lease.claim_next(agent.pk, worker=agent.name)
        if claimed is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        work = claimed.work
        body = {
            "id": work.command_run_id,
            "command": work.command,
            "title": work.title,
            "prompt": work.prompt,
            "input": work.input,
            "fence": work.fence,
            "attempt": work.attempt,
            "lease_seconds": settings.MC.lease_seconds,
            "timeout_seconds": work.timeout_seconds,
            "traceparent": work.traceparent,
        }
        return Response(s.ClaimSerializer({"command_run": body}).data)


def wait_seconds(request: Request | HttpRequest) -> float:
    """The `wait` parameter. Raises InvalidInput."""
    text = request.GET.get("wait", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= MOST_WAIT_SECONDS):
        raise InvalidInput({"wait": f"Must be a whole number of seconds from 0 to {MOST_WAIT_SECONDS}."})
    return float(text)
