"""The dashboard's endpoints as plain Django: the same bytes for a process without a hub, and every error."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsViewer
from apps.monitoring import measurements
from apps.monitoring.api import shapes
from apps.monitoring.dashboard.ready import MAX_LIMIT, matches, parse_limit
from apps.monitoring.dashboard.state import DEFAULT_LIMIT, PartName, load_dashboard
from apps.monitoring.health import health

POSITION_HEADERS = [
    OpenApiParameter("X-Journal-Epoch", str, OpenApiParameter.HEADER, response=True),
    OpenApiParameter("X-Journal-Seq", int, OpenApiParameter.HEADER, response=True),
    OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=True),
]


class _Part(APIView):
    permission_classes = [IsViewer]
    part: PartName

    def answer(self, request: Request, limit: int = DEFAULT_LIMIT) -> HttpResponse:
        measurements.refresh()
        dashboard = load_dashboard(principal_of(request).project_id)
        answer = dashboard.answer(self.part, limit)
        if matches(request.headers.get("If-None-Match", ""), answer.etag):
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(answer.body, content_type="application/json")
        response["ETag"] = answer.etag
        response["X-Journal-Epoch"] = str(dashboard.epoch)
        response["X-Journal-Seq"] = str(dashboard.seq)
        return response


class StatsView(_Part):
    part: PartName = "stats"

    @extend_schema(responses=shapes.Stats, parameters=POSITION_HEADERS, tags=["dashboard"])
    def get(self, request: Request) -> HttpResponse:
        """The project's figures."""
        return self.answer(request)


class AgentsView(_Part):
    part: PartName = "agents"

    @extend_schema(
        responses=shapes.DashboardAgent(many=True), parameters=POSITION_HEADERS, tags=["dashboard"]
    )
    def get(self, request: Request) -> HttpResponse:
        """Every agent of the project as it is now."""
        return self.answer(request)


class WorkflowsView(_Part):
    part: PartName = "workflows"

    @extend_schema(
        responses=shapes.DashboardRun(many=True),
        parameters=[OpenApiParameter("limit", int, description="1 to 100, 10 by default"), *POSITION_HEADERS],
        tags=["dashboard"],
    )
    def get(self, request: Request) -> HttpResponse:
        """The newest runs, newest first."""
        limit = parse_limit(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"))
        if limit is None:
            raise ValidationError({"limit": [f"Must be a whole number from 1 to {MAX_LIMIT}."]})
        return self.answer(request, limit)


class SnapshotView(_Part):
    part: PartName = "snapshot"

    @extend_schema(responses=shapes.Snapshot, parameters=POSITION_HEADERS, tags=["dashboard"])
    def get(self, request: Request) -> HttpResponse:
        """Everything the dashboard shows, at one position of the journal."""
        return self.answer(request)


class HealthView(APIView):
    permission_classes = [IsViewer]

    @extend_schema(responses={200: shapes.Health, 503: shapes.Health}, tags=["dashboard"])
    def get(self, request: Request) -> Response:
        """Every part of the installation, really probed just now; 503 when it cannot serve."""
        found = health()
        return Response(found, status=503 if found["status"] == "unhealthy" else 200)
