"""One verb on many runs by filter, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator
from apps.agents.api.agents import idempotency_key
from apps.agents.api.bulk import BulkDoneSerializer, BulkSerializer, PrioritySerializer, bulk_answer
from apps.agents.priorities import BULK
from apps.workflows import bulk, reruns
from apps.workflows.api.views import workflow_id
from apps.workflows.bulk import Verb, Wanted
from apps.workflows.models import Origin, Run, RunStatus


class RunFilterSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(required=False, choices=RunStatus.choices)
    workflow = serializers.CharField(required=False, help_text="The slug of a workflow")
    origin = serializers.ChoiceField(required=False, choices=Origin.choices)
    schedule = serializers.UUIDField(required=False, help_text="The id of the schedule that started them")
    trigger = serializers.UUIDField(required=False, help_text="The id of the trigger that started them")
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=BULK)


class RunsBulkSerializer(BulkSerializer):
    filter = RunFilterSerializer()


class RunsPrioritySerializer(RunsBulkSerializer, PrioritySerializer):
    pass


class RunsRerunSerializer(RunsBulkSerializer):
    next = serializers.CharField(
        required=False,
        default=None,
        allow_null=True,
        max_length=200,
        help_text="From the answer before, with the same filter: goes on where that one ended",
    )


class RunsRerunDoneSerializer(BulkDoneSerializer):
    next = serializers.CharField(
        allow_null=True, help_text="Send it along to go on; null when nothing is left"
    )


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
        where = _where(principal.project_id, said["filter"])
        wanted = Wanted(self.verb, by=principal.username, priority=said.get("priority", 0))
        done = bulk.act(
            principal.project_id,
            wanted,
            where,
            ids=said["filter"].get("ids"),
            limit=said["limit"],
            dry_run=said["dry_run"],
        )
        return bulk_answer(done)


def _where(project_id: UUID, said: dict[str, Any]) -> Q:
    where: dict[str, Any] = {name: said[name] for name in ("status", "origin") if name in said}
    if "workflow" in said:
        where["workflow"] = workflow_id(project_id, said["workflow"])
    found = Q(**where)
    for origin in (Origin.SCHEDULE, Origin.TRIGGER):
        if origin in said:
            found &= Q(origin=origin, origin_id=said[origin])
    return found


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


class RunRerunsView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = RunsRerunDoneSerializer

    @extend_schema(
        operation_id="rerun_runs",
        tags=["runs"],
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                location=OpenApiParameter.HEADER,
                description="With the same key no run is started again twice, also when an answer was lost.",
            )
        ],
        request=RunsRerunSerializer,
        responses=RunsRerunDoneSerializer,
    )
    def post(self, request: Request) -> Response:
        """Start the workflows of the runs that fit the filter again, each with the same input, the oldest
        first, at most 500 at a time. While `next` is not null send it along: what was started meanwhile
        is left out, and a slice that is asked for twice starts nothing twice."""
        given = RunsRerunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        principal = principal_of(request)
        place = reruns.Place.read(said["next"]) if said["next"] else reruns.begin(idempotency_key(request))
        made = reruns.act(
            principal.project_id,
            place,
            _where(principal.project_id, said["filter"]),
            by=principal.username,
            ids=said["filter"].get("ids"),
            limit=said["limit"],
            dry_run=said["dry_run"],
        )
        next_place = str(made.next) if made.next else None
        return Response({**BulkDoneSerializer(made.bulk).data, "next": next_place})


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
