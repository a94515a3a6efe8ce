"""Steps that wait for people or for time. They are rows and hold no worker, no slot and no lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.errors import InvalidInput
from apps.events.clock import now
from apps.events.journal import Change
from apps.events.kinds import rfc3339
from apps.workflows import document as documents
from apps.workflows import expressions, notices
from apps.workflows.models import Approval, ApprovalState, Run, Step, StepStatus
from apps.workflows.record import close_approval, record_approval, record_step, short, swap

AT_WORK = (StepStatus.QUEUED, StepStatus.RUNNING)
WAITED = ("attempt", "started_at", "wakes_at")


def ask(
    change: Change, run: Run, step: Step, question: documents.Approval, context: Mapping[str, Any]
) -> None:
    """Open the approval of a ready step. Raises ExpressionError."""
    title = expressions.as_text(expressions.render(question.title, context))
    details = expressions.as_text(expressions.render(question.details, context))
    moment = now()
    expires = moment + timedelta(seconds=question.expires_seconds) if question.expires_seconds else None
    approval = Approval.objects.create(
        project_id=run.project_id,
        run=run,
        step=step,
        title=short(title.strip() or step.name, 300),
        details=details,
        min_approvals=question.min_approvals,
        allow_requester=question.allow_requester,
        requested_by=run.requested_by,
        created_at=moment,
        expires_at=expires,
    )
    notices.write(change, approval, question.notify)
    begin(change, step, asking(approval, question.min_approvals), expires)
    record_approval(change, "approval.opened", approval)


def asking(approval: Approval, missing: int) -> str:
    """Why the step of an open question waits."""
    said = "waiting for approval" if missing == 1 else f"waiting for approval by {missing} people"
    return f"{said}, escalated" if approval.escalated_at else said


def begin(change: Change, step: Step, reason: str, wakes_at: datetime | None) -> None:
    """Let a ready step wait. The run is locked."""
    previous = step.status
    step.status = StepStatus.WAITING
    step.wait_reason = reason
    step.wakes_at = wakes_at
    step.attempt = step.earlier_attempts + 1
    step.started_at = now()
    if not swap(step, previous, *WAITED):
        raise RuntimeError(f"step {step.pk} moved although its run is locked")
    record_step(change, "step.waiting", step, previous=previous)


def moment(wait: documents.Wait, context: Mapping[str, Any], begin: datetime) -> datetime:
    """When a wait that begins now is over. Raises ExpressionError, and InvalidInput for a text that
    is no moment."""
    if wait.seconds is not None:
        return begin + timedelta(seconds=wait.seconds)
    value = expressions.render(wait.until, context)
    try:
        until = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        said = f"must be a moment such as 2026-11-22T18:00:00Z, not {str(value)[:100]!r}"
        raise InvalidInput({"wait.until": said})
    try:
        return until.astimezone(UTC)
    except OverflowError:
        raise InvalidInput({"wait.until": "is out of range"}) from None


def waited(until: datetime) -> dict[str, str]:
    """The output of a wait."""
    return {"until": rfc3339(until)}


def readable(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def for_run(step: Step, definition: documents.Step) -> None:
    """Have a step wait for a run of its own to begin, and say until when."""
    step.wakes_at = now() + timedelta(seconds=definition.queue_timeout_seconds)
    say_for_run(step, definition)


def say_for_run(step: Step, definition: documents.Step) -> None:
    """Why a step waits for its run: none was made yet, or the one that was made has no place."""
    what = (
        f"a place for its run of {definition.workflow}"
        if step.child_run_id
        else f"a run of {definition.workflow}"
    )
    until = f", until {readable(step.wakes_at)}" if step.wakes_at else ""
    step.wait_reason = short(f"waiting for {what}{until}", 200)


def only(run: Run) -> Step | None:
    """The step that a run waits in, if none of its steps is at work."""
    steps = Step.objects.filter(run=run)
    if steps.filter(status__in=AT_WORK).exists():
        return None
    return steps.filter(status=StepStatus.WAITING).order_by("index").first()


def withdraw(change: Change, run: Run, *, steps: Sequence[UUID] | None = None) -> None:
    """Close the questions of a run's steps, or of some of them, that ask no more. What an agent asks
    is withdrawn when its command run ends."""
    questions = Approval.objects.filter(run=run, state=ApprovalState.OPEN, command_run_id=None)
    questions = questions if steps is None else questions.filter(step__in=steps)
    for approval in questions.select_related("run__workflow"):
        close_approval(change, approval, ApprovalState.CANCELLED)
