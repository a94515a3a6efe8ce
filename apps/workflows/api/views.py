"""Workflows and their runs over HTTP."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator, IsViewer, RolePermission
from apps.agents.api.agents import idempotency_key, one_of
from apps.errors import InvalidInput, NotFound
from apps.workflows import queries, services
from apps.workflows.api import serializers as s
from apps.workflows.models import Origin, Run, RunStatus, Workflow

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}", re.ASCII)
NEWEST_FIRST = ("-created_at", "-id")
STATUS = OpenApiParameter("status", enum=RunStatus.values)
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="The same key and body give the same run; another body gives 422.",
)


def workflow_or_404(request: Request, slug: str) -> Workflow:
    """The project's workflow. Raises NotFound, also for one of another project."""
    workflow = queries.workflows(principal_of(request).project_id).filter(slug=slug).first()
    if workflow is None:
        raise NotFound("There is no such workflow in this project.")
    return workflow


def run_body(request: Request, run_id: UUID) -> dict[str, Any]:
    """The whole run as JSON types. Raises NotFound, also for a run of another project."""
    detail = queries.run_detail(principal_of(request).project_id, run_id)
    if detail is None:
        raise NotFound("There is no such run in this project.")
    body: dict[str, Any] = s.RunSerializer(detail).data
    return body


class WorkflowsView(GenericAPIView[Workflow]):
    permission_classes = (RolePermission,)
    serializer_class = s.WorkflowRowSerializer
    queryset = Workflow.objects.none()
    ordering = ("name", "id")

    @extend_schema(
        operation_id="list_workflows", tags=["workflows"], responses=s.WorkflowRowSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """The project's workflows by name, each with its input schema, steps and last run."""
        page = self.paginate_queryset(queries.workflows(principal_of(request).project_id))
        rows = queries.workflow_rows(page or [])
        return self.get_paginated_response(s.WorkflowRowSerializer(rows, many=True).data)


class WorkflowView(GenericAPIView[Workflow]):
    permission_classes = (IsViewer,)
    serializer_class = s.WorkflowSerializer

    @extend_schema(operation_id="get_workflow", tags=["workflows"], responses=s.WorkflowSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One workflow with the source of its current version."""
        detail = queries.workflow_detail(workflow_or_404(request, slug))
        return Response(s.WorkflowSerializer(detail).data)


class RunList(GenericAPIView[Run]):
    """What the two lists of runs share."""

    serializer_class = s.RunRowSerializer
    queryset = Run.objects.none()
    ordering = NEWEST_FIRST

    def page(self, request: Request, found: QuerySet[Run]) -> Response:
        if said := one_of(request, "status", RunStatus.values):
            found = found.filter(status=said)
        rows = queries.run_rows(self.paginate_queryset(found) or [])
        return self.get_paginated_response(s.RunRowSerializer(rows, many=True).data)


class WorkflowRunsView(RunList):
    permission_classes = (RolePermission,)

    @extend_schema(
        operation_id="list_runs_of_workflow",
        tags=["runs"],
        parameters=[STATUS],
        responses=s.RunRowSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The workflow's runs, newest first."""
        workflow = workflow_or_404(request, slug)
        return self.page(request, queries.runs(workflow.project_id).filter(workflow=workflow))

    @extend_schema(
        operation_id="start_run",
        tags=["runs"],
        parameters=[IDEMPOTENCY],
        request=s.StartRunSerializer,
        responses={201: s.RunSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Start a run of the workflow's current version."""
        workflow = workflow_or_404(request, slug)
        given = s.StartRunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run, _ = services.start_run(
            workflow,
            given.validated_data["input"],
            by=principal_of(request).username,
            idempotency_key=idempotency_key(request),
        )
        return Response(
            run_body(request, run.pk),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/runs/{run.pk}/"},
        )


class RunsView(RunList):
    permission_classes = (IsViewer,)

    @extend_schema(
        operation_id="list_runs",
        tags=["runs"],
        parameters=[
            STATUS,
            OpenApiParameter("workflow", str, description="The slug of a workflow"),
            OpenApiParameter("schedule", UUID, description="The id of the schedule that started them"),
            OpenApiParameter("trigger", UUID, description="The id of the trigger that started them"),
        ],
        responses=s.RunRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's runs, newest first."""
        project_id = principal_of(request).project_id
        found = queries.runs(project_id)
        if said := request.query_params.get("workflow", ""):
            found = found.filter(workflow=workflow_id(project_id, said))
        for origin in (Origin.SCHEDULE, Origin.TRIGGER):
            if said := request.query_params.get(origin, ""):
                found = found.filter(origin=origin, origin_id=_origin_id(origin, said))
        return self.page(request, found)


def _origin_id(name: str, said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise InvalidInput({name: f"Must be the id of a {name}."}) from None


def workflow_id(project_id: UUID, slug: str) -> UUID:
    found = Workflow.objects.filter(project=project_id, slug=slug) if SLUG.fullmatch(slug) else None
    workflow_id = found.values_list("id", flat=True).first() if found is not None else None
    if workflow_id is None:
        raise InvalidInput({"workflow": "Must be the slug of a workflow of this project."})
    return workflow_id


class RunView(GenericAPIView[Run]):
    permission_classes = (IsViewer,)
    serializer_class = s.RunSerializer

    @extend_schema(operation_id="get_run", tags=["runs"], responses=s.RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run with its steps, their inputs, outputs and errors."""
        return Response(run_body(request, run_id))


class RunCancellationView(GenericAPIView[Run]):
    permission_classes = (IsOperator,)
    serializer_class = s.RunStateSerializer

    @extend_schema(
        operation_id="cancel_run", tags=["runs"], request=None, responses={202: s.RunStateSerializer}
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Cancel it: what waits at once, what runs through its holder. 409 when the run is over."""
        principal = principal_of(request)
        run = queries.runs(principal.project_id).filter(pk=run_id).first()
        if run is None:
            raise NotFound("There is no such run in this project.")
        run = services.cancel_run(run, by=principal.username)
        return Response(s.RunStateSerializer(run).data, status=status.HTTP_202_ACCEPTED)
