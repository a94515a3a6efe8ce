"""What starts runs without anybody at the screen."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.workflows.models.runs import Run, Workflow
from apps.workflows.models.states import Misfire, Overlap


class Schedule(models.Model):
    """Starts runs of a workflow at the moments of a cron expression in a time zone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schedules")
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=100)
    cron = models.CharField(max_length=100, help_text="Minute, hour, day of month, month, day of week")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name, such as Europe/Berlin")
    input = models.JSONField(default=dict, blank=True)
    priority = models.SmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    misfire = models.CharField(max_length=10, choices=Misfire.choices, default=Misfire.ONCE)
    catch_up_limit = models.PositiveSmallIntegerField(default=10)
    overlap = models.CharField(max_length=10, choices=Overlap.choices, default=Overlap.SKIP)
    next_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it is disabled")
    last_at = models.DateTimeField(null=True, blank=True)
    last_problem = models.CharField(max_length=300, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="schedule_name_once")]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=Q(enabled=True, next_at__isnull=False),
                name="schedule_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleTick(models.Model):
    """One moment of a schedule and what came of it. The constraint is what makes two engines
    start one run."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="ticks")
    scheduled_for = models.DateTimeField()
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.CharField(max_length=20, help_text="started, skipped, queued, missed or refused")
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-scheduled_for"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "scheduled_for"], name="schedule_tick_once"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.scheduled_for}: {self.outcome}"


class Trigger(models.Model):
    """An address of its own to which other systems post signed requests; each starts a run."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="triggers")
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="triggers")
    name = models.CharField(max_length=100)
    input = models.JSONField(default=dict, blank=True, help_text="The run's input; texts may hold ${{ CEL }}")
    condition = models.CharField(max_length=1000, blank=True, help_text="CEL; others are answered, not run")
    priority = models.SmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    secret_version = models.PositiveIntegerField(default=1, help_text="The secret is derived, not stored")
    old_secret_until = models.DateTimeField(
        null=True, blank=True, help_text="So long the secret before is good, too"
    )
    last_at = models.DateTimeField(null=True, blank=True)
    last_result = models.CharField(max_length=300, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="trigger_name_once")]

    def __str__(self) -> str:
        return self.name
