"""How an agent asks people while it works, over HTTP, and reads what they said.

An agent with a key reads it at `approvals/{id}/` too; a callback token opens only what is below its
command run.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey
from apps.agents import lease, services
from apps.agents.api.agents import idempotency_key
from apps.agents.api.callbacks import REPORTERS, Callback
from apps.agents.api.command_runs import held_command_run
from apps.agents.api.overload import AgentThrottle
from apps.errors import NotFound, StaleFence
from apps.workflows import queries, questions
from apps.workflows.api import serializers as s
from apps.workflows.api.approvals import approval_row
from apps.workflows.models import Approval, ApprovalState
from apps.workflows.questions import Question

KEY_HEADER = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same as `event_id`"
)
LONGEST_KEY = 200


class AskSerializer(serializers.Serializer[Any]):
    fence = serializers.IntegerField(min_value=0)
    title = serializers.CharField(max_length=300)
    details = serializers.CharField(
        max_length=10_000, required=False, default="", allow_blank=True, trim_whitespace=False
    )
    options = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=questions.MOST_OPTIONS,
        required=False,
        default=list,
        help_text="One of them is chosen with a yes; without them it is yes or no",
    )
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF has an attribute of that name
        required=False, default=dict, help_text="JSON Schema of a form, as that of an approval step"
    )
    min_approvals = serializers.IntegerField(
        min_value=1, max_value=50, default=1, help_text="How many people must say the same yes"
    )
    expires_seconds = serializers.FloatField(
        min_value=1,
        max_value=31_536_000,
        required=False,
        allow_null=True,
        default=None,
        help_text="Without it the question stays open until somebody decides or the work ends",
    )
    on_expiry = serializers.ChoiceField(choices=["reject", "approve"], default="reject")
    notify = serializers.ListField(
        child=serializers.EmailField(),
        max_length=20,
        required=False,
        default=list,
        help_text="E-mail addresses of members who get a link to decide",
    )
    event_id = serializers.CharField(
        max_length=LONGEST_KEY,
        required=False,
        help_text="Your id of it: asked again, it is the same question",
    )


class AskedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=ApprovalState.choices)


class CommandRunApprovalsView(GenericAPIView[Approval]):
    authentication_classes = REPORTERS
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = AskSerializer

    @extend_schema(
        operation_id="ask_people",
        tags=["external agents"],
        parameters=[KEY_HEADER],
        request=AskSerializer,
        responses={200: AskedSerializer, 201: AskedSerializer},
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Ask people about the work in hand; renews the lease. The answer is at `approvals/{id}/`, below
        the command run or at the top. Go on
        reporting meanwhile: neither the lease nor the timeout waits for people. 409 when the fence is
        stale, 422 when the event id came with another question."""
        run = held_command_run(request, command_run_id)
        given = AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = dict(given.validated_data)
        fence, key = said.pop("fence"), said.pop("event_id", None) or idempotency_key(request)
        approval, is_new = questions.ask(run.pk, fence, Question(**said, key=key))
        lease.report(run.pk, fence)
        if run.agent is not None:
            services.agent_heartbeat(run.agent)
        return Response({"id": str(approval.pk), "state": approval.state}, status=201 if is_new else 200)


class CommandRunApprovalView(GenericAPIView[Approval]):
    authentication_classes = REPORTERS
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.ApprovalSerializer

    @extend_schema(
        operation_id="get_answer", tags=["external agents"], request=None, responses=s.ApprovalSerializer
    )
    def get(self, request: Request, command_run_id: UUID, approval_id: UUID) -> Response:
        """What people said to a question about the work in hand. 409 when the token is of an attempt
        before the newest."""
        run = held_command_run(request, command_run_id)
        caller = principal_of(request)
        if isinstance(caller, Callback) and caller.fence != run.fence:
            raise StaleFence("The callback token is of an attempt that is over; its work was given away.")
        asked = queries.approvals(run.project_id).filter(pk=approval_id, command_run_id=run.pk).first()
        if asked is None:
            raise NotFound("There is no such question about this command run.")
        return Response(approval_row(request, asked))
