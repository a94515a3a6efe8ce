"""Agents and the catalogue over HTTP, for people and programs that watch and command."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import (
    IsAdmin,
    IsOperator,
    IsViewer,
    IsViewerOrAgentKey,
    RolePermission,
)
from apps.agents import credentials, endpoints, queries, services
from apps.agents.api import serializers as s
from apps.agents.models import Agent, AgentStatus, Command, CommandRun, Connector, RunStatus
from apps.errors import InvalidInput, NotFound

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="The same key and body give the same command run; another body gives 422.",
)


def agent_or_404(request: Request, agent_id: UUID) -> Agent:
    """The project's agent. Raises NotFound, also for an agent of another project."""
    agent = Agent.objects.filter(project_id=principal_of(request).project_id, pk=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent in this project.")
    return agent


def idempotency_key(request: Request) -> str | None:
    """The header's value. Raises InvalidInput when it is empty, long or not printable."""
    value = request.headers.get("Idempotency-Key")
    if value is not None and not (0 < len(value) <= 200 and value.isprintable()):
        raise InvalidInput({"Idempotency-Key": "Must be 1 to 200 printable characters."})
    return value


def one_of(request: Request, name: str, allowed: list[str]) -> str:
    """The query parameter's value, empty when absent. Raises InvalidInput naming what is allowed."""
    value = request.query_params.get(name, "")
    if value and value not in allowed:
        raise InvalidInput({name: f"Must be one of {', '.join(allowed)}."})
    return value


class ViewersReadAdminsWrite(BasePermission):
    message = IsAdmin.message

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = IsViewer() if request.method in SAFE_METHODS else IsAdmin()
        return needed.has_permission(request, view)


class AgentsView(GenericAPIView[Agent]):
    permission_classes = (ViewersReadAdminsWrite,)
    serializer_class = s.AgentRowSerializer
    ordering = ("name", "id")
    queryset = Agent.objects.none()

    @extend_schema(
        operation_id="list_agents",
        tags=["agents"],
        parameters=[
            OpenApiParameter("status", enum=AgentStatus.values),
            OpenApiParameter("connector", enum=Connector.values),
            OpenApiParameter("type", str),
            OpenApiParameter("q", str, description="Part of the name or the description"),
        ],
        responses=s.AgentRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's agents by name."""
        page = self.paginate_queryset(self._rows(request))
        rows = [queries.agent_row(agent) for agent in page or []]
        return self.get_paginated_response(s.AgentRowSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="create_agent",
        tags=["agents"],
        request=s.EndpointAgentSerializer,
        responses={201: s.AgentWithSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an agent that is reached at an HTTP endpoint. The secret its calls are signed with is in
        this answer and nowhere else."""
        given = s.EndpointAgentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = {name: value for name, value in given.validated_data.items() if name != "connector"}
        agent = endpoints.add(principal_of(request).project_id, endpoints.Described(**said))
        secret = credentials.secret_of(agent.pk, agent.secret_version)
        body = s.AgentWithSecretSerializer(_detail(request, agent) | {"secret": secret}).data
        return Response(
            body, status=status.HTTP_201_CREATED, headers={"Location": f"/api/v1/agents/{agent.pk}/"}
        )

    def _rows(self, request: Request) -> QuerySet[Agent]:
        rows = Agent.objects.filter(project_id=principal_of(request).project_id).defer("instructions")
        if said := one_of(request, "status", AgentStatus.values):
            rows = rows.filter(status=said)
        if said := one_of(request, "connector", Connector.values):
            rows = rows.filter(connector=said)
        if said := request.query_params.get("type", "")[:50]:
            rows = rows.filter(type=said)
        if said := request.query_params.get("q", "")[:100]:
            rows = rows.filter(Q(name__icontains=said) | Q(description__icontains=said))
        return rows


def _detail(request: Request, agent: Agent) -> dict[str, Any]:
    """The agent's page. An address may hold a key of its receiver, so viewers do not see it."""
    knows = principal_of(request).can("operate")
    return queries.agent_detail(agent) | {"endpoint": agent.endpoint if knows else ""}


class AgentView(GenericAPIView[Agent]):
    permission_classes = (ViewersReadAdminsWrite,)
    serializer_class = s.AgentSerializer

    @extend_schema(operation_id="get_agent", tags=["agents"], responses=s.AgentSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """One agent, its last 24 hours and what it does now."""
        return Response(s.AgentSerializer(_detail(request, agent_or_404(request, agent_id))).data)

    @extend_schema(
        operation_id="change_agent",
        tags=["agents"],
        request=s.EndpointAgentSerializer(partial=True),
        responses=s.AgentSerializer,
    )
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """Change an agent that is reached at an HTTP endpoint. Work that it has already goes on."""
        agent = agent_or_404(request, agent_id)
        given = s.EndpointAgentSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        said = {name: value for name, value in given.validated_data.items() if name != "connector"}
        return Response(s.AgentSerializer(_detail(request, endpoints.amend(agent, said))).data)

    @extend_schema(
        operation_id="delete_agent",
        tags=["agents"],
        responses={204: OpenApiResponse(description="Deleted.")},
    )
    def delete(self, request: Request, agent_id: UUID) -> Response:
        """Delete an agent that never had work. 409 when it has history: pause it instead."""
        services.remove_agent(agent_or_404(request, agent_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class AgentPauseView(GenericAPIView[Agent]):
    permission_classes = (IsOperator,)
    serializer_class = s.AgentRowSerializer

    @extend_schema(operation_id="pause_agent", tags=["agents"], request=None, responses=s.AgentRowSerializer)
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Give the agent no new work; what it has runs to its end."""
        agent = services.pause_agent(agent_or_404(request, agent_id))
        return Response(s.AgentRowSerializer(queries.agent_row(agent)).data)

    @extend_schema(operation_id="resume_agent", tags=["agents"], request=None, responses=s.AgentRowSerializer)
    def delete(self, request: Request, agent_id: UUID) -> Response:
        """Let the agent have work again."""
        agent = services.resume_agent(agent_or_404(request, agent_id))
        return Response(s.AgentRowSerializer(queries.agent_row(agent)).data)


class AgentCommandRunsView(GenericAPIView[CommandRun]):
    permission_classes = (RolePermission,)
    serializer_class = s.CommandRunRowSerializer
    ordering = ("-queued_at", "-id")
    queryset = CommandRun.objects.none()

    @extend_schema(
        operation_id="list_command_runs_of_agent",
        tags=["command runs"],
        parameters=[OpenApiParameter("status", enum=RunStatus.values)],
        responses=s.CommandRunRowSerializer(many=True),
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What the agent was given, newest first."""
        agent = agent_or_404(request, agent_id)
        rows = queries.command_runs(agent.project_id).filter(agent=agent)
        if said := one_of(request, "status", RunStatus.values):
            rows = rows.filter(status=said)
        page = [queries.command_run_row(run) for run in self.paginate_queryset(rows) or []]
        return self.get_paginated_response(s.CommandRunRowSerializer(page, many=True).data)

    @extend_schema(
        operation_id="start_command_run",
        tags=["command runs"],
        parameters=[IDEMPOTENCY],
        request=s.StartCommandSerializer,
        responses={201: s.CommandRunSerializer},
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Ask the agent to do a command of the catalogue."""
        agent = agent_or_404(request, agent_id)
        given = s.StartCommandSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name = given.validated_data["command"]
        command = Command.objects.filter(project_id=agent.project_id, name=name).first()
        if command is None:
            raise InvalidInput({"command": f"There is no command {name!r} in the catalogue."})
        order = services.Order(
            command=command,
            input=given.validated_data["input"],
            agent=agent,
            requested_by=principal_of(request).username,
            idempotency_key=idempotency_key(request),
        )
        run = services.start_command_run(order, agent.project_id)
        run = queries.command_runs(agent.project_id).get(pk=run.pk)
        body = s.CommandRunSerializer(queries.command_run_detail(run)).data
        return Response(
            body, status=status.HTTP_201_CREATED, headers={"Location": f"/api/v1/command-runs/{run.pk}/"}
        )


class CommandsView(GenericAPIView[Command]):
    permission_classes = (IsViewer,)
    serializer_class = s.CommandSerializer
    ordering = ("name", "id")
    queryset = Command.objects.none()

    @extend_schema(
        operation_id="list_commands",
        tags=["commands"],
        parameters=[OpenApiParameter("capability", str), OpenApiParameter("q", str)],
        responses=s.CommandSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The catalogue: what agents can be asked, and who can do it."""
        project_id = principal_of(request).project_id
        rows = Command.objects.filter(project_id=project_id)
        if said := request.query_params.get("capability", "")[:100]:
            rows = rows.filter(capability=said)
        if said := request.query_params.get("q", "")[:100]:
            rows = rows.filter(
                Q(name__icontains=said) | Q(title__icontains=said) | Q(description__icontains=said)
            )
        page = list(self.paginate_queryset(rows) or [])
        found = queries.command_rows(project_id, page)
        return self.get_paginated_response(s.CommandSerializer(found, many=True).data)


class CommandView(GenericAPIView[Command]):
    permission_classes = (IsViewerOrAgentKey,)
    serializer_class = s.CommandSerializer

    @extend_schema(operation_id="get_command", tags=["commands"], responses=s.CommandSerializer)
    def get(self, request: Request, name: str) -> Response:
        """One entry of the catalogue. The key of an agent, which may register for any capability, learns
        what the command asks of it, and not who else can do it."""
        principal = principal_of(request)
        project_id = principal.project_id
        command = Command.objects.filter(project_id=project_id, name=name).first()
        if command is None:
            raise NotFound("There is no such command in the catalogue.")
        knows = principal.can("read")
        found = queries.command_rows(project_id, [command])[0] if knows else queries.command_row(command, [])
        return Response(s.CommandSerializer(found).data)
