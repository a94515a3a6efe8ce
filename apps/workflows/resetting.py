"""Putting steps back to where they began: for a retry that somebody asks for, and for a failure that
sends the run back. The run is locked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from django.db.models import F

from apps.workflows import errands, waits
from apps.workflows.document import Document
from apps.workflows.models import STEP_OVER, Step, StepKind, StepStatus
from apps.workflows.record import record_step, swap

if TYPE_CHECKING:
    from apps.workflows.advance import Advance

RESET = (
    *("waits_for", "command_run_id", "child_run_id", "agent_id", "agent_name", "attempt", "earlier_attempts"),
    *("progress", "error_code", "error", "output", "started_at", "completed_at", "wakes_at", "returns"),
    *("item_errors", "sent_back"),
)


def reset(advance: Advance, steps: Sequence[Step], *, keep_items: Collection[str] = ()) -> list[Step]:
    """Let steps wait again for those before them that are done again too; returns those that can
    start. A map forgets its items, unless its key is in `keep_items`: then the finished ones stay.
    What was still going on for them is not wanted any more and is stopped after the commit."""
    advance.forget(steps)
    open_keys = set(
        Step.objects.filter(run=advance.run, map_index=-1)
        .exclude(status__in=STEP_OVER)
        .values_list("key", flat=True)
    )
    open_keys |= {step.key for step in steps}
    asking = [step.pk for step in steps if step.kind == StepKind.APPROVAL]
    if asking:
        waits.withdraw(advance.change, advance.run, steps=asking)
    for step in steps:
        if step.kind == StepKind.MAP:
            (_reset_items if step.key in keep_items else _drop_items)(advance, step)
        _reset_one(advance, step, open_keys)
    errands.soon(advance.change)
    return [step for step in steps if step.waits_for == 0]


def waits_for(document: Document, key: str) -> str:
    """Why a step that has not begun waits."""
    names = [document.by_key[need].title for need in document.graph.needs[key]]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return f"waiting for {', '.join(names)}"[:200] if names else ""


def _reset_one(advance: Advance, step: Step, open_keys: Collection[str]) -> None:
    previous = step.status
    advance.run.open_steps += step.is_over
    step.status = StepStatus.PENDING
    step.waits_for = len(set(advance.document.graph.needs[step.key]).intersection(open_keys))
    step.wait_reason = waits_for(advance.document, step.key) if step.waits_for else ""
    step.earlier_attempts = step.attempt
    step.command_run_id = step.child_run_id = step.agent_id = step.output = step.item_errors = None
    step.started_at = step.completed_at = step.wakes_at = None
    step.agent_name = step.error_code = step.error = ""
    step.progress = 0
    if not swap(step, previous, *RESET):
        raise RuntimeError(f"step {step.pk} moved although its run is locked")
    record_step(advance.change, "step.reset", step, previous=previous)


def _drop_items(advance: Advance, step: Step) -> None:
    items = Step.objects.filter(parent=step)
    advance.run.open_steps -= items.exclude(status__in=STEP_OVER).count()
    dropped, _ = items.delete()
    advance.run.total_steps -= dropped


def _reset_items(advance: Advance, step: Step) -> None:
    """Everything but what was completed; one statement, however many there are."""
    again = Step.objects.filter(parent=step).exclude(status=StepStatus.COMPLETED)
    advance.run.open_steps += again.filter(status__in=STEP_OVER).update(
        status=StepStatus.PENDING,
        waits_for=1,
        wait_reason="",
        earlier_attempts=F("attempt"),
        command_run_id=None,
        child_run_id=None,
        agent_id=None,
        agent_name="",
        output=None,
        error_code="",
        error="",
        progress=0,
        started_at=None,
        completed_at=None,
        wakes_at=None,
    )
