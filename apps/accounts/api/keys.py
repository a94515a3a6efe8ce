"""API keys of the project: listed, made, changed, rotated and revoked by its admins."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import serializers as s
from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAdmin
from apps.accounts.house import house
from apps.accounts.models import ApiKey
from apps.errors import InvalidInput

STATES = ("usable", "over")


class ProjectKeys(GenericAPIView[ApiKey]):
    permission_classes = (IsAdmin,)
    serializer_class = s.ApiKeySerializer
    queryset = ApiKey.objects.none()
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[ApiKey]:
        found = ApiKey.objects.filter(project=principal_of(self.request).project_id)
        return found.select_related("created_by").prefetch_related("replaced_by")

    def key_or_404(self, key_id: uuid.UUID) -> ApiKey:
        return get_object_or_404(self.get_queryset(), pk=key_id)

    def shown(self, rows: list[ApiKey]) -> list[dict[str, Any]]:
        bound = {key.agent_id for key in rows if key.agent_id is not None}
        names = house().agents_named(principal_of(self.request).project_id, bound) if bound else {}
        shape = s.ApiKeySerializer(rows, many=True, context={"agents": names})
        return [dict(row) for row in shape.data]

    def with_text(self, issued: services.IssuedKey) -> Response:
        body = self.shown([issued.row])[0] | {"key": issued.text}
        return Response(body, status=status.HTTP_201_CREATED)


class KeyListView(ProjectKeys):
    @extend_schema(
        operation_id="list_keys",
        tags=["keys"],
        parameters=[OpenApiParameter("state", enum=STATES, description="over: revoked or expired")],
        responses=s.ApiKeySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's keys, newest first, without `state` those that are over too."""
        rows, state = self.get_queryset(), request.query_params.get("state", "")
        if state and state not in STATES:
            raise InvalidInput({"state": f"Must be one of {', '.join(STATES)}."})
        usable = ApiKey.objects.usable().values("pk")
        if state:
            rows = rows.filter(pk__in=usable) if state == "usable" else rows.exclude(pk__in=usable)
        return self.get_paginated_response(self.shown(self.paginate_queryset(rows) or []))

    @extend_schema(
        operation_id="create_key",
        tags=["keys"],
        request=s.ApiKeySerializer,
        responses={201: s.NewApiKeySerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a key. Its text is in this answer and nowhere else."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        wanted: dict[str, Any] = given.validated_data
        agent_id: uuid.UUID | None = wanted.get("agent_id")
        if agent_id is not None and not house().agents_named(principal.project_id, [agent_id]):
            raise InvalidInput({"agent_id": "There is no such agent in this project; leave it out for any."})
        issued = services.issue_key(
            project_id=principal.project_id,
            name=wanted["name"],
            scopes=wanted["scopes"],
            created_by_id=principal.user_id,
            expires_at=wanted.get("expires_at"),
            agent_id=agent_id,
        )
        return self.with_text(issued)


class KeyView(ProjectKeys):
    @extend_schema(operation_id="get_key", tags=["keys"], responses=s.ApiKeyDetailSerializer)
    def get(self, request: Request, key_id: uuid.UUID) -> Response:
        """One key, when it was last used, and the agents that last came with it."""
        key = self.key_or_404(key_id)
        agents = house().agents_of_key(key.project_id, key.pk)
        return Response(self.shown([key])[0] | {"agents": s.KeyAgentSerializer(agents, many=True).data})

    @extend_schema(
        operation_id="change_key", tags=["keys"], request=s.ChangeKeySerializer, responses=s.ApiKeySerializer
    )
    def patch(self, request: Request, key_id: uuid.UUID) -> Response:
        """Change its name or when it expires (null: never). 409 when it is revoked."""
        key = self.key_or_404(key_id)
        given = s.ChangeKeySerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        if given.validated_data:
            key = services.change_key(key, dict(given.validated_data))
        return Response(self.shown([key])[0])

    @extend_schema(
        operation_id="revoke_key",
        tags=["keys"],
        responses={204: OpenApiResponse(description="Revoked.")},
    )
    def delete(self, request: Request, key_id: uuid.UUID) -> Response:
        """Revoke a key: refused everywhere within a second. Revoking twice is not an error."""
        services.revoke_key(self.key_or_404(key_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeyRotationView(ProjectKeys):
    @extend_schema(
        operation_id="rotate_key",
        tags=["keys"],
        request=s.RotateKeySerializer,
        responses={201: s.NewApiKeySerializer},
    )
    def post(self, request: Request, key_id: uuid.UUID) -> Response:
        """Make a key in place of this one, which goes on for `overlap_hours` and then expires. The new
        text is in this answer and nowhere else. 409 when the key is over or was rotated already."""
        key = self.key_or_404(key_id)
        given = s.RotateKeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(hours=given.validated_data["overlap_hours"])
        by = principal_of(request).user_id
        return self.with_text(services.rotate_key(key, overlap=overlap, created_by_id=by))
