"""Agents with an HTTP endpoint, as admins make them, give them a new secret and try them out."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.permissions import IsAdmin
from apps.agents import credentials, endpoints, outbound
from apps.agents.api.agents import agent_or_404
from apps.agents.api.serializers import SecretSerializer
from apps.agents.connectors import http_agent
from apps.agents.models import Agent, Connector
from apps.agents.outbound import OutboundError
from apps.agents.storable import storable_text
from apps.errors import Conflict

LONGEST_EXCERPT = 500


class TriedSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField(help_text="It answered with a 2xx status")
    status = serializers.IntegerField(allow_null=True, help_text="Its HTTP status; null: no answer")
    milliseconds = serializers.IntegerField()
    said = serializers.CharField(help_text="The beginning of its answer, or why there was none")


class AgentSecretView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(
        operation_id="rotate_agent_secret", tags=["agents"], request=None, responses=SecretSerializer
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Give it a new secret, in this answer and nowhere else. Calls carry the old signature beside the
        new one until the next rotation."""
        agent = endpoints.rotate_secret(agent_or_404(request, agent_id))
        return Response({"secret": credentials.secret_of(agent.pk, agent.secret_version)})


class AgentTestView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(
        operation_id="try_agent_endpoint", tags=["agents"], request=None, responses=TriedSerializer
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Send its endpoint a signed message that asks for nothing, and say what it answered."""
        agent = agent_or_404(request, agent_id)
        if agent.connector != Connector.HTTP:
            raise Conflict("Only an agent with an HTTP endpoint can be called.")
        began = time.monotonic()
        status, said = _tried(agent)
        body = {
            "ok": status is not None and 200 <= status < 300,
            "status": status,
            "milliseconds": round(1000 * (time.monotonic() - began)),
            "said": said,
        }
        return Response(TriedSerializer(body).data)


def _tried(agent: Agent) -> tuple[int | None, str]:
    call = http_agent.try_out(agent.name, agent.pk, agent.endpoint, agent.secret_version)
    try:
        answer: outbound.Answer = asyncio.run(call)
    except OutboundError as error:
        return None, error.message
    said = " ".join(answer.body[: 4 * LONGEST_EXCERPT].decode("utf-8", "replace").split())
    return answer.status, storable_text(said)[:LONGEST_EXCERPT]
