"""A human's hand on runs that exist: pause, resume, retry, rerun, cancel many.

A pause is a hold that the dispatcher asks for; nothing on the work itself is changed. Resuming
moves what the pause stood still: deadlines, queue timeouts, waits of seconds, expiries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.agents import dispatch, explain, holds
from apps.agents.holds import Released
from apps.agents.models import Hold, HoldScope
from apps.agents.priorities import prioritise_work_of
from apps.errors import Conflict, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.workflows import graph, limits, nested, resetting, services, waits
from apps.workflows.advance import COUNTED, Advance, document_of
from apps.workflows.endings import FAILURES, NOT_GONE_TO, NOT_MET
from apps.workflows.events import PauseChanged
from apps.workflows.models import (
    RUN_OPEN,
    RUNS,
    STEPS,
    Approval,
    ApprovalState,
    Run,
    RunData,
    RunStatus,
    Step,
    StepKind,
    StepStatus,
    Workflow,
)
from apps.workflows.record import record_approval, record_step, short, swap


def pause_run(run: Run, *, by: str = "") -> Run:
    """T11: start nothing more of the run; what runs goes on to its end. Pausing twice is the same.

    Raises Conflict when the run is over or ends.
    """
    with journal.changes(run.project_id) as change:
        holds.lock(change.project_id)
        advance = _open_run(change, run)
        if advance.run.is_ending:
            raise Conflict("The run is ending: it was cancelled or has failed.")
        if advance.run.status != RunStatus.PAUSED:
            holds.hold(change, HoldScope.RUN, run.pk, by=by)
            advance.run.status = RunStatus.PAUSED
            advance.run.status_reason = f"Paused by {by}." if by else "Paused."
            advance.settle()
    explain.explain_waiting(run.project_id)
    nested.pause_with_parents(run.project_id)
    run.refresh_from_db()
    return run


def resume_run(run: Run, *, by: str = "") -> Run:
    """Let the run go on; its deadline moves by the time it was paused. Raises Conflict when over."""
    with journal.changes(run.project_id) as change:
        released = holds.release(change, run.pk)
        advance = _open_run(change, run)
        if released is not None:
            _move(change, released)
            advance.run.refresh_from_db(fields=["deadline_at"])
        if advance.run.status == RunStatus.PAUSED:
            began = advance.run.started_at is not None
            advance.run.status = RunStatus.RUNNING if began else RunStatus.QUEUED
            advance.run.status_reason = "" if began else limits.READY
            advance.settle()
        _poke(change)
    explain.explain_resumed(run.project_id)
    nested.pause_with_parents(run.project_id)
    run.refresh_from_db()
    return run


def pause_workflow(workflow: Workflow, *, by: str = "") -> Hold | None:
    """Start nothing more of any run of the workflow, also of runs that are started meanwhile."""
    return _pause(workflow.project_id, HoldScope.WORKFLOW, workflow.pk, workflow.slug, by)


def resume_workflow(workflow: Workflow, *, by: str = "") -> Hold | None:
    return _resume(workflow.project_id, workflow.pk, workflow.slug, by)


def pause_project(project_id: UUID, *, by: str = "") -> Hold | None:
    """Stop everything: nothing of the project is dispatched until it is resumed."""
    return _pause(project_id, HoldScope.PROJECT, project_id, None, by)


def resume_project(project_id: UUID, *, by: str = "") -> Hold | None:
    return _resume(project_id, project_id, None, by)


def retry_run(run: Run, *, step: str = "", by: str = "") -> Run:
    """Do again what failed, was cancelled or timed out, and what was skipped because of it; with
    `step` also that step and everything after it. Finished outputs of the others stay.

    Raises Conflict while the run is not over, when there is nothing to do again and when its
    workflow takes no more runs, NotFound for a step that the run does not have.
    """
    limited = limits.concern(run.version_id)
    with journal.changes(run.project_id) as change:
        if limited:
            holds.lock(change.project_id)
        advance = Advance.hold(change, run.pk)
        if advance is None:
            raise NotFound("The run does not exist any more.")
        if not advance.run.is_over:
            raise Conflict(f"The run is not over ({advance.run.status}); cancel it first, or wait.")
        again = _again(advance, step)
        if not again:
            raise Conflict("Every step of the run is finished; name the step to do again from.")
        _reopen(advance, by)
        steps = _reset(advance, again, step)
        if limited:
            limits.queue(advance.run)
        else:
            advance.begin(steps)
        advance.settle()
        if limited:
            limits.admit(change, advance.run)
    run.refresh_from_db()
    return run


def rerun(
    run: Run, value: dict[str, Any] | None = None, *, by: str = "", idempotency_key: str | None = None
) -> tuple[Run, bool]:
    """A new run of the workflow's current version with the same input, or another. Raises as
    `services.start_run`."""
    given = RunData.objects.values_list("input", flat=True).get(run=run) if value is None else value
    return services.start_run(
        run.workflow, given, by=by, idempotency_key=idempotency_key, priority=run.priority
    )


def prioritise_run(run: Run, priority: int, *, by: str = "") -> Run:
    """Let the run, what it has queued and the open runs nested in it go before or after others. Raises
    Conflict when it is over. Whoever asks again mends what a crash in between left."""
    _prioritise(run, priority)
    for child in nested.open_below(run.pk):
        try:
            _prioritise(child, priority)
        except (Conflict, NotFound):  # it ended meanwhile
            continue
    run.refresh_from_db()
    return run


def _prioritise(run: Run, priority: int) -> None:
    with journal.changes(run.project_id) as change:
        holds.lock(change.project_id)
        prioritise_work_of(change, run.pk, priority, wait=True)
        advance = _open_run(change, run)
        advance.run.priority = priority
        # Now nothing more is accepted for the run; what was accepted just before follows.
        prioritise_work_of(change, run.pk, priority, wait=False)
        advance.settle()
        _poke(change)


# --- pause and resume ----------------------------------------------------------------------------


def _open_run(change: Change, run: Run) -> Advance:
    advance = Advance.hold(change, run.pk)
    if advance is None:
        raise NotFound("The run does not exist any more.")
    if advance.run.is_over:
        raise Conflict(f"The run is over ({advance.run.status}).")
    return advance


def _pause(project_id: UUID, scope: HoldScope, subject: UUID, workflow: str | None, by: str) -> Hold | None:
    with journal.changes(project_id) as change:
        if holds.hold(change, scope, subject, by=by):
            said = PauseChanged(subject_id=subject, workflow=workflow, paused=True, by=by, at=change.moment())
            change.record(f"{scope}.paused", said)
    explain.explain_waiting(project_id)
    nested.pause_with_parents(project_id)
    return holds.of(subject)


def _resume(project_id: UUID, subject: UUID, workflow: str | None, by: str) -> Hold | None:
    with journal.changes(project_id) as change:
        released = holds.release(change, subject)
        if released is not None:
            _move(change, released)
            said = PauseChanged(
                subject_id=subject, workflow=workflow, paused=False, by=by, at=change.moment()
            )
            change.record(f"{released.hold.scope}.resumed", said)
            _poke(change)
    explain.explain_resumed(project_id)
    nested.pause_with_parents(project_id)
    return holds.of(subject)


def _poke(change: Change) -> None:
    project_id = change.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id, limits.start_waiting))


def _move(change: Change, released: Released) -> None:
    """Move what the pause stood still. A wait until a moment stays where it is."""
    runs = Run.objects.filter(one_of("status", RUN_OPEN), deadline_at__isnull=False)
    for rows, span in released.spans(RUNS):
        runs.filter(rows).update(deadline_at=F("deadline_at") + span)
    nested.put_off(change, released)
    # Unordered and as the index says it: otherwise SQLite begins with the runs, history and all.
    waiting = Step.objects.filter(one_of("status", [StepStatus.WAITING]), wakes_at__isnull=False).order_by()
    for rows, span in released.spans(STEPS):
        for step in waiting.filter(rows).select_related("run__workflow", "run__version"):
            began = step.started_at or released.hold.at
            late = max(began - released.hold.at, timedelta(0))
            wait = document_of(step.run.version).by_key[step.key].wait
            if late < span and step.wakes_at is not None and (wait is None or wait.until is None):
                step.wakes_at += span - late
                _moved(change, step)


def _moved(change: Change, step: Step) -> None:
    assert step.wakes_at is not None
    if step.kind == StepKind.WAIT:
        step.wait_reason = f"until {waits.readable(step.wakes_at)}"
    if not swap(step, StepStatus.WAITING, "wakes_at"):
        return
    record_step(change, "step.changed", step, previous=step.status)
    for approval in Approval.objects.filter(step=step, state=ApprovalState.OPEN):
        approval.run = step.run
        approval.expires_at = step.wakes_at
        approval.save(update_fields=["expires_at"])
        record_approval(change, "approval.changed", approval)


# --- retry ---------------------------------------------------------------------------------------


def _again(advance: Advance, step: str) -> list[Step]:
    """The steps to do again, in order."""
    order = advance.document.graph
    if step and step not in order.index:
        raise NotFound(f"The run has no step {step!r}.")
    steps = list(Step.objects.filter(run=advance.run, map_index=-1).order_by("index"))
    failed = {one.key for one in steps if one.status in FAILURES}
    stays = (NOT_MET, NOT_GONE_TO)
    missed = {one.key for one in steps if one.status == StepStatus.SKIPPED and one.wait_reason not in stays}
    keys = failed | missed
    # What handled a failure was made from it.
    handlers = {key for key, handled in advance.document.handled.items() if failed.intersection(handled)}
    for one in steps:
        follows_failure = any(order.has_before(one.key, other) for other in failed)
        follows_step = bool(step) and (one.key == step or order.has_before(one.key, step))
        handles = one.key in handlers or any(order.has_before(one.key, other) for other in handlers)
        if follows_step or handles or (one.status == StepStatus.SKIPPED and follows_failure):
            keys.add(one.key)
    # What lies between two steps that are done again was made from what will not stand.
    for one in steps:
        if any(order.has_before(one.key, key) for key in keys) and any(
            order.has_before(key, one.key) for key in keys
        ):
            keys.add(one.key)
    return [one for one in steps if one.key in keys]


def _reopen(advance: Advance, by: str) -> None:
    """Make a run that is over an open one."""
    run = advance.run
    if count := COUNTED.get(RunStatus(run.status)):
        Workflow.objects.filter(pk=run.workflow_id).update(**{count: F(count) - 1})
    RunData.objects.filter(run=run).update(output=None)
    moment = now()
    run.status = RunStatus.RUNNING
    run.status_reason = short(f"Retried by {by}." if by else "Retried.", 300)
    run.error_code = ""
    run.cancel_requested = False
    run.completed_at = None
    run.deadline_at = limits.deadline(advance.document, moment)


def _reset(advance: Advance, again: Sequence[Step], step: str) -> list[Step]:
    """Put the steps back; a map that failed goes on with its list, unless what made the list is done
    again or somebody named the map itself."""
    order = advance.document.graph
    keys = {one.key for one in again}
    kept = {
        one.key
        for one in again
        if one.key != step and not any(order.has_before(one.key, other) for other in keys)
    }
    for one in again:
        one.returns, one.sent_back = 0, None
    ready = resetting.reset(advance, again, keep_items=kept)
    advance.run.progress = graph.progress(advance.run.total_steps, advance.run.open_steps)
    return ready
