"""What the API of definitions and their versions reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.workflows.api.serializers import DefinedStepSerializer
from apps.workflows.differences import ChangeKind

TEXT: dict[str, Any] = {"trim_whitespace": False, "allow_blank": True}


class CreateWorkflowSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(help_text="The definition, YAML or JSON", **TEXT)  # type: ignore[assignment]


class SaveVersionSerializer(CreateWorkflowSerializer):
    base_version = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The version it was written from; 409 when there is a newer one",
    )


class ValidateSerializer(CreateWorkflowSerializer):
    workflow = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="The slug of the workflow it is meant for, empty for a new one; else not looked at",
    )
    compare = serializers.BooleanField(
        default=False, help_text="Also say how it differs from the current version of that workflow"
    )


class SavedSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    is_new_version = serializers.BooleanField(
        help_text="False: it is the text of the version there is, and nothing was saved"
    )


class DefinitionProblemSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Such as `steps[2].needs[0]`; empty for the whole text")
    message = serializers.CharField()
    line = serializers.IntegerField(allow_null=True, help_text="From 1")
    column = serializers.IntegerField(allow_null=True, help_text="From 1")


class GraphStepSerializer(DefinedStepSerializer):
    index = serializers.IntegerField(help_text="Its place in the definition, from 1")


class GraphSerializer(serializers.Serializer[Any]):
    steps = GraphStepSerializer(many=True)


class FieldChangeSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Such as `retry.attempts`")
    kind = serializers.ChoiceField(choices=[kind.value for kind in ChangeKind])
    before = serializers.JSONField(allow_null=True, help_text="Null when it was absent")
    after = serializers.JSONField(allow_null=True, help_text="Null when it is absent")


class StepChangeSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in ChangeKind])
    changes = FieldChangeSerializer(many=True, source="fields")


class DifferenceSerializer(serializers.Serializer[Any]):
    changes = FieldChangeSerializer(many=True, help_text="Of the workflow itself")
    steps = StepChangeSerializer(many=True)
    text = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="Unified; null when the texts are too long for one"
    )
    text_only = serializers.BooleanField(help_text="They mean the same: only comments or the layout differ")


class VersionRowSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    by = serializers.CharField(source="created_by", help_text="Who saved it")
    at = serializers.DateTimeField(source="created_at")
    checksum = serializers.CharField(help_text="The same for versions that mean the same")


class SinceSerializer(DifferenceSerializer):
    current = VersionRowSerializer(help_text="The version there is now")


class ValidationSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    problems = DefinitionProblemSerializer(many=True, help_text="In the order of their lines")
    graph = GraphSerializer(allow_null=True, help_text="Null when the text is no workflow")
    input_schema = serializers.DictField(allow_null=True, help_text="JSON Schema of what a run is given")
    slug = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    difference = SinceSerializer(
        allow_null=True, help_text="From the version there is now, when it was asked for and can be told"
    )


class VersionSerializer(VersionRowSerializer):
    source = serializers.CharField(  # type: ignore[assignment]  # DRF has an attribute of that name
        help_text="The definition as it was written"
    )
    document = serializers.DictField(help_text="What it means, without what is default")


class VersionDiffSerializer(DifferenceSerializer):
    from_version = serializers.IntegerField()
    to_version = serializers.IntegerField()
