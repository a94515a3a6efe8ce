"""Verbs on many command runs at once, and the order of one, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator
from apps.agents import priorities, queries
from apps.agents.api import serializers as s
from apps.agents.api.command_runs import command_run_or_404
from apps.agents.models import CommandRun, RunStatus
from apps.agents.priorities import BULK, HIGHEST, LOWEST, Bulk


class PrioritySerializer(serializers.Serializer[Any]):
    priority = serializers.IntegerField(min_value=LOWEST, max_value=HIGHEST, help_text="Higher goes first")


class RefusalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    why = serializers.CharField()


class BulkDoneSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField(help_text="What fits the filter; not counted beyond 10,000")
    done = serializers.IntegerField(help_text="On how many it was, or with dry_run would be, done")
    left = serializers.IntegerField(help_text="On how many it is still possible: ask again")
    refused = RefusalSerializer(many=True, help_text="Some of those on which it is not possible, at most 20")


class BulkSerializer(serializers.Serializer[Any]):
    """The part that every verb on many has in common; the filter is added by each."""

    limit = serializers.IntegerField(required=False, default=BULK, min_value=1, max_value=BULK)
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only say on how many")


class CommandRunFilterSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(required=False, choices=RunStatus.choices)
    agent = serializers.UUIDField(required=False)
    command = serializers.CharField(required=False, max_length=100)
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=BULK)


class CommandRunsBulkSerializer(BulkSerializer):
    filter = CommandRunFilterSerializer()


class CommandRunCancellationsView(GenericAPIView[CommandRun]):
    permission_classes = (IsOperator,)
    serializer_class = BulkDoneSerializer

    @extend_schema(
        operation_id="cancel_command_runs",
        tags=["command runs"],
        request=CommandRunsBulkSerializer,
        responses=BulkDoneSerializer,
    )
    def post(self, request: Request) -> Response:
        """Cancel those that fit the filter and are not over, the oldest first, at most 500 at a time."""
        given = CommandRunsBulkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        wanted: dict[str, Any] = said["filter"]
        names = {"status": "status", "agent": "agent_id", "command": "command__name", "ids": "pk__in"}
        where = Q(**{names[name]: value for name, value in wanted.items()})
        done = priorities.cancel_command_runs(
            principal_of(request).project_id, where, limit=said["limit"], dry_run=said["dry_run"]
        )
        return bulk_answer(done)


class CommandRunPriorityView(GenericAPIView[CommandRun]):
    permission_classes = (IsOperator,)
    serializer_class = PrioritySerializer

    @extend_schema(
        operation_id="prioritise_command_run",
        tags=["command runs"],
        request=PrioritySerializer,
        responses=s.CommandRunRowSerializer,
    )
    def put(self, request: Request, command_run_id: UUID) -> Response:
        """Let it go before or after others. 409 when it is over."""
        given = PrioritySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = command_run_or_404(request, command_run_id)
        run = priorities.prioritise(run.pk, given.validated_data["priority"])
        return Response(s.CommandRunRowSerializer(queries.command_run_row(run)).data)


def bulk_answer(done: Bulk) -> Response:
    return Response(BulkDoneSerializer(done).data)
