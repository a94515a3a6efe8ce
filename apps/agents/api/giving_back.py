"""How an external agent that must go gives back what it holds, so that nobody waits for its lease."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.permissions import IsAgentKey
from apps.agents import lease
from apps.agents.api import serializers as s
from apps.agents.api.command_runs import held_command_run
from apps.agents.api.overload import AgentThrottle
from apps.agents.models import CommandRun


class CommandRunReturnView(GenericAPIView[CommandRun]):
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.AcknowledgementSerializer

    @extend_schema(
        operation_id="give_command_run_back",
        tags=["external agents"],
        request=s.AcknowledgementSerializer,
        responses=s.CommandRunStateSerializer,
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Give it back unfinished: it is queued again at once, the attempt does not count. 409 when the
        fence is stale."""
        run = held_command_run(request, command_run_id)
        given = s.AcknowledgementSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        ended = lease.give_back(run.pk, given.validated_data["fence"])
        return Response({"id": str(ended.pk), "status": ended.status})
