"""The project itself, over HTTP: its limits, how much is at work beside them, the secret of its notices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAdmin, IsViewer
from apps.accounts.models import Project
from apps.agents.api.serializers import OverlapHours
from apps.events.clock import now
from apps.workflows import limits, notice_secret


class ProjectSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    max_runs = serializers.IntegerField(
        min_value=1, max_value=100_000, allow_null=True, help_text="Runs at work at a time; null: no limit"
    )
    max_command_runs = serializers.IntegerField(
        min_value=1, max_value=100_000, allow_null=True, help_text="Command runs at work; null: no limit"
    )
    runs_at_work = serializers.IntegerField(read_only=True, help_text="Without those nested in others")
    runs_queued = serializers.IntegerField(read_only=True)
    command_runs_at_work = serializers.IntegerField(read_only=True)
    command_runs_queued = serializers.IntegerField(read_only=True)


class NoticeSecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="`whsec_…`, with which the webhooks of approvals are signed")
    version = serializers.IntegerField(help_text="How many secrets the project has had", min_value=1)
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then they are signed with the secret before, too"
    )


class RotateNoticeSecretSerializer(serializers.Serializer[Any]):
    overlap_hours = OverlapHours(
        default=24, help_text="So long notices are signed with the old secret, too, 0 to 168"
    )


class ProjectView(GenericAPIView[Project]):
    serializer_class = ProjectSerializer

    def get_permissions(self) -> list[BasePermission]:
        return [IsViewer() if self.request.method in SAFE_METHODS else IsAdmin()]

    @extend_schema(operation_id="get_project", tags=["project"], responses=ProjectSerializer)
    def get(self, request: Request) -> Response:
        """The project's limits and what is at work now."""
        return Response(ProjectSerializer(limits.of_project(principal_of(request).project_id)).data)

    @extend_schema(operation_id="change_project", tags=["project"], responses=ProjectSerializer)
    def patch(self, request: Request) -> Response:
        """Change its limits. What is at work goes on, also when it is more than the new limit."""
        principal = principal_of(request)
        given = ProjectSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        limits.change_limits(principal.project_id, given.validated_data, by=principal.username)
        return Response(ProjectSerializer(limits.of_project(principal.project_id)).data)


class NoticeSecretView(GenericAPIView[Project]):
    permission_classes = (IsAdmin,)
    serializer_class = NoticeSecretSerializer

    @extend_schema(operation_id="get_notice_secret", tags=["project"], responses=NoticeSecretSerializer)
    def get(self, request: Request) -> Response:
        """The secret that webhooks of approvals are signed with; they check it as Standard Webhooks say.
        It is derived from the server's `SECRET_KEY` and stored nowhere."""
        return _with_secret(Project.objects.get(pk=principal_of(request).project_id))

    @extend_schema(
        operation_id="rotate_notice_secret",
        tags=["project"],
        request=RotateNoticeSecretSerializer,
        responses={200: NoticeSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Give the project another secret. Until the overlap has passed notices carry both signatures."""
        given = RotateNoticeSecretSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(hours=given.validated_data["overlap_hours"])
        principal = principal_of(request)
        return _with_secret(
            notice_secret.rotate(principal.project_id, overlap=overlap, by=principal.username)
        )


def _with_secret(project: Project) -> Response:
    until = project.old_notice_secret_until
    row = {
        "secret": notice_secret.of(project),
        "version": project.notice_secret_version,
        "old_secret_until": until if until and until > now() else None,
    }
    return Response(NoticeSecretSerializer(row).data, headers={"Cache-Control": "no-store"})
