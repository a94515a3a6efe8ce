"""One verb on many runs by filter, over HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator
from apps.agents.api.bulk import BulkDoneSerializer, BulkSerializer, PrioritySerializer, bulk_answer
from apps.agents.priorities import BULK
from apps.workflows import bulk
from apps.workflows.api.views import workflow_id
from apps.workflows.bulk import Verb, Wanted
from apps.workflows.models import Origin, Run, RunStatus


class RunFilterSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(required=False, choices=RunStatus.choices)
    workflow = serializers.CharField(required=False, help_text="The slug of a workflow")
    origin = serializers.ChoiceField(required=False, choices=Origin.choices)
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=BULK)


class RunsBulkSerializer(BulkSerializer):
    filter = RunFilterSerializer()


class RunsPrioritySerializer(RunsBulkSerializer, PrioritySerializer):
    pass


class _BulkView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = BulkDoneSerializer
    verb: Verb

    def act(self, request: Request) -> Response:
        shape = RunsPrioritySerializer if self.verb == Verb.PRIORITISE else RunsBulkSerializer
        given = shape(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        principal = principal_of(request)
        wanted = Wanted(self.verb, by=principal.username, priority=said.get("priority", 0))
        where = {name: said["filter"][name] for name in ("status", "origin") if name in said["filter"]}
        if "workflow" in said["filter"]:
            where["workflow"] = workflow_id(principal.project_id, said["filter"]["workflow"])
        done = bulk.act(
            principal.project_id,
            wanted,
            Q(**where),
            ids=said["filter"].get("ids"),
            limit=said["limit"],
            dry_run=said["dry_run"],
        )
        return bulk_answer(done)


class RunCancellationsView(_BulkView):
    verb = Verb.CANCEL

    @extend_schema(
        operation_id="cancel_runs", tags=["runs"], request=RunsBulkSerializer, responses=BulkDoneSerializer
    )
    def post(self, request: Request) -> Response:
        """Cancel the open runs that fit the filter, the oldest first, at most 500 at a time."""
        return self.act(request)


class RunPausesView(_BulkView):
    verb = Verb.PAUSE

    @extend_schema(
        operation_id="pause_runs", tags=["runs"], request=RunsBulkSerializer, responses=BulkDoneSerializer
    )
    def post(self, request: Request) -> Response:
        """Pause the open runs that fit the filter; what runs goes on to its end."""
        return self.act(request)


class RunResumesView(_BulkView):
    verb = Verb.RESUME

    @extend_schema(
        operation_id="resume_runs", tags=["runs"], request=RunsBulkSerializer, responses=BulkDoneSerializer
    )
    def post(self, request: Request) -> Response:
        """Let the paused runs that fit the filter go on."""
        return self.act(request)


class RunRetriesView(_BulkView):
    verb = Verb.RETRY

    @extend_schema(
        operation_id="retry_runs", tags=["runs"], request=RunsBulkSerializer, responses=BulkDoneSerializer
    )
    def post(self, request: Request) -> Response:
        """Do again what failed in the failed and cancelled runs that fit the filter."""
        return self.act(request)


class RunRerunsView(_BulkView):
    verb = Verb.RERUN

    @extend_schema(
        operation_id="rerun_runs", tags=["runs"], request=RunsBulkSerializer, responses=BulkDoneSerializer
    )
    def post(self, request: Request) -> Response:
        """Start the workflows of the runs that fit the filter again, each with the same input. What is
        left over would be the same again with new runs: name the runs instead."""
        return self.act(request)


class RunPrioritiesView(_BulkView):
    verb = Verb.PRIORITISE

    @extend_schema(
        operation_id="prioritise_runs",
        tags=["runs"],
        request=RunsPrioritySerializer,
        responses=BulkDoneSerializer,
    )
    def post(self, request: Request) -> Response:
        """Give the open runs that fit the filter another priority."""
        return self.act(request)
