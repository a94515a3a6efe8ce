"""What the workflows API reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.agents.api.serializers import ErrorSerializer, TokensSerializer
from apps.workflows.models import (
    ApprovalState,
    NoticeKind,
    NoticeState,
    Origin,
    RunStatus,
    StepKind,
    StepStatus,
)


class DefinedStepSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=StepKind.choices)
    body = serializers.ChoiceField(
        choices=[one for one in StepKind.choices if one[0] != StepKind.MAP],
        help_text="What it does: the kind, or of a map what is done for each item",
    )
    command = serializers.CharField(allow_null=True, help_text="Null for what no agent does")
    workflow = serializers.CharField(allow_null=True, help_text="The slug of the workflow it runs")
    agent = serializers.CharField(allow_null=True, help_text="The slug of one agent; null: any that can")
    needs = serializers.ListField(
        child=serializers.CharField(), help_text="Also the steps whose failure it handles"
    )
    goes_to = serializers.CharField(
        allow_null=True, help_text="The key of the step where the run goes on when this one fails"
    )


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
    paused = serializers.BooleanField(help_text="Nothing of its runs is dispatched")


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
    status_reason = serializers.CharField(help_text="Also why it waits")
    priority = serializers.IntegerField(help_text="Higher goes first")
    concurrency_key = serializers.CharField(help_text="Runs of the workflow with one key share its limit")
    progress = serializers.IntegerField(min_value=0, max_value=100)
    current_step = serializers.IntegerField(help_text="The furthest running step, from 1")
    total_steps = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField()
    tokens = TokensSerializer(help_text="With those of the runs nested in it")
    cost_usd = serializers.FloatField(
        allow_null=True, help_text="With that of the runs nested in it; null when none is known"
    )


class StepAgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ItemCountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Not begun")
    running = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Also those that timed out")
    cancelled = serializers.IntegerField(help_text="Also those that were never begun")


class ItemErrorSerializer(ErrorSerializer):
    index = serializers.IntegerField(help_text="The item's place in the list, from 0")


class SentBackSerializer(ErrorSerializer):
    attempt = serializers.IntegerField()


class StepSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=StepKind.choices)
    index = serializers.IntegerField()
    map_index = serializers.IntegerField(allow_null=True, help_text="The place of a map's item, from 0")
    parent_id = serializers.UUIDField(allow_null=True, help_text="The map step it is an item of")
    item = serializers.JSONField(allow_null=True)
    items = ItemCountsSerializer(allow_null=True, help_text="Of a map that has begun")
    status = serializers.ChoiceField(choices=StepStatus.choices)
    wait_reason = serializers.CharField(help_text="Why it does not run, or why it was skipped")
    wakes_at = serializers.DateTimeField(
        allow_null=True, help_text="When a wait is over, or an approval expires"
    )
    needs = serializers.ListField(
        child=serializers.CharField(), help_text="Also the steps whose failure it handles"
    )
    goes_to = serializers.CharField(
        allow_null=True, help_text="The key of the step where the run goes on when this one fails"
    )
    agent = StepAgentSerializer(allow_null=True)
    command = serializers.CharField(allow_null=True, help_text="Null for what no agent does")
    command_run_id = serializers.UUIDField(allow_null=True)
    workflow = serializers.CharField(allow_null=True, help_text="The slug of the workflow it runs")
    child_run_id = serializers.UUIDField(allow_null=True, help_text="The newest run it started")
    approval_id = serializers.UUIDField(allow_null=True, help_text="The newest question it asked")
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField(allow_null=True)
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField()
    input = serializers.JSONField(allow_null=True)
    output = serializers.JSONField(
        allow_null=True, help_text="Null for a map of more than 100 items: ask for those page by page"
    )
    error = ErrorSerializer(allow_null=True)
    item_errors = ItemErrorSerializer(
        many=True, help_text="Of a map that is over: the first 100 items that failed, by their place"
    )
    sent_back = SentBackSerializer(
        allow_null=True, help_text="The error with which the step last sent the run back"
    )
    tokens = TokensSerializer()
    model = serializers.CharField()
    demo = serializers.BooleanField(help_text="Made by the built-in demo model")
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class ParentRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    workflow = serializers.CharField(help_text="The slug of its workflow")
    number = serializers.IntegerField()
    step = serializers.CharField(help_text="The key of the step that started this run")


class RunSerializer(RunRowSerializer):
    version = serializers.IntegerField()
    cancel_requested = serializers.BooleanField()
    deadline_at = serializers.DateTimeField(allow_null=True)
    input = serializers.DictField()
    output = serializers.JSONField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    origin = serializers.ChoiceField(choices=Origin.choices)
    origin_id = serializers.UUIDField(allow_null=True, help_text="The schedule, trigger or step")
    origin_name = serializers.CharField(help_text="The schedule's or trigger's name")
    parent_run = ParentRunSerializer(allow_null=True, help_text="The run that this one is a step of")
    steps = StepSerializer(many=True, help_text="Of the definition; a map's items are pages of their own")


class RunStateSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    cancel_requested = serializers.BooleanField()


class PauseSerializer(serializers.Serializer[Any]):
    paused = serializers.BooleanField()
    by = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)


class RetrySerializer(serializers.Serializer[Any]):
    step = serializers.CharField(
        required=False, help_text="A step's key: do it and everything after it again"
    )


class RerunSerializer(serializers.Serializer[Any]):
    input = serializers.DictField(
        required=False, default=None, allow_null=True, help_text="Without it the input of this run"
    )


class ApprovalDecisionSerializer(serializers.Serializer[Any]):
    by = serializers.CharField()
    approved = serializers.BooleanField()
    option = serializers.CharField(help_text="Which of the options; empty when there were none")
    comment = serializers.CharField()
    fields = serializers.DictField()  # type: ignore[assignment]  # DRF has an attribute of that name
    at = serializers.DateTimeField()


class ApprovalRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    workflow = serializers.CharField(help_text="The slug of its workflow")


class ApprovalStepSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()


class ApprovalAgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ApprovalCommandRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()


class ApprovalAnswerSerializer(serializers.Serializer[Any]):
    approved = serializers.BooleanField()
    option = serializers.CharField(help_text="Which of the options; empty when there were none")
    by = serializers.CharField(allow_null=True, help_text="Whose decision closed it; null: nobody's")
    comment = serializers.CharField()
    fields = serializers.DictField()  # type: ignore[assignment]  # DRF has an attribute of that name


class NoticeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=NoticeKind.choices)
    target = serializers.CharField(help_text="The e-mail address, or the host of the webhook")
    state = serializers.ChoiceField(choices=NoticeState.choices)
    attempts = serializers.IntegerField()
    error = serializers.CharField(help_text="Why the last attempt did not arrive; empty when it did")
    next_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried next")
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class ApprovalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    details = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF has an attribute of that name
        help_text="JSON Schema of a form to fill in; empty when there is none"
    )
    state = serializers.ChoiceField(choices=ApprovalState.choices)
    min_approvals = serializers.IntegerField()
    decisions = ApprovalDecisionSerializer(many=True)
    can_decide = serializers.BooleanField(help_text="Whether you may decide it now")
    why_not = serializers.CharField(help_text="Why you may not; empty when you may")
    run = ApprovalRunSerializer(allow_null=True, help_text="Null for an agent that works for no run")
    step = ApprovalStepSerializer(allow_null=True)
    agent = ApprovalAgentSerializer(allow_null=True, help_text="The agent that asks; null for a step")
    command_run = ApprovalCommandRunSerializer(allow_null=True, help_text="What that agent is at")
    options = serializers.ListField(
        child=serializers.CharField(), help_text="One of them is chosen with a yes; empty: just yes or no"
    )
    answer = ApprovalAnswerSerializer(allow_null=True, help_text="What came of it; null while it is open")
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    escalated_at = serializers.DateTimeField(
        allow_null=True, help_text="When nobody had decided in time and others were asked"
    )
    decided_at = serializers.DateTimeField(allow_null=True)
    notices = NoticeSerializer(many=True, help_text="Who outside was told, and whether it arrived")


class DecideSerializer(serializers.Serializer[Any]):
    approved = serializers.BooleanField()
    option = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="When there are options: which",
    )
    comment = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF has an attribute of that name
        required=False, default=dict, help_text="Must fit the approval's form"
    )
