"""The log of a command run over HTTP: its holder appends, everybody of the project reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey, IsViewer
from apps.agents import lease, lines, many, services
from apps.agents.api.callbacks import REPORTERS
from apps.agents.api.command_runs import command_run_or_404, held_command_run
from apps.agents.api.overload import AgentThrottle
from apps.agents.models import CommandRun, CommandRunLine, LogLevel
from apps.agents.updates import LONGEST_EVENT_ID
from apps.errors import InvalidInput

MOST_ON_PAGE = 500
LARGEST_NUMBER = 2**31 - 1


class LogLineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Counts the lines of the command run from 1")
    attempt = serializers.IntegerField()
    level = serializers.ChoiceField(choices=LogLevel.choices)
    text = serializers.CharField()
    at = serializers.DateTimeField()


class SaidLineSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=lines.MOST_CHARACTERS, allow_blank=True, trim_whitespace=False)
    level = serializers.ChoiceField(choices=LogLevel.choices, default=LogLevel.INFO)
    at = serializers.DateTimeField(required=False, help_text="Without it, when the server got it")


class AppendLinesSerializer(serializers.Serializer[Any]):
    fence = serializers.IntegerField(min_value=0)
    lines = serializers.ListField(child=SaidLineSerializer(), max_length=lines.MOST_IN_CALL)
    event_id = serializers.CharField(
        required=False, max_length=LONGEST_EVENT_ID, help_text="Yours; these lines are kept once in 24 hours"
    )


class AppendedSerializer(serializers.Serializer[Any]):
    kept = serializers.IntegerField(help_text="0 when the event id was taken before")
    dropped = serializers.IntegerField(help_text="Lines beyond what one command run keeps")
    last = serializers.IntegerField(help_text="The number of the newest line there is")
    cancel = serializers.BooleanField()
    pause = serializers.BooleanField()


class CommandRunLogsView(GenericAPIView[CommandRunLine]):
    authentication_classes = REPORTERS
    queryset = CommandRunLine.objects.none()
    serializer_class = LogLineSerializer
    throttle_classes = (AgentThrottle,)
    ordering = ("number",)

    def get_permissions(self) -> list[BasePermission]:
        return [IsAgentKey() if self.request.method == "POST" else IsViewer()]

    @property
    def paginator(self) -> Any:
        """As every list, but a log is read many lines at a time."""
        found: Any = super().paginator
        found.page_size = found.max_page_size = MOST_ON_PAGE
        return found

    @extend_schema(
        operation_id="list_command_run_log",
        tags=["command runs"],
        parameters=[
            OpenApiParameter("after", int, description="Only lines with a higher number"),
            OpenApiParameter("limit", int, description="Lines on a page, 1 to 500; default 500"),
        ],
        responses=LogLineSerializer(many=True),
    )
    def get(self, request: Request, command_run_id: UUID) -> Response:
        """What was logged while it ran, oldest first."""
        run = command_run_or_404(request, command_run_id)
        rows = CommandRunLine.objects.filter(command_run=run, number__gt=_after(request))
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(LogLineSerializer(page, many=True).data)

    @extend_schema(
        operation_id="append_command_run_log",
        tags=["external agents"],
        request=AppendLinesSerializer,
        responses=AppendedSerializer,
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Log lines of the work in hand; renews the lease. 409 when the fence is stale."""
        run: CommandRun = held_command_run(request, command_run_id)
        given = AppendLinesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fence, event_id = given.validated_data["fence"], given.validated_data.get("event_id")
        said = [lines.Said(**one) for one in given.validated_data["lines"]]
        with transaction.atomic():
            if event_id is not None and not many.is_new(_sender(request), event_id):
                said = []
            taken = lines.append(run.pk, fence, said)
        signal = lease.report(run.pk, fence)
        if run.agent is not None:
            services.agent_heartbeat(run.agent)
        return Response(
            {
                "kept": taken.kept,
                "dropped": taken.dropped,
                "last": taken.last,
                "cancel": signal.cancel,
                "pause": signal.pause,
            }
        )


def _sender(request: Request) -> many.Sender:
    principal = principal_of(request)
    assert principal.key_id is not None  # only keys have the scope
    return many.Sender(principal.project_id, principal.key_id, principal.agent_id)


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST_NUMBER):
        raise InvalidInput({"after": "Must be the number of a line, 0 or more."})
    return int(text)
