"""Triggers over HTTP: what admins do with them, and the addresses that other systems post to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAdmin
from apps.accounts.api.throttles import AddressThrottle
from apps.accounts.principal import Action, Principal
from apps.errors import NotFound
from apps.workflows import triggers
from apps.workflows.api import start_serializers as starts
from apps.workflows.api.schedules import WORKFLOW, workflow_of
from apps.workflows.api.views import workflow_id
from apps.workflows.models import Trigger

UNSIGNED = "The signature is missing or wrong."
SIGNED = [
    OpenApiParameter(name, location=OpenApiParameter.HEADER, description=said)
    for name, said in (
        ("webhook-id", "Names the delivery: sent again, it gives the same run."),
        ("webhook-timestamp", "Unix time in seconds, at most 5 minutes from now."),
        ("webhook-signature", "`v1,` and the Base64 HMAC-SHA256 of `id.timestamp.body`."),
        ("X-GitHub-Delivery", "In GitHub's style: names the delivery."),
        ("X-Hub-Signature-256", "In GitHub's style: `sha256=` and the hexadecimal HMAC of the body."),
    )
]


class AdminWrites(BasePermission):
    """Members read, admins of the project write."""

    message = IsAdmin.message

    def has_permission(self, request: Request, view: Any) -> bool:
        action: Action = "read" if request.method in SAFE_METHODS else "admin"
        return isinstance(request.auth, Principal) and request.auth.can(action)


class TriggersView(GenericAPIView[Trigger]):
    permission_classes = (AdminWrites,)
    serializer_class = starts.TriggerSerializer
    queryset = Trigger.objects.none()
    ordering = ("name", "id")

    @extend_schema(
        operation_id="list_triggers",
        tags=["triggers"],
        parameters=[WORKFLOW],
        responses=starts.TriggerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's triggers by name, each with its address and what came of the last request."""
        project_id = principal_of(request).project_id
        found = Trigger.objects.filter(project=project_id).select_related("workflow")
        if slug := request.query_params.get("workflow", ""):
            found = found.filter(workflow=workflow_id(project_id, slug))
        rows = [_shown(trigger) for trigger in self.paginate_queryset(found) or []]
        return self.get_paginated_response(starts.TriggerSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="create_trigger",
        tags=["triggers"],
        request=starts.NewTriggerSerializer,
        responses={201: starts.TriggerWithSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an address that starts runs. Its secret is in this answer and nowhere else."""
        given = starts.NewTriggerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        workflow = workflow_of(request, given.validated_data["workflow"])
        by = principal_of(request).username
        trigger = triggers.create_trigger(workflow, given.validated_data, by=by)
        return Response(
            _with_secret(trigger),
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/triggers/{trigger.pk}/"},
        )


class TriggerView(GenericAPIView[Trigger]):
    permission_classes = (AdminWrites,)
    serializer_class = starts.TriggerSerializer

    @extend_schema(operation_id="get_trigger", tags=["triggers"], responses=starts.TriggerSerializer)
    def get(self, request: Request, trigger_id: UUID) -> Response:
        """One trigger; its secret is not shown again."""
        return Response(_row(trigger_or_404(request, trigger_id)))

    @extend_schema(
        operation_id="change_trigger",
        tags=["triggers"],
        request=starts.ChangeTriggerSerializer(partial=True),
        responses=starts.TriggerSerializer,
    )
    def patch(self, request: Request, trigger_id: UUID) -> Response:
        """Change it, enable or disable it."""
        trigger = trigger_or_404(request, trigger_id)
        given = starts.ChangeTriggerSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        by = principal_of(request).username
        return Response(_row(triggers.change_trigger(trigger, given.validated_data, by=by)))

    @extend_schema(
        operation_id="delete_trigger",
        tags=["triggers"],
        responses={204: OpenApiResponse(description="Deleted; its runs stay.")},
    )
    def delete(self, request: Request, trigger_id: UUID) -> Response:
        """Delete it: its address answers no more."""
        triggers.delete_trigger(trigger_or_404(request, trigger_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TriggerSecretView(GenericAPIView[Trigger]):
    permission_classes = (IsAdmin,)
    serializer_class = starts.TriggerWithSecretSerializer

    @extend_schema(
        operation_id="rotate_trigger_secret",
        tags=["triggers"],
        request=starts.RotateTriggerSecretSerializer,
        responses={200: starts.TriggerWithSecretSerializer},
    )
    def post(self, request: Request, trigger_id: UUID) -> Response:
        """Give it a new secret, in this answer and nowhere else. The old one is refused at once, or when
        the overlap has passed."""
        trigger = trigger_or_404(request, trigger_id)
        given = starts.RotateTriggerSecretSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(hours=given.validated_data["overlap_hours"])
        return Response(_with_secret(triggers.rotate_secret(trigger, overlap=overlap)))


class HookThrottle(AddressThrottle):
    scope = "hook"


class HookView(APIView):
    """Needs no sign-in: whoever knows the trigger's secret may start its runs, and nothing else."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (HookThrottle,)

    @extend_schema(
        operation_id="deliver",
        tags=["triggers"],
        parameters=SIGNED,
        request=OpenApiTypes.OBJECT,
        responses={201: starts.DeliveredSerializer, 202: starts.DeliveredSerializer},
        auth=[],
    )
    def post(self, request: Request, trigger_id: UUID) -> Response:
        """Start a run by a signed request. 202 when the trigger's condition is false, 403 while it
        is disabled, 401 for everything that is not signed with its secret."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = triggers.signed_by(trigger_id, headers, request._request.body)
        if found is None:
            raise exceptions.AuthenticationFailed(UNSIGNED)
        trigger, delivery_id = found
        query = {name: request.query_params[name] for name in request.query_params}
        run = triggers.receive(trigger, triggers.Delivery(delivery_id, request.data, headers, query))
        if run is None:
            body = {"run_id": None, "detail": "The trigger's condition is false: nothing was started."}
            return Response(body, status=status.HTTP_202_ACCEPTED)
        return Response({"run_id": run.pk, "detail": f"{run} started."}, status=status.HTTP_201_CREATED)

    def get_authenticate_header(self, request: Request) -> str:
        return "Signature"


def trigger_or_404(request: Request, trigger_id: UUID) -> Trigger:
    """The project's trigger. Raises NotFound, also for one of another project."""
    found = Trigger.objects.filter(project=principal_of(request).project_id, pk=trigger_id)
    trigger = found.select_related("workflow").first()
    if trigger is None:
        raise NotFound("There is no such trigger in this project.")
    return trigger


def _row(trigger: Trigger) -> dict[str, Any]:
    row: dict[str, Any] = starts.TriggerSerializer(_shown(trigger)).data
    return row


def _with_secret(trigger: Trigger) -> dict[str, Any]:
    shown = _shown(trigger) | {"secret": triggers.secret_of(trigger)}
    row: dict[str, Any] = starts.TriggerWithSecretSerializer(shown).data
    return row


def _shown(trigger: Trigger) -> dict[str, Any]:
    names = ("id", "name", "input", "condition", "priority", "enabled", "secret_version")
    more = ("old_secret_until", "last_at", "last_result", "created_at")
    return {name: getattr(trigger, name) for name in (*names, *more)} | {
        "workflow": trigger.workflow.slug,
        "workflow_name": trigger.workflow.name,
        "address": f"/api/v1/hooks/{trigger.pk}/",
        "owner": trigger.created_by,
    }
