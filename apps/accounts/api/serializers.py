"""Shapes of the accounts endpoints. Every field is named; secrets are write-only or shown once."""

from __future__ import annotations

import math
import unicodedata
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from apps.accounts.models import ApiKey, KeyState, Role, Scope


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    cookie = serializers.BooleanField(
        default=True, help_text="false: the refresh token comes in the body, for programs."
    )


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(
        required=False,
        max_length=4096,
        write_only=True,
        help_text="For programs; browsers send their cookie.",
    )


class TokenSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="For the header `Authorization: Bearer`.")
    expires_in = serializers.IntegerField(help_text="Seconds the access token is good for.")
    refresh = serializers.CharField(required=False, help_text="Only when asked for in the body.")


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Good for one socket.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class KeyAgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """`context["agents"]` has the names of the agents that keys belong to, by id."""

    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices), allow_empty=False)
    agent_name = serializers.SerializerMethodField(help_text="null when it is for any agent")
    state = serializers.ChoiceField(KeyState.choices, read_only=True)
    replaces = serializers.PrimaryKeyRelatedField[ApiKey](
        read_only=True, allow_null=True, help_text="The key this one was rotated from"
    )
    replaced_by = serializers.SerializerMethodField(help_text="The key this one was rotated to")
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True)

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scopes",
            "agent_id",
            "agent_name",
            "state",
            "replaces",
            "replaced_by",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )
        read_only_fields = ("id", "prefix", "created_by", "created_at", "last_used_at", "revoked_at")

    def get_agent_name(self, key: ApiKey) -> str | None:
        if key.agent_id is None:
            return None
        names: dict[UUID, str] = self.context.get("agents", {})
        return names.get(key.agent_id, "")

    def get_replaced_by(self, key: ApiKey) -> UUID | None:
        newest = next(iter(key.replaced_by.all()), None)
        return newest.pk if newest else None

    def validate_name(self, value: str) -> str:
        if any(unicodedata.category(letter).startswith("C") for letter in value):
            raise serializers.ValidationError("Use visible characters only.")
        return value

    def validate_scopes(self, value: list[str]) -> list[str]:
        return sorted(set(value))

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Must be in the future.")
        return value


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(read_only=True, help_text="The key itself; shown this once.")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")  # type: ignore[assignment]


class ApiKeyDetailSerializer(ApiKeySerializer):
    agents = KeyAgentSerializer(many=True, read_only=True, help_text="Those that last came with this key")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "agents")  # type: ignore[assignment]


class ChangeKeySerializer(ApiKeySerializer):
    """What may change of a key: scopes and agent may not, for who holds it was trusted with those."""

    class Meta(ApiKeySerializer.Meta):
        fields = ("name", "expires_at")  # type: ignore[assignment]


class RotateKeySerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.FloatField(
        default=24, min_value=0, max_value=168, help_text="How long the old key goes on, 0 to 168; default 24"
    )

    def validate_overlap_hours(self, value: float) -> float:
        if not math.isfinite(value):
            raise serializers.ValidationError("Must be a number of hours from 0 to 168.")
        return value


class SeatSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="project_id")
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField([*Role.choices, ("", "An API key: see its scopes")])


class ModelInUseSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The language model in use.")
    demo = serializers.BooleanField(help_text="True: no model is configured, answers are samples.")


class ServerSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    mode = serializers.ChoiceField(["embedded", "server"])
    time_zone = serializers.CharField()
    model = ModelInUseSerializer()


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True, help_text="null for a key.")
    username = serializers.CharField()
    name = serializers.CharField()
    project = SeatSerializer()
    projects = SeatSerializer(many=True)
    server = ServerSerializer()
