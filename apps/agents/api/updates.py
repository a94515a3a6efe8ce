"""Thousands of heartbeats, progress reports and log lines of many agents in one request."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey
from apps.agents import many, updates
from apps.agents.api.overload import AgentThrottle, charge
from apps.agents.many import Sender
from apps.agents.models import Agent
from apps.errors import InvalidInput


class UpdateSerializer(serializers.Serializer[Any]):
    """What an update may hold; which of it it must depends on its type."""

    type = serializers.ChoiceField(choices=list(updates.READERS))
    event_id = serializers.CharField(
        required=False, max_length=updates.LONGEST_EVENT_ID, help_text="Yours; it counts once in 24 hours"
    )
    at = serializers.DateTimeField(
        required=False, help_text="The moment it is of; a heartbeat of before what is known changes nothing"
    )
    agent = serializers.CharField(required=False, help_text="heartbeat: the id or name of an agent")
    status = serializers.ChoiceField(
        choices=[(word, word) for word in updates.SAYABLE], required=False, help_text="heartbeat"
    )
    current_task = serializers.CharField(
        required=False, allow_null=True, max_length=200, help_text="heartbeat, with a status"
    )
    command_run = serializers.UUIDField(required=False, help_text="progress, log")
    fence = serializers.IntegerField(required=False, min_value=0, help_text="progress, log")
    progress = serializers.IntegerField(
        required=False, min_value=0, max_value=100, help_text="progress; it never goes back in an attempt"
    )
    message = serializers.CharField(required=False, max_length=200, help_text="progress")
    text = serializers.CharField(required=False, max_length=4_096, help_text="log")
    level = serializers.ChoiceField(
        choices=[(word, word) for word in updates.LEVELS], required=False, help_text="log; default info"
    )
    name = serializers.CharField(required=False, max_length=100, help_text="register")
    agent_type = serializers.CharField(required=False, max_length=50, help_text="register")
    capabilities = serializers.ListField(child=serializers.CharField(), required=False, help_text="register")


class UpdatesSerializer(serializers.Serializer[Any]):
    updates = UpdateSerializer(many=True)


class RejectedSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Its place in the request, from 0")
    code = serializers.ChoiceField(
        choices=["invalid", "not_found", "not_pull", "stale_fence", "conflict", "forbidden", "too_many"]
    )
    detail = serializers.CharField()


class SignalSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="The newest update of that agent or command run")
    cancel = serializers.BooleanField()
    pause = serializers.BooleanField()


class UpdatesTakenSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Their event ids were taken before; nothing was done")
    rejected = RejectedSerializer(many=True)
    signals = SignalSerializer(many=True, help_text="Where somebody wants it cancelled or paused")


class UpdatesView(GenericAPIView[Agent]):
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = UpdatesSerializer
    max_keys = 60_000  # in a body; its size is limited as everywhere

    @extend_schema(
        operation_id="send_updates",
        tags=["external agents"],
        request=UpdatesSerializer,
        responses=UpdatesTakenSerializer,
    )
    def post(self, request: Request) -> Response:
        """Take up to 5,000 updates in one transaction: all that can be are done, the others come back by
        their place. Under the rules of the single calls."""
        given = request.data.get("updates") if isinstance(request.data, dict) else None
        if not isinstance(given, list) or len(given) > updates.MOST:
            raise InvalidInput({"updates": f"Must be a list of at most {updates.MOST:,} updates."})
        principal = principal_of(request)
        charge(principal, len(given) - 1)
        assert principal.key_id is not None  # only keys have the scope
        answer = many.take(Sender(principal.project_id, principal.key_id, principal.agent_id), given)
        return Response(
            {
                "accepted": answer.accepted,
                "duplicates": answer.duplicates,
                "rejected": answer.rejected,
                "signals": answer.signals,
            }
        )
