"""Definitions, their runs and the steps of those. Steps hold no lease: their command runs do."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.events.ids import new_id
from apps.workflows.models.states import RUN_OVER, STEP_OVER, Origin, RunStatus, StepKind, StepStatus


class Workflow(models.Model):
    """A named definition; `current` is the version that new runs take."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="workflows")
    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    current = models.ForeignKey(
        "WorkflowVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    run_count = models.PositiveIntegerField(default=0, editable=False, help_text="The newest run's number")
    completed_count = models.PositiveIntegerField(default=0, editable=False)
    failed_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="workflow_slug_once")]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One saved state of a definition. Never changed after it is written."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    # Text, because jsonb forgets the order of keys and a form made from the input schema needs it.
    document = models.TextField(editable=False, help_text="The checked document as JSON")
    source = models.TextField(editable=False, help_text="The YAML as it was written")
    checksum = models.CharField(max_length=64, editable=False)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="workflow_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} v{self.number}"


class Run(models.Model):
    """One execution of a workflow version. Narrow: input and output are in `RunData`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Both are the first column of indexes below.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs", db_index=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField(help_text="Counts the runs of the workflow from 1")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    status_reason = models.CharField(max_length=300, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    current_step = models.PositiveSmallIntegerField(default=1)
    total_steps = models.PositiveSmallIntegerField(default=0)
    open_steps = models.PositiveIntegerField(default=0, help_text="Steps that are not over")
    priority = models.SmallIntegerField(default=0)
    concurrency_key = models.CharField(
        max_length=200, blank=True, help_text="Runs of the workflow with one key share its limit"
    )
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.USER)
    origin_id = models.UUIDField(null=True, blank=True, help_text="The schedule, trigger or step")
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many runs it is nested in")
    parent_run_id = models.UUIDField(null=True, blank=True, help_text="The run whose step started it")
    cancel_requested = models.BooleanField(default=False)
    revision = models.PositiveBigIntegerField(default=0)
    requested_by = models.CharField(max_length=150, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  (unique)
    idempotency_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="run_number_once"),
            models.UniqueConstraint(
                fields=["project", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="run_key_once",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="run_newest"),
            models.Index(fields=["workflow", "-created_at", "-id"], name="run_by_workflow"),
            models.Index(fields=["project", "status", "-created_at", "-id"], name="run_by_status"),
            models.Index(
                fields=["workflow", "status", "-created_at", "-id"], name="run_of_workflow_by_status"
            ),
            # As a list, because that is how `one_of` asks, and SQLite compares the words.
            models.Index(
                fields=["project", "completed_at"], condition=Q(status__in=["failed"]), name="run_failed"
            ),
            models.Index(
                fields=["project", "status"],
                condition=Q(status__in=["queued", "running", "waiting", "paused"]),
                name="run_open",
            ),
            models.Index(
                fields=["workflow", "concurrency_key"],
                condition=Q(status__in=["queued", "running", "waiting", "paused"]),
                name="run_open_by_key",
            ),
            models.Index(fields=["origin_id"], condition=Q(origin_id__isnull=False), name="run_by_origin"),
            models.Index(
                fields=["parent_run_id"],
                condition=Q(parent_run_id__isnull=False),
                name="run_by_parent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"

    @property
    def is_over(self) -> bool:
        return self.status in RUN_OVER

    @property
    def is_ending(self) -> bool:
        """Whether nothing new may start: it failed, or somebody cancelled it."""
        return self.cancel_requested or bool(self.error_code)


class RunData(models.Model):
    """The wide part of a run."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="data")
    input = models.JSONField(default=dict)
    output = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return f"data of {self.run_id}"


class Step(models.Model):
    """One node of a run."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="steps", db_index=False,
        help_text="The first column of what is unique",
    )  # fmt: skip
    key = models.CharField(max_length=100)
    map_index = models.IntegerField(default=-1, help_text="Its place in the list of a map, from 0; else -1")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children",
        help_text="The map step it is an item of",
    )  # fmt: skip
    item = models.JSONField(null=True, blank=True, help_text="Its item of the list")
    child_run_id = models.UUIDField(null=True, blank=True, help_text="The run that a workflow step started")
    index = models.PositiveSmallIntegerField(help_text="Its place in the definition, from 1")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.PENDING)
    kind = models.CharField(max_length=10, choices=StepKind.choices, default=StepKind.COMMAND)
    wait_reason = models.CharField(max_length=200, blank=True)
    waits_for = models.PositiveSmallIntegerField(default=0, help_text="Needed steps that are not over")
    command_run_id = models.UUIDField(null=True, blank=True)
    agent_id = models.UUIDField(null=True, blank=True)
    agent_name = models.CharField(max_length=100, blank=True)
    wakes_at = models.DateTimeField(
        null=True, blank=True, help_text="When a wait is over, or an approval expires"
    )
    attempt = models.PositiveSmallIntegerField(default=0)
    earlier_attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts before somebody asked for another one"
    )
    returns = models.PositiveSmallIntegerField(
        default=0, help_text="How often its failure sent the run back to an earlier step"
    )
    progress = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    output = models.JSONField(null=True, blank=True)
    item_errors = models.JSONField(
        null=True, blank=True, help_text="Of a map: which of its items failed, and why"
    )
    sent_back = models.JSONField(
        null=True, blank=True, help_text="The error with which it last sent the run back"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["index", "map_index"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key", "map_index"], name="step_key_once"),
        ]
        indexes = [
            models.Index(
                fields=["run", "status"],
                condition=Q(status__in=["pending", "queued", "running", "waiting"]),
                name="step_open",
            ),
            models.Index(
                fields=["wakes_at"],
                condition=Q(status="waiting", wakes_at__isnull=False),
                name="step_wakes",
            ),
            models.Index(
                fields=["command_run_id"],
                condition=Q(command_run_id__isnull=False),
                name="step_by_command_run",
            ),
            models.Index(
                fields=["parent", "status", "map_index"],
                condition=Q(parent__isnull=False),
                name="step_by_parent",
            ),
            models.Index(
                fields=["child_run_id"],
                condition=Q(child_run_id__isnull=False),
                name="step_by_child_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.status})"

    @property
    def is_over(self) -> bool:
        return self.status in STEP_OVER
