"""Shapes of the accounts endpoints. Every field is named; secrets are write-only or shown once."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.accounts.models import ApiKey, Role, Scope


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


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices), allow_empty=False)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True)

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scopes",
            "agent_id",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )
        read_only_fields = ("id", "prefix", "created_by", "created_at", "last_used_at", "revoked_at")

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
