"""Schedules over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator, IsViewer, RolePermission
from apps.agents.api.agents import idempotency_key
from apps.errors import InvalidInput, NotFound
from apps.events.clock import now
from apps.workflows import cron, queries, schedules
from apps.workflows.api import serializers as s
from apps.workflows.api import start_serializers as starts
from apps.workflows.api.views import IDEMPOTENCY, run_body, workflow_id
from apps.workflows.models import Schedule, ScheduleTick, Workflow

WORKFLOW = OpenApiParameter("workflow", str, description="The slug of a workflow")
NEXT_TIMES = 3
PREVIEWED = 5


class SchedulesView(GenericAPIView[Schedule]):
    permission_classes = (RolePermission,)
    serializer_class = starts.ScheduleSerializer
    queryset = Schedule.objects.none()
    ordering = ("name", "id")

    @extend_schema(
        operation_id="list_schedules",
        tags=["schedules"],
        parameters=[WORKFLOW],
        responses=starts.ScheduleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's schedules by name, each with its next three moments and its last one."""
        project_id = principal_of(request).project_id
        found = Schedule.objects.filter(project=project_id).select_related("workflow")
        if slug := request.query_params.get("workflow", ""):
            found = found.filter(workflow=workflow_id(project_id, slug))
        rows = _rows(self.paginate_queryset(found) or [])
        return self.get_paginated_response(starts.ScheduleSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="create_schedule",
        tags=["schedules"],
        request=starts.NewScheduleSerializer,
        responses={201: starts.ScheduleSerializer},
    )
    def post(self, request: Request) -> Response:
        """Start runs of a workflow at the moments of a cron expression."""
        given = starts.NewScheduleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        workflow = workflow_of(request, given.validated_data["workflow"])
        by = principal_of(request).username
        schedule = schedules.create_schedule(workflow, given.validated_data, by=by)
        return Response(
            _row(schedule),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/schedules/{schedule.pk}/"},
        )


class SchedulePreviewView(GenericAPIView[Schedule]):
    permission_classes = (IsViewer,)
    serializer_class = starts.PreviewedSerializer

    @extend_schema(
        operation_id="preview_schedule",
        tags=["schedules"],
        request=starts.PreviewSerializer,
        responses={200: starts.PreviewedSerializer},
    )
    def post(self, request: Request) -> Response:
        """The next five moments of a cron expression in a time zone, or what is wrong with it.
        Saves nothing."""
        given = starts.PreviewSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        expression, zone = given.validated_data["cron"], given.validated_data["time_zone"]
        schedules.checked_cron(expression, zone)
        found = {
            "description": cron.describe(expression),
            "next_times": cron.upcoming(expression, zone, now(), PREVIEWED),
        }
        return Response(starts.PreviewedSerializer(found).data)


class ScheduleView(GenericAPIView[Schedule]):
    permission_classes = (RolePermission,)
    serializer_class = starts.ScheduleSerializer

    @extend_schema(operation_id="get_schedule", tags=["schedules"], responses=starts.ScheduleSerializer)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        """One schedule with its next three moments."""
        return Response(_row(schedule_or_404(request, schedule_id)))

    @extend_schema(
        operation_id="change_schedule",
        tags=["schedules"],
        request=starts.ChangeScheduleSerializer(partial=True),
        responses=starts.ScheduleSerializer,
    )
    def patch(self, request: Request, schedule_id: UUID) -> Response:
        """Change it, enable or disable it. Enabling makes up for nothing that passed meanwhile."""
        schedule = schedule_or_404(request, schedule_id)
        given = starts.ChangeScheduleSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        by = principal_of(request).username
        return Response(_row(schedules.change_schedule(schedule, given.validated_data, by=by)))

    @extend_schema(
        operation_id="delete_schedule",
        tags=["schedules"],
        responses={204: OpenApiResponse(description="Deleted; its runs stay.")},
    )
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        """Delete it. Runs that it started go on and stay."""
        schedules.delete_schedule(schedule_or_404(request, schedule_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ScheduleRunsView(GenericAPIView[ScheduleTick]):
    permission_classes = (IsViewer,)
    serializer_class = starts.TickSerializer
    queryset = ScheduleTick.objects.none()
    ordering = ("-scheduled_for", "-id")

    @extend_schema(
        operation_id="list_runs_of_schedule",
        tags=["schedules"],
        responses=starts.TickSerializer(many=True),
    )
    def get(self, request: Request, schedule_id: UUID) -> Response:
        """Its moments, newest first, and what came of each: the newest thousand are kept."""
        schedule = schedule_or_404(request, schedule_id)
        found = ScheduleTick.objects.filter(schedule=schedule).select_related("run")
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(starts.TickSerializer(page, many=True).data)


class ScheduleRunView(GenericAPIView[Schedule]):
    permission_classes = (IsOperator,)
    serializer_class = s.RunSerializer

    @extend_schema(
        operation_id="run_schedule",
        tags=["schedules"],
        parameters=[IDEMPOTENCY],
        request=None,
        responses={201: s.RunSerializer},
    )
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """Start a run with its input now, also while it is disabled or has an open run."""
        schedule = schedule_or_404(request, schedule_id)
        by, key = principal_of(request).username, idempotency_key(request)
        run = schedules.run_now(schedule, by=by, idempotency_key=key)
        return Response(
            run_body(request, run.pk),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/runs/{run.pk}/"},
        )


def workflow_of(request: Request, slug: str) -> Workflow:
    """The project's workflow with that slug. Raises InvalidInput naming the field."""
    workflow = queries.workflows(principal_of(request).project_id).filter(slug=slug).first()
    if workflow is None:
        raise InvalidInput({"workflow": "Must be the slug of a workflow of this project."})
    return workflow


def schedule_or_404(request: Request, schedule_id: UUID) -> Schedule:
    """The project's schedule. Raises NotFound, also for one of another project."""
    found = Schedule.objects.filter(project=principal_of(request).project_id, pk=schedule_id)
    schedule = found.select_related("workflow__current").first()
    if schedule is None:
        raise NotFound("There is no such schedule in this project.")
    return schedule


def _row(schedule: Schedule) -> dict[str, Any]:
    row: dict[str, Any] = starts.ScheduleSerializer(_rows([schedule])[0]).data
    return row


def _rows(found: Sequence[Schedule]) -> list[dict[str, Any]]:
    """Schedules as lists show them, two queries for any page."""
    newest = ScheduleTick.objects.filter(schedule=OuterRef("pk")).order_by("-scheduled_for").values("id")[:1]
    ids = Schedule.objects.filter(pk__in=[schedule.pk for schedule in found]).annotate(last=Subquery(newest))
    ticks = ScheduleTick.objects.filter(pk__in=ids.values("last")).select_related("run")
    last = {tick.schedule_id: tick for tick in ticks}
    return [_shown(schedule, last.get(schedule.pk)) for schedule in found]


def _shown(schedule: Schedule, last: ScheduleTick | None) -> dict[str, Any]:
    names = ("id", "name", "cron", "time_zone", "input", "priority", "enabled", "misfire", "catch_up_limit")
    more = ("overlap", "next_at", "last_problem", "created_at")
    return {name: getattr(schedule, name) for name in (*names, *more)} | {
        "workflow": schedule.workflow.slug,
        "workflow_name": schedule.workflow.name,
        "description": cron.describe(schedule.cron),
        "next_times": _next_times(schedule),
        "last": last,
        "owner": schedule.created_by,
    }


def _next_times(schedule: Schedule) -> list[Any]:
    if schedule.next_at is None:
        return []
    later = cron.upcoming(schedule.cron, schedule.time_zone, schedule.next_at, NEXT_TIMES - 1)
    return [schedule.next_at, *later]
