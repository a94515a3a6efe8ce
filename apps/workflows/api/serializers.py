"""What the workflows API reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.agents.api.serializers import ErrorSerializer, TokensSerializer
from apps.workflows.models import RunStatus, StepStatus


class DefinedStepSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    command = serializers.CharField()
    agent = serializers.CharField(allow_null=True, help_text="The slug of one agent; null: any that can")
    needs = serializers.ListField(child=serializers.CharField())


class LastRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    started_at = serializers.DateTimeField(allow_null=True)


class RunCountsSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField(help_text="Runs that are not over")
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()


class WorkflowRowSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    version = serializers.IntegerField()
    input = serializers.DictField(help_text="JSON Schema of what a run is given")
    steps = DefinedStepSerializer(many=True)
    last_run = LastRunSerializer(allow_null=True)
    counts = RunCountsSerializer()


class WorkflowSerializer(WorkflowRowSerializer):
    source = serializers.CharField(  # type: ignore[assignment]  # DRF has an attribute of that name
        help_text="The definition as it was written"
    )
    created_by = serializers.CharField(help_text="Who saved this version")
    saved_at = serializers.DateTimeField()


class StartRunSerializer(serializers.Serializer[Any]):
    input = serializers.DictField(required=False, default=dict, help_text="Must fit the workflow's schema")


class RunRowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="Counts the runs of the workflow from 1")
    name = serializers.CharField()
    workflow = serializers.CharField(help_text="The slug of its workflow")
    workflow_name = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    status_reason = serializers.CharField()
    progress = serializers.IntegerField(min_value=0, max_value=100)
    current_step = serializers.IntegerField(help_text="The furthest running step, from 1")
    total_steps = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField()
    tokens = TokensSerializer()


class StepAgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class StepSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    index = serializers.IntegerField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    wait_reason = serializers.CharField(help_text="Why it does not run, or why it was skipped")
    needs = serializers.ListField(child=serializers.CharField())
    agent = StepAgentSerializer(allow_null=True)
    command = serializers.CharField()
    command_run_id = serializers.UUIDField(allow_null=True)
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField(allow_null=True)
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField()
    input = serializers.JSONField(allow_null=True)
    output = serializers.JSONField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    tokens = TokensSerializer()
    model = serializers.CharField()
    demo = serializers.BooleanField(help_text="Made by the built-in demo model")
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class RunSerializer(RunRowSerializer):
    version = serializers.IntegerField()
    cancel_requested = serializers.BooleanField()
    deadline_at = serializers.DateTimeField(allow_null=True)
    input = serializers.DictField()
    output = serializers.JSONField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    steps = StepSerializer(many=True)


class RunStateSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    cancel_requested = serializers.BooleanField()
