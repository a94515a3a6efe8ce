"""Webhooks over HTTP: operators read, admins manage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAdmin, IsOperator
from apps.accounts.principal import Action, Principal
from apps.errors import NotFound
from apps.monitoring.api import webhook_shapes as shapes
from apps.monitoring.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import catalogue, endpoints

TAGS = ["webhooks"]


class OperatorsReadAdminsWrite(BasePermission):
    """Addresses often hold a key of their receiver, so viewers do not see them."""

    message = IsAdmin.message

    def has_permission(self, request: Request, view: Any) -> bool:
        action: Action = "operate" if request.method in SAFE_METHODS else "admin"
        return isinstance(request.auth, Principal) and request.auth.can(action)


class WebhooksView(GenericAPIView[WebhookEndpoint]):
    permission_classes = (OperatorsReadAdminsWrite,)
    serializer_class = shapes.Webhook
    queryset = WebhookEndpoint.objects.none()
    ordering = ("name", "id")

    @extend_schema(operation_id="list_webhooks", tags=TAGS, responses=shapes.Webhook(many=True))
    def get(self, request: Request) -> Response:
        """The project's webhooks by name, each with how it does."""
        rows = [_shown(one) for one in self.paginate_queryset(_counted(request)) or []]
        return self.get_paginated_response(shapes.Webhook(rows, many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        tags=TAGS,
        request=shapes.ChangeWebhook,
        responses={201: shapes.WebhookWithSecret},
    )
    def post(self, request: Request) -> Response:
        """Have an address told of events. Its secret is in this answer and nowhere else."""
        given = shapes.ChangeWebhook(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        made = endpoints.create_endpoint(principal.project_id, given.validated_data, by=principal.username)
        return Response(
            _with_secret(request, made),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/webhooks/{made.pk}/"},
        )


class WebhookKindsView(APIView):
    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="list_webhook_kinds", tags=TAGS, responses=shapes.WebhookKind(many=True), filters=False
    )
    def get(self, request: Request) -> Response:
        """Every kind of event that a webhook can be told of."""
        return Response(
            [
                {
                    "kind": kind.name,
                    "type": catalogue.TYPE_PREFIX + kind.name,
                    "says": kind.says,
                    "often": kind.often,
                }
                for kind in catalogue.KINDS
            ]
        )


class WebhookView(APIView):
    permission_classes = (OperatorsReadAdminsWrite,)

    @extend_schema(operation_id="get_webhook", tags=TAGS, responses=shapes.Webhook)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook; its secret is not shown again."""
        return Response(_row(request, webhook_id))

    @extend_schema(
        operation_id="change_webhook",
        tags=TAGS,
        request=shapes.ChangeWebhook(partial=True),
        responses=shapes.Webhook,
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change it, enable or disable it. What waits is sent when it is enabled again."""
        endpoint = webhook_or_404(request, webhook_id)
        given = shapes.ChangeWebhook(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        endpoints.change_endpoint(endpoint, given.validated_data)
        return Response(_row(request, webhook_id))

    @extend_schema(
        operation_id="delete_webhook",
        tags=TAGS,
        responses={204: OpenApiResponse(description="Deleted, with its deliveries.")},
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete it: it is told nothing more."""
        endpoints.delete_endpoint(webhook_or_404(request, webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookSecretView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        tags=TAGS,
        request=shapes.RotateSecret,
        responses={200: shapes.WebhookWithSecret},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Give it a new secret, in this answer and nowhere else. Events carry the old signature beside
        the new one until the overlap has passed."""
        endpoint = webhook_or_404(request, webhook_id)
        given = shapes.RotateSecret(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(hours=given.validated_data["overlap_hours"])
        return Response(_with_secret(request, endpoints.rotate_secret(endpoint, overlap=overlap)))


class WebhookTestView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(operation_id="test_webhook", tags=TAGS, request=None, responses={200: shapes.WebhookTest})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send an `mc.webhook.test` event now and say what was answered. Waits 10 seconds at most."""
        tried = endpoints.send_test(webhook_or_404(request, webhook_id))
        return Response(shapes.WebhookTest(tried).data)


class WebhookResendView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(
        operation_id="resend_dead_deliveries", tags=TAGS, request=None, responses={200: shapes.Resent}
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send the dead deliveries again, the oldest thousand."""
        endpoint = webhook_or_404(request, webhook_id)
        resent = endpoints.resend_dead(endpoint)
        left = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.DEAD).count()
        return Response({"resent": resent, "left": left})


class WebhookDeliveriesView(GenericAPIView[WebhookDelivery]):
    permission_classes = (IsOperator,)
    serializer_class = shapes.WebhookDelivery
    queryset = WebhookDelivery.objects.none()
    ordering = ("-created_at", "-id")

    @extend_schema(
        operation_id="list_deliveries",
        tags=TAGS,
        parameters=[OpenApiParameter("state", str, enum=DeliveryState.values)],
        responses=shapes.WebhookDelivery(many=True),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What the webhook was told and will be told, newest first."""
        found = WebhookDelivery.objects.filter(endpoint=webhook_or_404(request, webhook_id))
        state = request.query_params.get("state")
        if state is not None:
            if state not in DeliveryState.values:
                raise ValidationError({"state": [f"Must be one of {', '.join(DeliveryState.values)}."]})
            found = found.filter(state=state)
        rows = self.paginate_queryset(found.defer("body", "last_answer")) or []
        return self.get_paginated_response(shapes.WebhookDelivery(rows, many=True).data)


class WebhookDeliveryView(APIView):
    permission_classes = (IsOperator,)

    @extend_schema(operation_id="get_delivery", tags=TAGS, responses=shapes.WebhookDeliveryDetail)
    def get(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """One delivery with what is sent and what was answered last."""
        endpoint = webhook_or_404(request, webhook_id)
        delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).first()
        if delivery is None:
            raise NotFound("This webhook has no such delivery.")
        return Response(shapes.WebhookDeliveryDetail(delivery).data)


class DeliveryResendView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(
        operation_id="resend_delivery",
        tags=TAGS,
        request=None,
        responses={200: shapes.WebhookDeliveryDetail},
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it once more, soon and with the same id, however it ended."""
        delivery = endpoints.resend(webhook_or_404(request, webhook_id), delivery_id)
        return Response(shapes.WebhookDeliveryDetail(delivery).data)


def webhook_or_404(request: Request, webhook_id: UUID) -> WebhookEndpoint:
    """The project's webhook. Raises NotFound, also for one of another project."""
    found = WebhookEndpoint.objects.filter(project=principal_of(request).project_id, pk=webhook_id)
    endpoint = found.select_related("project").first()
    if endpoint is None:
        raise NotFound("There is no such webhook in this project.")
    return endpoint


def _counted(request: Request) -> QuerySet[WebhookEndpoint]:
    def count(state: DeliveryState) -> Coalesce:
        rows = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), state=state).order_by()
        counted = rows.values("endpoint").annotate(count=Count("pk")).values("count")
        return Coalesce(Subquery(counted, output_field=IntegerField()), 0)

    found = WebhookEndpoint.objects.filter(project=principal_of(request).project_id)
    return found.annotate(waiting=count(DeliveryState.PENDING), dead=count(DeliveryState.DEAD))


def _row(request: Request, webhook_id: UUID) -> dict[str, Any]:
    endpoint = _counted(request).filter(pk=webhook_id).first()
    if endpoint is None:
        raise NotFound("There is no such webhook in this project.")
    row: dict[str, Any] = shapes.Webhook(_shown(endpoint)).data
    return row


def _with_secret(request: Request, endpoint: WebhookEndpoint) -> dict[str, Any]:
    return _row(request, endpoint.pk) | {"secret": endpoints.secret_of(endpoint)}


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    names = ("id", "name", "url", "events", "enabled", "disabled_reason", "failing_since", "last_success_at")
    more = ("waiting", "dead", "secret_version", "old_secret_until", "created_at")
    return {name: getattr(endpoint, name) for name in (*names, *more)} | {"owner": endpoint.created_by}
