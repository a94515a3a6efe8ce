"""Questions to people, what they said, and who outside was told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.events.ids import new_id
from apps.workflows.models.runs import Run, Step
from apps.workflows.models.states import ApprovalState, NoticeKind, NoticeState


class Approval(models.Model):
    """One question to people, asked by a waiting step, whose form is in the run's document; or by an
    agent at work on a command run, which then has neither run nor step unless it works for one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="approvals")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="approvals")
    step = models.ForeignKey(Step, null=True, blank=True, on_delete=models.CASCADE, related_name="approvals")
    agent_id = models.UUIDField(null=True, blank=True, help_text="The agent that asks")
    agent_name = models.CharField(max_length=100, blank=True)
    command_run_id = models.UUIDField(null=True, blank=True, help_text="What that agent is at")
    options = models.JSONField(default=list, blank=True, help_text="What an agent lets people choose from")
    form = models.JSONField(
        default=dict, blank=True, help_text="JSON Schema of what an agent asks besides yes or no"
    )
    on_expiry = models.CharField(max_length=10, default="reject", help_text="Of an agent's question")
    client_key = models.CharField(  # noqa: DJ001  (unique if set)
        max_length=200, null=True, blank=True, help_text="By which a repeated question is known"
    )
    client_hash = models.CharField(max_length=64, blank=True)
    title = models.CharField(max_length=300)
    details = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=ApprovalState.choices, default=ApprovalState.OPEN)
    min_approvals = models.PositiveSmallIntegerField(default=1)
    allow_requester = models.BooleanField(default=True)
    requested_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["step"],
                condition=Q(state="open", command_run_id__isnull=True),
                name="approval_open_once",
            ),
            models.UniqueConstraint(
                fields=["command_run_id", "client_key"],
                condition=Q(client_key__isnull=False),
                name="approval_asked_once",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="approval_newest"),
            models.Index(fields=["project"], condition=Q(state="open"), name="approval_open"),
            models.Index(
                fields=["command_run_id"],
                condition=Q(state="open", command_run_id__isnull=False),
                name="approval_open_of_agent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"

    @property
    def asker(self) -> str:
        """Who asks, as people read it."""
        run = f"{self.run.name} #{self.run.number}" if self.run is not None else ""
        if not self.agent_name:
            return run
        return f"{self.agent_name} in {run}" if run else self.agent_name


class ApprovalDecision(models.Model):
    """What one person said. Appended, never changed."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="decisions")
    by = models.CharField(max_length=150)
    approved = models.BooleanField()
    option = models.CharField(max_length=200, blank=True, help_text="Which of an agent's options")
    comment = models.TextField(blank=True)
    fields = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "id"]
        constraints = [models.UniqueConstraint(fields=["approval", "by"], name="approval_decided_once")]

    def __str__(self) -> str:
        return f"{self.by}: {'yes' if self.approved else 'no'}"


class Notice(models.Model):
    """One message to somebody outside about an approval: an outbox row, written with what it tells."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notices")
    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=NoticeKind.choices)
    target = models.CharField(max_length=2000, help_text="An e-mail address or a URL")
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="notice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.target} ({self.state})"
