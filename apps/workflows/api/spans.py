"""What the agents of a run did, as their telemetry told it, over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.permissions import IsViewer
from apps.agents.api.telemetry import RunSpansSerializer
from apps.agents.telemetry import activities
from apps.workflows.api.control import run_or_404
from apps.workflows.models import Run


class RunSpansView(GenericAPIView[Run]):
    permission_classes = (IsViewer,)
    serializer_class = RunSpansSerializer

    @extend_schema(operation_id="list_spans_of_run", tags=["telemetry"], responses=RunSpansSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """What the agents did for the run, step by step: its first 1,000 spans as a tree, oldest first."""
        run = run_or_404(request, run_id)
        return Response(RunSpansSerializer(activities.spans_of_run(run.project_id, run.pk)).data)
