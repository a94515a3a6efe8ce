"""The steps of a run, page by page, over HTTP."""

from __future__ import annotations

import uuid
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsViewer
from apps.agents.api.agents import one_of
from apps.errors import InvalidInput, NotFound
from apps.workflows import queries, step_queries
from apps.workflows.advance import document_of
from apps.workflows.api import serializers as s
from apps.workflows.models import Run, Step, StepStatus

PARENT = OpenApiParameter("parent", UUID, description="The id of a map step: its items instead")


class RunStepsView(GenericAPIView[Step]):
    permission_classes = (IsViewer,)
    serializer_class = s.StepSerializer
    queryset = Step.objects.none()
    ordering: tuple[str, ...] = ("index", "id")

    @extend_schema(
        operation_id="list_steps",
        tags=["runs"],
        parameters=[PARENT, OpenApiParameter("status", enum=StepStatus.values)],
        responses=s.StepSerializer(many=True),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """The run's steps in the order of its definition, or with `parent` the items of a map in the
        order of its list."""
        run = _run_or_404(request, run_id)
        document = document_of(run.version)
        if said := request.query_params.get("parent", ""):
            found = step_queries.item_steps(_map(run, said))
            self.ordering = ("map_index", "id")
        else:
            found = step_queries.top_steps(run, document)
        if said := one_of(request, "status", StepStatus.values):
            found = found.filter(status=said)
        rows = step_queries.step_rows(run, document, self.paginate_queryset(found) or [])
        return self.get_paginated_response(s.StepSerializer(rows, many=True).data)


class RunStepView(GenericAPIView[Step]):
    permission_classes = (IsViewer,)
    serializer_class = s.StepSerializer

    @extend_schema(
        operation_id="get_step",
        tags=["runs"],
        parameters=[OpenApiParameter("item", int, description="The place of a map's item, from 0")],
        responses=s.StepSerializer,
    )
    def get(self, request: Request, run_id: UUID, key: str) -> Response:
        """One step by its key, or one item of the map of that key."""
        run = _run_or_404(request, run_id)
        document = document_of(run.version)
        found = step_queries.top_steps(run, document).filter(key=key).first()
        if found is not None and (item := request.query_params.get("item")) is not None:
            found = step_queries.item_steps(found).filter(map_index=_place(item)).first()
        if found is None:
            raise NotFound("There is no such step in this run.")
        return Response(s.StepSerializer(step_queries.step_rows(run, document, [found])[0]).data)


def _place(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) <= 6):
        raise InvalidInput({"item": "Must be the place of an item, 0 or more."})
    return int(said)


def _run_or_404(request: Request, run_id: UUID) -> Run:
    found = queries.runs(principal_of(request).project_id).select_related("version")
    run = found.defer("version__document", "version__source").filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run in this project.")
    return run


def _map(run: Run, said: str) -> Step:
    try:
        step = Step.objects.filter(run=run, pk=uuid.UUID(said)).first()
    except ValueError:
        step = None
    if step is None:
        raise InvalidInput({"parent": "Must be the id of a step of this run."})
    return step
