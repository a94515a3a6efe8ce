"""What monitoring remembers: samples for the charts, API timings, alerts."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.events.ids import new_id


class MetricSample(models.Model):
    """One point of every chart of a project: measured every few seconds, kept by the minute later."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    step = models.PositiveIntegerField(help_text="Seconds this sample stands for")
    at = models.BigIntegerField(help_text="Unix time at which its stretch begins")
    throughput = models.FloatField(help_text="Command runs finished per minute")
    api_ms = models.FloatField(null=True, help_text="Median API response time in milliseconds")
    cpu = models.FloatField(help_text="Per cent of the engine's host")
    memory = models.FloatField(help_text="Per cent of the engine's host")
    queue_depth = models.FloatField(help_text="Command runs that wait")
    active_agents = models.FloatField()
    running_workflows = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "step", "at"], name="metric_once_per_bucket")
        ]
        indexes = [models.Index(fields=["step", "at"], name="metric_by_age")]

    def __str__(self) -> str:
        return f"{self.project_id} at {self.at}"


class ApiTiming(models.Model):
    """How long one web process took for the API requests of a few seconds, as a histogram."""

    process = models.UUIDField()
    at = models.BigIntegerField(help_text="Unix time at which it was stored")
    counts = models.JSONField(help_text="Requests by bucket of the logarithmic scale")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["process", "at"], name="api_timing_once")]
        indexes = [models.Index(fields=["at"], name="api_timing_by_age")]

    def __str__(self) -> str:
        return f"{self.process} at {self.at}"


class AlertState(models.TextChoices):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class AlertLevel(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Alert(models.Model):
    """A rule that fired for one subject; there is at most one that is not resolved."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alerts")
    rule = models.CharField(max_length=50)
    subject = models.CharField(max_length=100, help_text="What it is about, as the rule names it")
    level = models.CharField(max_length=10, choices=AlertLevel.choices)
    message = models.CharField(max_length=500)
    url = models.CharField(max_length=200, blank=True, help_text="Where to look, a path of this site")
    state = models.CharField(max_length=12, choices=AlertState.choices, default=AlertState.OPEN)
    count = models.PositiveIntegerField(default=1, help_text="How often the rule fired meanwhile")
    opened_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "rule", "subject"],
                condition=~Q(state="resolved"),
                name="alert_once_while_unresolved",
            )
        ]
        indexes = [models.Index(fields=["project", "-opened_at", "-id"], name="alert_newest")]

    def __str__(self) -> str:
        return f"{self.level}: {self.message}"


class WebhookEndpoint(models.Model):
    """An address of somebody else's that is told of events, signed. Its secret is derived, not stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhook_endpoints")
    name = models.CharField(max_length=100)
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list, help_text="Kinds, for example run.finished or run.*")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    secret_version = models.PositiveIntegerField(default=1)
    old_secret_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then deliveries are signed with the secret before, too"
    )
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="webhook_name_once")]

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    """`dead`: every try failed, or the endpoint is gone; somebody may send it again."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class WebhookDelivery(models.Model):
    """One event for one endpoint: an outbox row, written in the transaction of what it tells."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    # Not checked by the database: what happens must not fail, nor wait, because an endpoint goes away.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False
    )
    event_id = models.CharField(max_length=100, help_text="The same for every try, and for sending it again")
    type = models.CharField(max_length=100)
    subject = models.CharField(max_length=200, blank=True)
    body = models.JSONField(help_text="The CloudEvents envelope")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    held_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="While it is being sent: by then it is due again"
    )
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    last_ms = models.FloatField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["endpoint", "-created_at", "-id"], name="webhook_newest"),
            models.Index(fields=["endpoint", "next_at"], condition=Q(state="pending"), name="webhook_due_of"),
            models.Index(fields=["endpoint"], condition=Q(state="dead"), name="webhook_dead_of"),
            models.Index(fields=["created_at"], name="webhook_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint_id} ({self.state})"
