"""API keys of the project: listed, made and revoked by its admins."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAdmin
from apps.accounts.api.serializers import ApiKeySerializer, NewApiKeySerializer
from apps.accounts.models import ApiKey


class ProjectKeys(GenericAPIView[ApiKey]):
    permission_classes = (IsAdmin,)
    serializer_class = ApiKeySerializer
    queryset = ApiKey.objects.none()
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[ApiKey]:
        project = principal_of(self.request).project_id
        return ApiKey.objects.filter(project=project).select_related("created_by")


class KeyListView(ProjectKeys):
    @extend_schema(operation_id="list_keys", tags=["keys"])
    def get(self, request: Request) -> Response:
        """The project's keys, newest first, revoked ones included."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(operation_id="create_key", tags=["keys"], responses={201: NewApiKeySerializer})
    def post(self, request: Request) -> Response:
        """Make a key. Its text is in this answer and nowhere else."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        wanted: dict[str, Any] = given.validated_data
        issued = services.issue_key(
            project_id=principal.project_id,
            name=wanted["name"],
            scopes=wanted["scopes"],
            created_by_id=principal.user_id,
            expires_at=wanted.get("expires_at"),
            agent_id=wanted.get("agent_id"),
        )
        body = self.get_serializer(issued.row).data | {"key": issued.text}
        return Response(body, status=status.HTTP_201_CREATED)


class KeyView(ProjectKeys):
    @extend_schema(
        operation_id="revoke_key",
        tags=["keys"],
        responses={204: OpenApiResponse(description="Revoked.")},
    )
    def delete(self, request: Request, key_id: uuid.UUID) -> Response:
        """Revoke a key: refused everywhere within a second. Revoking twice is not an error."""
        services.revoke_key(get_object_or_404(self.get_queryset(), pk=key_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
