"""The words that say how workflow rows stand."""

from __future__ import annotations

from django.db import models

from apps.agents.holds import Paths


class RunStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(models.TextChoices):
    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out", "timed out"


class StepKind(models.TextChoices):
    COMMAND = "command"
    APPROVAL = "approval"
    WAIT = "wait"
    HTTP = "http", "HTTP request"
    WORKFLOW = "workflow"
    MAP = "map", "map over a list"


class ApprovalState(models.TextChoices):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Origin(models.TextChoices):
    """What started a run."""

    USER = "user", "somebody"
    SCHEDULE = "schedule"
    TRIGGER = "trigger"
    STEP = "step", "a step of another run"


class Misfire(models.TextChoices):
    """What becomes of moments that passed while nobody could fire them."""

    SKIP = "skip", "skip them"
    ONCE = "once", "run once for all of them"
    CATCH_UP = "catch_up", "run each, up to the limit"


class Overlap(models.TextChoices):
    """What a schedule does when its last run is still open."""

    ALLOW = "allow", "start another beside it"
    SKIP = "skip", "skip this time"
    QUEUE = "queue", "start when it is over"
    CANCEL = "cancel", "cancel it and start"


class TickOutcome(models.TextChoices):
    """What came of a moment of a schedule."""

    STARTED = "started"
    SKIPPED = "skipped", "skipped: its last run was still open"
    QUEUED = "queued", "starts when the run before is over"
    MISSED = "missed", "nobody was there to fire it"
    REFUSED = "refused", "the run could not start"


class NoticeKind(models.TextChoices):
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook"


class NoticeState(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead", "given up"


# How runs and steps are reached by what can be paused.
RUNS = Paths("pk", "workflow_id", "project_id")
STEPS = Paths("run_id", "run__workflow_id", "run__project_id")
RUN_OPEN = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PAUSED)
RUN_OVER = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
STEP_OPEN = (StepStatus.PENDING, StepStatus.QUEUED, StepStatus.RUNNING, StepStatus.WAITING)
STEP_OVER = (
    StepStatus.COMPLETED,
    StepStatus.FAILED,
    StepStatus.CANCELLED,
    StepStatus.SKIPPED,
    StepStatus.TIMED_OUT,
)
