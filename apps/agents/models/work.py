"""Agents, the commands they can be asked, and the runs of those commands.

`CommandRun` is the unit of work and the only thing with a lease. Its verbs are in `lease.py` and
`services.py`; nothing else writes its status.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from apps.accounts.models import Project
from apps.events.ids import new_id


class Connector(models.TextChoices):
    """How work reaches an agent."""

    LLM = "llm", "model"
    HTTP = "http", "HTTP endpoint"
    PULL = "pull", "pull"


class Provenance(models.TextChoices):
    """How we know what an agent does; the screen always says it, with its age."""

    LIVE = "live", "it said so itself, in a heartbeat or with its work"
    EVENT = "event", "a start event or a log line of its telemetry"
    INFERRED = "inferred", "its telemetry lets it be concluded"


class AgentStatus(models.TextChoices):
    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"
    PAUSED = "paused"
    ERROR = "error"
    OFFLINE = "offline"


class WorkKind(models.TextChoices):
    """Who does the work of a command run."""

    COMMAND = "command", "an agent"
    HTTP = "http", "a worker, by an HTTP request"


class RunStatus(models.TextChoices):
    """The life of one command run."""

    QUEUED = "queued"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out", "timed out"


OVER = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT)
LIVE = (RunStatus.DISPATCHED, RunStatus.RUNNING)
UNCLAIMED = (RunStatus.QUEUED, RunStatus.DISPATCHED)


class Agent(models.Model):
    """Someone who can do work. `status` is derived by `services.refresh_agent`, never set by hand."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="agents")
    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=50, help_text="What kind of work it does, for example review")
    description = models.CharField(max_length=500, blank=True)
    capabilities = models.JSONField(default=list, help_text="Names that commands ask for")
    connector = models.CharField(max_length=10, choices=Connector.choices, default=Connector.LLM)
    instructions = models.TextField(blank=True, help_text="The system prompt of a model-driven agent")
    model = models.CharField(max_length=200, blank=True, help_text="Overrides MC_LLM_MODEL for this agent")
    max_parallel = models.PositiveSmallIntegerField(default=1, help_text="Command runs at a time")
    status = models.CharField(max_length=10, choices=AgentStatus.choices, default=AgentStatus.IDLE)
    status_reason = models.CharField(max_length=200, blank=True)
    said_status = models.CharField(
        max_length=10, blank=True, help_text="What a pull agent last said of itself in a heartbeat"
    )
    current_task = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  (null in the API)
    last_error = models.CharField(max_length=500, blank=True)
    paused = models.BooleanField(default=False)
    last_active = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    provenance = models.CharField(
        max_length=10, choices=Provenance.choices, blank=True, editable=False,
        help_text="Of the newest signal from outside; empty for agents that we work for ourselves",
    )  # fmt: skip
    signal_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When that signal came")
    external_id = models.CharField(  # noqa: DJ001  (unique if set)
        max_length=300,
        null=True,
        blank=True,
        help_text="By which its telemetry is recognised",
    )
    key_id = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The API key it last came with"
    )
    facts = models.JSONField(
        default=dict, blank=True, help_text="What it says of itself: host, environment, version, framework"
    )
    endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Where an agent of the connector http takes its work"
    )
    secret_version = models.PositiveIntegerField(
        default=1, help_text="The secret that calls to its endpoint are signed with is derived, not stored"
    )
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="agent_slug_once"),
            models.UniqueConstraint(fields=["project", "name"], name="agent_name_once"),
            models.UniqueConstraint(
                fields=["project", "external_id"],
                condition=Q(external_id__isnull=False),
                name="agent_external_id_once",
            ),
        ]
        indexes = [models.Index(fields=["project", "status"], name="agent_by_status")]

    def __str__(self) -> str:
        return self.name


class Command(models.Model):
    """A catalogue entry: something agents with a capability can be asked to do."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="commands")
    name = models.CharField(max_length=100, help_text="For example bug.triage")
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    capability = models.CharField(max_length=100)
    parameters = models.JSONField(default=dict, help_text="JSON Schema of the input object")
    prompt = models.TextField(blank=True, help_text="{{ parameter }} stands for a value of the input")
    offline = models.CharField(max_length=30, blank=True, help_text="What the demo model does for it")
    timeout_seconds = models.PositiveIntegerField(default=300)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="command_name_once")]

    def __str__(self) -> str:
        return self.name


class CommandRun(models.Model):
    """One execution of a command by one agent: narrow, hot, and the holder of the lease.

    `fence` grows with every claim and every taking-back; a write that carries an old fence
    changes nothing. `run_id`, `step_id` and `workflow_id` are the workflow's, opaque here.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The three without an index are the first column of one below.
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="command_runs", db_index=False
    )
    kind = models.CharField(max_length=10, choices=WorkKind.choices, default=WorkKind.COMMAND)
    command = models.ForeignKey(
        Command, null=True, blank=True, on_delete=models.PROTECT, related_name="runs", db_index=False,
        help_text="Empty for work that no agent does",
    )  # fmt: skip
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.PROTECT, related_name="command_runs", db_index=False
    )
    wanted_agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Asked for by name; empty: any agent with the capability",
    )  # fmt: skip
    capability = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    wait_reason = models.CharField(max_length=200, blank=True)
    priority = models.SmallIntegerField(default=0)
    share = models.CharField(
        max_length=200, blank=True, help_text="Work of one share stands in one line; lines take turns"
    )
    lane = models.GeneratedField(
        expression=Coalesce(Cast("wanted_agent_id", models.CharField(max_length=100)), "capability"),
        output_field=models.CharField(max_length=100),
        db_persist=True,
        help_text="Who may take it: one agent, agents with a capability, or empty for any worker",
    )
    turn = models.BigIntegerField(default=0, help_text="Its turn in its lane; those of one share follow")
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    backoff_seconds = models.FloatField(default=2)
    max_backoff_seconds = models.FloatField(default=60)
    jitter = models.FloatField(default=0.5, help_text="The random part of a pause, 0 to 1")
    lost_count = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    dispatch_id = models.UUIDField(null=True, blank=True)
    dispatch_count = models.PositiveSmallIntegerField(default=0)
    worker_id = models.UUIDField(null=True, blank=True)
    timeout_seconds = models.FloatField(default=300)
    queue_timeout_seconds = models.FloatField(default=3600)
    cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=50, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=200, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(null=True, blank=True, max_digits=12, decimal_places=6)
    model = models.CharField(max_length=200, blank=True)
    demo = models.BooleanField(default=False)
    run_id = models.UUIDField(null=True, blank=True)
    step_id = models.UUIDField(null=True, blank=True)
    workflow_id = models.UUIDField(null=True, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  (unique if set)
    idempotency_hash = models.CharField(max_length=64, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    available_at = models.DateTimeField(default=timezone.now)
    gives_up_at = models.DateTimeField(help_text="When nobody took it by then, it is timed out")
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    timeout_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="command_run_key_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "lane", "-priority", "turn", "queued_at"],
                condition=Q(status="queued"),
                name="command_run_next",
            ),
            models.Index(
                fields=["project", "lane", "share", "priority", "turn"],
                condition=Q(status="queued"),
                name="command_run_last_of_share",
            ),
            models.Index(
                fields=["status", "lease_expires_at"],
                condition=Q(status__in=["dispatched", "running"]),
                name="command_run_live",
            ),
            models.Index(
                fields=["gives_up_at"],
                condition=Q(status__in=["queued", "dispatched"]),
                name="command_run_gives_up",
            ),
            models.Index(
                fields=["agent", "status"],
                condition=Q(status__in=["dispatched", "running"]),
                name="command_run_agent_live",
            ),
            models.Index(fields=["project", "-queued_at", "-id"], name="command_run_newest"),
            models.Index(fields=["agent", "-queued_at", "-id"], name="command_run_by_agent"),
            models.Index(fields=["project", "status", "-queued_at", "-id"], name="command_run_by_status"),
            models.Index(fields=["command", "-queued_at", "-id"], name="command_run_by_command"),
            models.Index(fields=["project", "finished_at"], name="command_run_finished"),
            models.Index(
                fields=["agent", "finished_at"],
                condition=Q(finished_at__isnull=False),
                name="command_run_agent_finished",
            ),
            models.Index(fields=["run_id"], condition=Q(run_id__isnull=False), name="command_run_by_run"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.status})"

    @property
    def is_over(self) -> bool:
        return self.status in OVER


class LaneTurn(models.Model):
    """How far the turns of one lane and priority have come: the highest that was dispatched.

    Only the dispatcher moves it, forward. It orders work and limits nothing.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    lane = models.CharField(max_length=100, blank=True)
    priority = models.SmallIntegerField()
    turn = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "lane", "priority"], name="lane_turn_once"),
        ]

    def __str__(self) -> str:
        return f"{self.lane or 'any worker'}: {self.turn}"


class CommandRunData(models.Model):
    """The wide part of a command run, kept aside so that lists stay narrow."""

    command_run = models.OneToOneField(
        CommandRun, primary_key=True, on_delete=models.CASCADE, related_name="data"
    )
    input = models.JSONField(default=dict)
    output = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    text = models.TextField(blank=True, help_text="The newest part of what is being written")
    retry_on = models.JSONField(
        null=True, blank=True, help_text="Error codes worth another attempt; empty: all that may pass"
    )
    stable_key = models.CharField(
        max_length=200, blank=True, help_text="By which the outside world knows a repetition, if not the id"
    )

    def __str__(self) -> str:
        return f"data of {self.command_run_id}"


class LogLevel(models.TextChoices):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class CommandRunLine(models.Model):
    """One line that was logged while a command run ran. Appended, never changed."""

    command_run = models.ForeignKey(
        CommandRun, on_delete=models.CASCADE, related_name="lines", db_index=False,
        help_text="The first column of what is unique",
    )  # fmt: skip
    number = models.PositiveIntegerField(help_text="Counts the lines of the command run from 1")
    attempt = models.PositiveSmallIntegerField(default=1)
    level = models.CharField(max_length=10, choices=LogLevel.choices, default=LogLevel.INFO)
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["command_run", "number"], name="command_run_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.command_run_id} {self.number}: {self.text[:50]}"


class CommandRunAttempt(models.Model):
    """One claim of a command run and how it ended. Appended, then closed once."""

    command_run = models.ForeignKey(
        CommandRun, on_delete=models.CASCADE, related_name="attempts", db_index=False,
        help_text="The first column of what is unique",
    )  # fmt: skip
    number = models.PositiveSmallIntegerField()
    fence = models.PositiveBigIntegerField()
    worker = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True, help_text="completed, failed, lost, timed_out, …")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["fence"]
        constraints = [models.UniqueConstraint(fields=["command_run", "fence"], name="attempt_fence_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.command_run_id}"


class HoldScope(models.TextChoices):
    """What a hold covers, the widest first."""

    PROJECT = "project"
    WORKFLOW = "workflow"
    RUN = "run"


class Hold(models.Model):
    """A pause: no command run of the subject is dispatched while this row exists.

    The subject is a project, or a workflow or run that is opaque here. Its verbs are in `holds.py`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="holds")
    scope = models.CharField(max_length=10, choices=HoldScope.choices)
    subject_id = models.UUIDField(unique=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.scope} is paused"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def live(self, since: datetime | None = None) -> WorkerQuerySet:
        """Workers heard of `since`, or else within three heartbeats, and not on their way out."""
        return self.filter(heartbeat_at__gte=since or Worker.live_since(), stopping=False)


class Worker(models.Model):
    """One process that executes command runs, as it last reported itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    slots = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    stopping = models.BooleanField(default=False)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["heartbeat_at"], name="worker_by_heartbeat")]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def live_since() -> datetime:
        """Whoever reported no later than this is alive."""
        return timezone.now() - timedelta(seconds=settings.MC.heartbeat_seconds * 3)
