"""What agents say of themselves: raw exports that wait to be read, the spans that were in them, and the
ids of updates that were taken already."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents.models.work import Agent


class TelemetrySignal(models.TextChoices):
    TRACES = "traces"
    LOGS = "logs"


class TelemetryBatch(models.Model):
    """One export as it came, committed before it was answered; read, and then removed, by the engine."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    agent_id = models.UUIDField(null=True, blank=True, help_text="When its key belongs to one agent")
    key_id = models.UUIDField(null=True, blank=True, help_text="The API key it came with")
    signal = models.CharField(max_length=10, choices=TelemetrySignal.choices)
    body = models.BinaryField(help_text="The request message in protobuf, whatever the sender's encoding was")
    items = models.PositiveIntegerField(help_text="Spans or log records in it")
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.items} {self.signal} of {self.received_at}"


class SpanKind(models.TextChoices):
    """What a span is of. Only `llm` spans count tokens and cost."""

    WORKFLOW = "workflow"
    AGENT = "agent"
    LLM = "llm"
    TOOL = "tool"
    OTHER = "other"


class SpanStatus(models.TextChoices):
    """`unknown` is a span that was inferred and of which nothing was heard any more."""

    OPEN = "open"
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"


class SpanSource(models.TextChoices):
    """How we know of a span."""

    SPAN = "span", "it was exported"
    START = "start", "its start was"
    INFERRED = "inferred", "one of its children was"
    LOG = "log", "a log record tells of it"


class CostSource(models.TextChoices):
    REPORTED = "reported"
    COMPUTED = "computed", "computed from the price table"
    UNKNOWN = "unknown"


class Span(models.Model):
    """One stretch of an agent's work, as its telemetry tells it; narrow, its attributes are aside.

    Written again and again by upserts: what a later export says wins, but nothing opens a span that
    was over.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    trace_id = models.CharField(max_length=32, help_text="Lower-case hex")
    span_id = models.CharField(max_length=16, help_text="Lower-case hex")
    parent_span_id = models.CharField(max_length=16, blank=True)
    root_span_id = models.CharField(
        max_length=16, blank=True, help_text="The top-most agent or workflow span it belongs to"
    )
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="spans")
    names_agent = models.BooleanField(
        default=False, help_text="It names its agent itself; others are whose their parents are"
    )
    kind = models.CharField(max_length=10, choices=SpanKind.choices, default=SpanKind.OTHER)
    source = models.CharField(max_length=10, choices=SpanSource.choices, default=SpanSource.SPAN)
    status = models.CharField(max_length=10, choices=SpanStatus.choices, default=SpanStatus.OPEN)
    name = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True, help_text="Of a root: what the agent is at")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    session = models.CharField(max_length=200, blank=True)
    provider = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200, blank=True)
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cache_read_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cache_write_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(null=True, blank=True, max_digits=14, decimal_places=8)
    cost_source = models.CharField(max_length=10, choices=CostSource.choices, default=CostSource.UNKNOWN)
    tool = models.CharField(max_length=200, blank=True)
    call_id = models.CharField(max_length=200, blank=True)
    error_type = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=500, blank=True)
    run_id = models.UUIDField(null=True, blank=True)
    step_id = models.UUIDField(null=True, blank=True)
    command_run_id = models.UUIDField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now, help_text="When we last heard of it")

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "trace_id", "span_id"], name="span_once"),
        ]
        indexes = [
            models.Index(fields=["agent", "-started_at", "-id"], name="span_of_agent"),
            models.Index(
                fields=["agent", "-started_at", "-id"],
                condition=Q(kind__in=["agent", "workflow"]),
                name="span_root_of_agent",
            ),
            models.Index(
                fields=["project", "session", "started_at"], condition=~Q(session=""), name="span_of_session"
            ),
            models.Index(fields=["agent", "session"], condition=~Q(session=""), name="span_session_of_agent"),
            models.Index(fields=["run_id"], condition=Q(run_id__isnull=False), name="span_of_run"),
            models.Index(
                fields=["command_run_id"],
                condition=Q(command_run_id__isnull=False),
                name="span_of_command_run",
            ),
            # As a list, because that is how `one_of` asks, and SQLite compares the words.
            models.Index(fields=["seen_at"], condition=Q(status__in=["open"]), name="span_open"),
            models.Index(
                fields=["agent", "started_at", "id"],
                condition=Q(status__in=["open"]),
                name="span_open_of_agent",
            ),
            models.Index(fields=["project", "started_at"], name="span_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class SessionStatus(models.TextChoices):
    """`unknown`: its newest activity was not heard of any more before it told an end."""

    OPEN = "open"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Session(models.Model):
    """What several activities belong to, by the id that their sender gives it, with their sums.

    Storing a span of it only marks it `stale`. The sums are made from the spans, never by counting on:
    by the engine soon after, and by whoever reads a session that is still stale.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200, help_text="The sender's id of it")
    first_at = models.DateTimeField(help_text="When its first span began")
    last_at = models.DateTimeField(help_text="The newest start or end of its spans")
    stale = models.BooleanField(default=True, help_text="Spans came since the sums were made")
    changes = models.PositiveBigIntegerField(default=1, help_text="How often it was marked stale")
    status = models.CharField(max_length=10, choices=SessionStatus.choices, default=SessionStatus.UNKNOWN)
    agents = models.JSONField(default=list, help_text="The ids of the first agents in it")
    activities = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0, help_text="Activities that failed")
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cache_read_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cache_write_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    cost_source = models.CharField(max_length=10, choices=CostSource.choices, default=CostSource.UNKNOWN)
    unpriced_calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="session_once")]
        indexes = [
            models.Index(fields=["project", "-last_at", "-id"], name="session_newest"),
            models.Index(fields=["id"], condition=Q(stale=True), name="session_stale"),
        ]

    def __str__(self) -> str:
        return self.name


class SpanData(models.Model):
    """The wide part of a span, kept aside so that waterfalls stay narrow."""

    span = models.OneToOneField(Span, primary_key=True, on_delete=models.CASCADE, related_name="data")
    attributes = models.JSONField(default=dict)
    resource = models.JSONField(default=dict)
    events = models.JSONField(default=list)
    input = models.TextField(blank=True, help_text="Of a tool call, redacted and cut")
    output = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"data of span {self.span_id}"


class ClientEvent(models.Model):
    """An update that a client numbered and that was taken, so that the same one again does nothing."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200, help_text="The client's id of it, within the key or user")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="client_event_once")]
        indexes = [models.Index(fields=["at"], name="client_event_by_age")]

    def __str__(self) -> str:
        return self.key
