"""Charts, alerts, what needs attention, and the journal as a timeline."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator, IsViewer
from apps.events.kinds import rfc3339
from apps.events.models import Event
from apps.monitoring import alerts, attention, metrics
from apps.monitoring.api import shapes
from apps.monitoring.models import Alert, AlertState

MAX_EVENTS = 100
DEFAULT_EVENTS = 50
MAX_DIGITS = 18


class MetricsView(APIView):
    permission_classes = [IsViewer]

    @extend_schema(
        responses=shapes.Metrics,
        parameters=[OpenApiParameter("range", str, enum=list(metrics.RANGES), default="15m")],
        tags=["monitoring"],
    )
    def get(self, request: Request) -> Response:
        """The charts of a range; null where nothing was measured."""
        name = request.query_params.get("range", "15m")
        if name not in metrics.RANGES:
            raise ValidationError({"range": [f"Must be one of {', '.join(metrics.RANGES)}."]})
        return Response(metrics.read(principal_of(request).project_id, name))


class AttentionView(APIView):
    permission_classes = [IsViewer]

    @extend_schema(responses=shapes.Attention(many=True), tags=["monitoring"])
    def get(self, request: Request) -> Response:
        """What a person should look at first."""
        return Response(attention.attention(principal_of(request).project_id))


class AlertsView(ListAPIView[Alert]):
    permission_classes = [IsViewer]
    serializer_class = shapes.Alert
    queryset = Alert.objects.none()
    ordering = ("-opened_at", "-id")

    def get_queryset(self) -> QuerySet[Alert]:
        found = Alert.objects.filter(project=principal_of(self.request).project_id)
        state = self.request.query_params.get("state")
        if state is None:
            return found
        if state not in AlertState.values:
            raise ValidationError({"state": [f"Must be one of {', '.join(AlertState.values)}."]})
        return found.filter(state=state)

    @extend_schema(parameters=[OpenApiParameter("state", str, enum=AlertState.values)], tags=["monitoring"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The alerts of the project, newest first."""
        return self.list(request, *args, **kwargs)


class AcknowledgementView(APIView):
    permission_classes = [IsOperator]

    @extend_schema(request=None, responses=shapes.Alert, tags=["monitoring"])
    def post(self, request: Request, alert_id: UUID) -> Response:
        """Say that you look after an alert; it stays listed until it is resolved."""
        principal = principal_of(request)
        alert = alerts.acknowledge(principal.project_id, alert_id, by=principal.username)
        return Response(shapes.Alert(alert).data)


class EventsView(APIView):
    permission_classes = [IsViewer]

    @extend_schema(
        responses=shapes.JournalPage,
        parameters=[
            OpenApiParameter("limit", int, description=f"1 to {MAX_EVENTS}, {DEFAULT_EVENTS} by default"),
            OpenApiParameter("before", int, description="Only events with a smaller seq"),
            OpenApiParameter("entity_id", OpenApiTypes.UUID, description="Only events about this one"),
        ],
        tags=["monitoring"],
    )
    def get(self, request: Request) -> Response:
        """The journal as a timeline, newest first, as far back as it is kept."""
        limit = _number(request, "limit", DEFAULT_EVENTS, MAX_EVENTS)
        before = _number(request, "before", None, 10**MAX_DIGITS)
        entity_id = _entity(request)
        found = Event.objects.filter(project_id=principal_of(request).project_id)
        if before is not None:
            found = found.filter(seq__lt=before)
        if entity_id is not None:
            found = found.filter(entity_id=entity_id)
        assert limit is not None
        rows = list(found.order_by("-seq")[: limit + 1])
        more = len(rows) > limit
        results = [_event(row) for row in rows[:limit]]
        return Response({"results": results, "next": _older(request, rows[limit - 1].seq) if more else None})


def _event(row: Event) -> dict[str, Any]:
    entity_id = str(row.entity_id) if row.entity_id else None
    return {
        **row.payload,
        "seq": row.seq,
        "kind": row.kind,
        "entity": row.entity,
        "entity_id": entity_id,
        "at": rfc3339(row.at),
    }


def _older(request: Request, seq: int) -> str:
    query = request.GET.copy()
    query["before"] = str(seq)
    return f"{request.path}?{query.urlencode()}"


def _number(request: Request, name: str, default: int | None, maximum: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= maximum):
        raise ValidationError({name: [f"Must be a whole number from 1 to {maximum}."]})
    return int(text)


def _entity(request: Request) -> UUID | None:
    text = request.query_params.get("entity_id")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise ValidationError({"entity_id": ["Must be a UUID."]}) from None
