"""Pausing, retrying, rerunning and the order of runs, over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator, RolePermission
from apps.agents import holds
from apps.agents.api.agents import idempotency_key
from apps.agents.api.bulk import PrioritySerializer
from apps.agents.models import Hold
from apps.errors import NotFound
from apps.workflows import control, queries
from apps.workflows.api import serializers as s
from apps.workflows.api.views import IDEMPOTENCY, run_body, workflow_or_404
from apps.workflows.models import Run


def run_or_404(request: Request, run_id: UUID) -> Run:
    """The project's run. Raises NotFound, also for one of another project."""
    run = queries.runs(principal_of(request).project_id).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run in this project.")
    return run


class RunPauseView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = s.RunRowSerializer

    @extend_schema(operation_id="pause_run", tags=["runs"], request=None, responses=s.RunRowSerializer)
    def post(self, request: Request, run_id: UUID) -> Response:
        """Start nothing more of it; what runs goes on to its end. 409 when the run is over."""
        run = control.pause_run(run_or_404(request, run_id), by=principal_of(request).username)
        return _row(run)

    @extend_schema(
        operation_id="resume_run", tags=["runs"], request=None, responses={200: s.RunRowSerializer}
    )
    def delete(self, request: Request, run_id: UUID) -> Response:
        """Let it go on; its deadline moves by the time it was paused. 409 when the run is over."""
        run = control.resume_run(run_or_404(request, run_id), by=principal_of(request).username)
        return _row(run)


class WorkflowPauseView(GenericAPIView[Hold]):
    permission_classes = (RolePermission,)
    serializer_class = s.PauseSerializer

    @extend_schema(operation_id="get_workflow_pause", tags=["workflows"], responses=s.PauseSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Whether the workflow is paused, by whom and since when."""
        return _pause(holds.of(workflow_or_404(request, slug).pk))

    @extend_schema(
        operation_id="pause_workflow", tags=["workflows"], request=None, responses=s.PauseSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        """Dispatch nothing of its runs, also of those that are started meanwhile."""
        workflow = workflow_or_404(request, slug)
        return _pause(control.pause_workflow(workflow, by=principal_of(request).username))

    @extend_schema(
        operation_id="resume_workflow",
        tags=["workflows"],
        request=None,
        responses={200: s.PauseSerializer},
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Let its runs go on."""
        workflow = workflow_or_404(request, slug)
        return _pause(control.resume_workflow(workflow, by=principal_of(request).username))


class ProjectPauseView(GenericAPIView[Hold]):
    permission_classes = (RolePermission,)
    serializer_class = s.PauseSerializer

    @extend_schema(operation_id="get_pause", tags=["project"], responses=s.PauseSerializer)
    def get(self, request: Request) -> Response:
        """Whether the project is paused, by whom and since when."""
        return _pause(holds.of(principal_of(request).project_id))

    @extend_schema(operation_id="pause_project", tags=["project"], request=None, responses=s.PauseSerializer)
    def post(self, request: Request) -> Response:
        """Stop everything: nothing is dispatched until it is resumed. What runs goes on to its end."""
        principal = principal_of(request)
        return _pause(control.pause_project(principal.project_id, by=principal.username))

    @extend_schema(
        operation_id="resume_project", tags=["project"], request=None, responses={200: s.PauseSerializer}
    )
    def delete(self, request: Request) -> Response:
        """Let everything go on."""
        principal = principal_of(request)
        return _pause(control.resume_project(principal.project_id, by=principal.username))


class RunRetryView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = s.RunSerializer

    @extend_schema(
        operation_id="retry_run", tags=["runs"], request=s.RetrySerializer, responses={202: s.RunSerializer}
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Do again what failed, and with `step` that step and everything after it. What the others
        made stays. 409 while the run is not over."""
        given = s.RetrySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = run_or_404(request, run_id)
        control.retry_run(run, step=given.validated_data.get("step", ""), by=principal_of(request).username)
        return Response(run_body(request, run_id), status=status.HTTP_202_ACCEPTED)


class RunRerunView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = s.RunSerializer

    @extend_schema(
        operation_id="rerun_run",
        tags=["runs"],
        parameters=[IDEMPOTENCY],
        request=s.RerunSerializer,
        responses={201: s.RunSerializer},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """A new run of the workflow's current version, with the same input or another."""
        given = s.RerunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run, _ = control.rerun(
            run_or_404(request, run_id),
            given.validated_data["input"],
            by=principal_of(request).username,
            idempotency_key=idempotency_key(request),
        )
        return Response(
            run_body(request, run.pk),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/runs/{run.pk}/"},
        )


class RunPriorityView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = PrioritySerializer

    @extend_schema(
        operation_id="prioritise_run", tags=["runs"], request=PrioritySerializer, responses=s.RunRowSerializer
    )
    def put(self, request: Request, run_id: UUID) -> Response:
        """Let it, and what it has queued, go before or after others. 409 when the run is over."""
        given = PrioritySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        priority = given.validated_data["priority"]
        run = run_or_404(request, run_id)
        return _row(control.prioritise_run(run, priority, by=principal_of(request).username))


def _row(run: Run) -> Response:
    return Response(s.RunRowSerializer(queries.run_rows([run])[0]).data)


def _pause(hold: Hold | None) -> Response:
    found = {"paused": hold is not None, "by": hold and hold.by, "at": hold and hold.at}
    return Response(s.PauseSerializer(found).data)
