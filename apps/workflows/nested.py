"""Runs that a step of another run starts: begun, told of, stopped and paused with it.

The run and the run it is nested in are moved in transactions of their own, which rows alone lead to:
whatever is lost between two of them is found again. A run that waits for another holds no worker.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.agents.holds import Released
from apps.agents.models import Hold
from apps.errors import Conflict, InvalidInput, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.workflows import expressions, services, waits
from apps.workflows.advance import Advance, document_of
from apps.workflows.document import Step as Definition
from apps.workflows.endings import Ending
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import (
    RUN_OPEN,
    RUN_OVER,
    RUNS,
    STEP_OPEN,
    STEP_OVER,
    STEPS,
    Origin,
    Run,
    RunData,
    RunStatus,
    Step,
    StepKind,
    StepStatus,
    Workflow,
)
from apps.workflows.record import record_step, swap

BATCH = 200
BY_PARENT = "the run it is part of"
NOT_STARTED = ("expression_error", "invalid_input", "not_in_catalogue", "too_deep")
RESULTS = {
    RunStatus.COMPLETED: StepStatus.COMPLETED,
    RunStatus.FAILED: StepStatus.FAILED,
    RunStatus.CANCELLED: StepStatus.CANCELLED,
}


class _NotWanted(Exception):
    """The step went another way before its run was started; nothing of it stays."""


def sweep() -> int:
    """What the engine does for nested runs of all projects; returns how many rows it moved."""
    return give_up() + start_runs() + tell_parents() + stop_unwanted() + pause_with_parents()


def look_after(project_id: UUID) -> None:
    """What the end of a step or run leaves to do for nested runs of its project."""
    give_up(project_id)
    start_runs(project_id)
    tell_parents(project_id)
    stop_unwanted(project_id)


def give_up(project_id: UUID | None = None) -> int:
    """Time out the steps whose runs did not begin within their queue timeout, but none of what is
    paused. They go before those that start: what is late is not begun any more."""
    late = _impatient(project_id).values_list("pk", "run_id", "child_run_id", "run__project_id")
    return sum(_give_up(*row) for row in late[:BATCH])


def start_runs(project_id: UUID | None = None) -> int:
    """Start the runs that steps wait for, but none for a run that is paused."""
    waiting = _steps(project_id).filter(status=StepStatus.QUEUED, child_run_id=None)
    return sum(_start_run(pk) for pk in waiting.exclude(STEPS.held()).values_list("pk", flat=True)[:BATCH])


def tell_parents(project_id: UUID | None = None) -> int:
    """End the steps whose runs are over, or are no more; those whose runs began wait no longer."""
    child = Run.objects.filter(pk=OuterRef("child_run_id"))
    over = Exists(child.filter(status__in=RUN_OVER)) | ~Exists(child)
    begun = Q(wakes_at__isnull=False) & Exists(child.filter(started_at__isnull=False))
    told = _steps(project_id).filter(over | begun, status=StepStatus.RUNNING)
    return sum(_tell_parent(pk) for pk in told.values_list("pk", flat=True)[:BATCH])


def stop_unwanted(project_id: UUID | None = None) -> int:
    """Cancel the runs that no step waits for any more, or whose parent ends."""
    step = Step.objects.filter(pk=OuterRef("origin_id"), child_run_id=OuterRef("pk"))
    wanted = step.filter(run__cancel_requested=False, run__error_code="").exclude(status__in=STEP_OVER)
    unwanted = _open_children(project_id).filter(~Exists(wanted), cancel_requested=False, error_code="")
    stopped = 0
    for run in unwanted[:BATCH]:
        try:
            services.cancel_run(run, by=BY_PARENT)
            stopped += 1
        except (Conflict, NotFound):  # it ended by itself meanwhile, which is as good
            continue
    return stopped


def pause_with_parents(project_id: UUID | None = None) -> int:
    """Pause the runs whose parent, or its workflow, is paused; resume those that were paused so."""
    from apps.workflows import control  # whose verbs call this one

    step = Step.objects.filter(pk=OuterRef("origin_id"))
    held = Exists(
        Hold.objects.filter(Q(subject_id=OuterRef("run_id")) | Q(subject_id=OuterRef("run__workflow_id")))
    )
    parent_held = Exists(step.filter(held))
    so_paused = Exists(Hold.objects.filter(subject_id=OuterRef("pk"), by=BY_PARENT))
    children = _open_children(project_id)
    ending = Q(cancel_requested=True) | ~Q(error_code="")
    to_pause = children.filter(parent_held).exclude(status=RunStatus.PAUSED).exclude(ending)
    to_resume = children.filter(so_paused).exclude(parent_held)
    moved = 0
    for runs, act in ((to_pause, control.pause_run), (to_resume, control.resume_run)):
        for run in runs[:BATCH]:
            try:
                act(run, by=BY_PARENT)
                moved += 1
            except (Conflict, NotFound):
                continue
    return moved


def open_below(run_id: UUID) -> Iterator[Run]:
    """The open runs that steps of a run started, and those that theirs did. Each level is looked up
    when the one above it was gone through: what was started meanwhile is found too."""
    above = [run_id]
    while above:
        level = list(Run.objects.filter(one_of("status", RUN_OPEN), parent_run_id__in=above))
        yield from level
        above = [run.pk for run in level]


def wake(advance: Advance, step: Step) -> None:
    """The pause before another attempt is over: wait for another run. The run is locked."""
    previous = step.status
    step.status, step.child_run_id = StepStatus.QUEUED, None
    waits.for_run(step, advance.document.by_key[step.key])
    if swap(step, previous, "child_run_id", "wakes_at"):
        record_step(advance.change, "step.queued", step, previous=previous)


def put_off(change: Change, released: Released) -> None:
    """Move the queue timeouts of steps that wait for runs to begin by the time that these, or they
    themselves, were paused; once where both were."""
    at_work = (StepStatus.QUEUED, StepStatus.RUNNING)
    waiting = _steps(change.project_id).filter(status__in=at_work, wakes_at__isnull=False).order_by()
    spans: dict[UUID, timedelta] = {}
    for rows, span in released.spans(STEPS):
        spans |= dict.fromkeys(waiting.filter(rows).values_list("pk", flat=True), span)
    if released.hold.by != BY_PARENT:
        not_begun = _open_children(change.project_id).filter(started_at=None)
        for rows, span in released.spans(RUNS):
            for step_id in not_begun.filter(rows).values_list("origin_id", flat=True):
                if step_id is not None:
                    spans[step_id] = max(span, spans.get(step_id, span))
    for step in waiting.filter(pk__in=list(spans)).select_related("run__version"):
        definition = document_of(step.run.version).by_key[step.key]
        assert step.wakes_at is not None
        began = step.wakes_at - timedelta(seconds=definition.queue_timeout_seconds)
        late = max(began - released.hold.at, timedelta(0))
        if late < spans[step.pk]:
            step.wakes_at += spans[step.pk] - late
            waits.say_for_run(step, definition)
            if swap(step, step.status, "wakes_at"):
                record_step(change, "step.changed", step, previous=step.status)


def _impatient(project_id: UUID | None) -> QuerySet[Step]:
    """Steps whose queue timeout is over, and that have no run or one that did not begin."""
    child = Run.objects.filter(pk=OuterRef("child_run_id"), started_at=None).exclude(RUNS.held())
    waits_still = Q(status=StepStatus.QUEUED, child_run_id=None) | Q(
        Exists(child.exclude(status__in=RUN_OVER)), status=StepStatus.RUNNING
    )
    late = _steps(project_id).filter(waits_still, wakes_at__lt=now())
    return late.exclude(STEPS.held()).order_by()


def _steps(project_id: UUID | None) -> QuerySet[Step]:
    steps = Step.objects.filter(one_of("status", STEP_OPEN), kind=StepKind.WORKFLOW)
    return steps if project_id is None else steps.filter(run__project=project_id)


def _open_children(project_id: UUID | None) -> QuerySet[Run]:
    # Unordered: for the order SQLite would go through the whole history.
    runs = Run.objects.filter(one_of("status", RUN_OPEN), origin=Origin.STEP).order_by()
    return runs if project_id is None else runs.filter(project=project_id)


def _give_up(step_id: UUID, run_id: UUID, child_id: UUID | None, project_id: UUID) -> bool:
    """Time out a step, as the command run of another would be, and cancel its run that has no place."""
    with journal.changes(project_id) as change:
        advances = Advance.hold_all(change, [run_id, child_id] if child_id else [run_id])
        advance, child = advances.get(run_id), advances.get(child_id) if child_id else None
        step = _impatient(None).filter(pk=step_id, child_run_id=child_id).first()
        if advance is None or step is None or advance.run.is_ending:
            return False
        seconds = advance.document.by_key[step.key].queue_timeout_seconds
        said = f"Its run did not begin within {seconds:g} s"
        why = (child.run.status_reason if child else "") or "waiting for its turn"
        if child is not None and not child.run.is_ending:
            child.cancel(f"Cancelled: it did not begin within {seconds:g} s.")
            child.settle()
        advance.finish(step, Ending(StepStatus.TIMED_OUT, code="queue_timeout", message=f"{said} ({why})."))
        advance.settle()
    return True


def _start_run(step_id: UUID) -> bool:
    """Start the run of a step, exactly once: whoever comes second finds the step moved and takes its
    own run back."""
    step = Step.objects.select_related("run__workflow", "run__version").filter(pk=step_id).first()
    if step is None:
        return False
    document = document_of(step.run.version)
    definition = document.by_key[step.key]
    try:
        with journal.changes(step.run.project_id) as change:
            value = expressions.render(definition.with_, Advance(change, step.run, document).context(step))
            child = _new_run(step, definition, value)
            _begin(change, step.run_id, step_id, child)
    except _NotWanted:
        return False
    except ExpressionError as error:
        return _refused(step, "expression_error", str(error))
    except InvalidInput as error:
        return _refused(step, "invalid_input", str(error))
    except NotFound as error:
        return _refused(step, "not_in_catalogue", str(error))
    except Conflict as error:
        return _refused(step, "refused", str(error))
    return True


def _new_run(step: Step, definition: Definition, value: dict[str, object]) -> Run:
    found = Workflow.objects.filter(project=step.run.project_id, current__isnull=False)
    workflow = found.filter(slug=definition.workflow).first()
    if workflow is None:
        raise NotFound(f"There is no workflow {definition.workflow!r} any more.")
    child, _ = services.start_run(
        workflow,
        value,
        by=step.run.requested_by,
        priority=step.run.priority,
        origin=Origin.STEP,
        origin_id=step.pk,
        depth=step.run.depth + 1,
        parent_run_id=step.run_id,
    )
    if definition.timeout_seconds is not None:
        latest = now() + timedelta(seconds=definition.timeout_seconds)
        earlier = Q(deadline_at=None) | Q(deadline_at__gt=latest)
        Run.objects.filter(earlier, pk=child.pk).update(deadline_at=latest)
    return child


def _begin(change: Change, run_id: UUID, step_id: UUID, child: Run) -> None:
    advance = Advance.hold(change, run_id)
    step = Step.objects.filter(pk=step_id, status=StepStatus.QUEUED, child_run_id=None).first()
    if advance is None or step is None or advance.run.is_ending:
        raise _NotWanted
    if advance.run.priority != child.priority:  # it was changed at this moment; the next try has it
        raise _NotWanted
    previous = step.status
    step.status, step.child_run_id = StepStatus.RUNNING, child.pk
    if Run.objects.filter(pk=child.pk, started_at=None).exists():
        waits.say_for_run(step, advance.document.by_key[step.key])
    else:
        step.wait_reason, step.wakes_at = "", None
    step.attempt = max(step.attempt, step.earlier_attempts) + 1
    step.started_at = step.started_at or now()
    if not swap(step, previous, "child_run_id", "attempt", "started_at", "wakes_at"):
        raise _NotWanted
    record_step(change, "step.started", step, previous=previous)
    advance.settle()


def _refused(step: Step, code: str, message: str) -> bool:
    """No run could be started."""
    with journal.changes(step.run.project_id) as change:
        advance = Advance.hold(change, step.run_id)
        found = Step.objects.filter(pk=step.pk, status=StepStatus.QUEUED, child_run_id=None).first()
        if advance is None or found is None:
            return False
        found.attempt = max(found.attempt, found.earlier_attempts) + 1
        _ended(advance, found, Ending(StepStatus.FAILED, code=code, message=message))
        advance.settle()
    return True


def _tell_parent(step_id: UUID) -> bool:
    """End a step as its run ended, or let it wait for another attempt; or say that its run began."""
    step = Step.objects.select_related("run").filter(pk=step_id).first()
    if step is None:
        return False
    with journal.changes(step.run.project_id) as change:
        advance = Advance.hold(change, step.run_id)
        found = Step.objects.filter(pk=step_id, status=StepStatus.RUNNING).first()
        if advance is None or found is None:
            return False
        child = Run.objects.filter(pk=found.child_run_id or step_id).select_related("workflow").first()
        if child is None:
            gone = Ending(StepStatus.FAILED, code="run_gone", message="Its run was deleted.")
            _ended(advance, found, gone)
        elif child.is_over:
            _ended(advance, found, _ending(child))
        elif child.started_at is not None and found.wakes_at is not None:
            found.wait_reason, found.wakes_at = "", None
            if swap(found, StepStatus.RUNNING, "wakes_at"):
                record_step(change, "step.changed", found, previous=StepStatus.RUNNING)
        else:
            return False
        advance.settle()
    return True


def _ending(child: Run) -> Ending:
    """How a step ends whose run ended."""
    status = RESULTS[RunStatus(child.status)]
    if status == StepStatus.COMPLETED:
        output = RunData.objects.values_list("output", flat=True).get(run=child)
        return Ending(status, output=output)
    code = child.error_code or str(child.status)
    if code == "deadline":
        status, code = StepStatus.TIMED_OUT, "timeout"
    return Ending(status, code=code, message=f"{child.workflow.name} #{child.number}: {child.status_reason}")


def _ended(advance: Advance, step: Step, ending: Ending) -> None:
    retry = advance.document.by_key[step.key].retry
    made = step.attempt - step.earlier_attempts
    may_pass = ending.is_failure and ending.status != StepStatus.CANCELLED and ending.code not in NOT_STARTED
    if retry is not None and retry.on is not None:
        may_pass = ending.is_failure and ending.code in retry.on
    if retry is None or not may_pass or made >= retry.attempts or advance.run.is_ending:
        step.attempt = max(step.attempt, step.earlier_attempts + 1)
        advance.finish(step, ending)
        return
    pause = min(retry.max_backoff_seconds, retry.backoff_seconds * 2 ** (made - 1))
    pause *= 1 - retry.jitter * random.random()  # noqa: S311  (spreads load, keeps no secret)
    previous = step.status
    step.status = StepStatus.WAITING
    step.wakes_at = now() + timedelta(seconds=pause)
    step.wait_reason = f"attempt {made + 1} of {retry.attempts} in {pause:.0f} s after {ending.code}"[:200]
    if swap(step, previous, "wakes_at", "attempt"):
        record_step(advance.change, "step.waiting", step, previous=previous)
