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

from apps.agents.models import Hold
from apps.errors import Conflict, InvalidInput, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.workflows import expressions, services
from apps.workflows.advance import Advance, document_of
from apps.workflows.document import Step as Definition
from apps.workflows.endings import Ending
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import (
    RUN_OPEN,
    RUN_OVER,
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
    return start_runs() + tell_parents() + stop_unwanted() + pause_with_parents()


def look_after(project_id: UUID) -> None:
    """What the end of a step or run leaves to do for nested runs of its project."""
    start_runs(project_id)
    tell_parents(project_id)
    stop_unwanted(project_id)


def start_runs(project_id: UUID | None = None) -> int:
    """Start the runs that steps wait for, but none for a run that is paused."""
    waiting = _steps(project_id).filter(status=StepStatus.QUEUED, child_run_id=None)
    return sum(_start_run(pk) for pk in waiting.exclude(STEPS.held()).values_list("pk", flat=True)[:BATCH])


def tell_parents(project_id: UUID | None = None) -> int:
    """End the steps whose runs are over, or are no more."""
    child = Run.objects.filter(pk=OuterRef("child_run_id"))
    over = Exists(child.filter(status__in=RUN_OVER)) | ~Exists(child)
    told = _steps(project_id).filter(over, status=StepStatus.RUNNING)
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
    step.status, step.child_run_id, step.wakes_at = StepStatus.QUEUED, None, None
    step.wait_reason = f"waiting for a run of {advance.document.by_key[step.key].workflow}"
    if swap(step, previous, "child_run_id", "wakes_at"):
        record_step(advance.change, "step.queued", step, previous=previous)


def _steps(project_id: UUID | None) -> QuerySet[Step]:
    steps = Step.objects.filter(one_of("status", STEP_OPEN), kind=StepKind.WORKFLOW)
    return steps if project_id is None else steps.filter(run__project=project_id)


def _open_children(project_id: UUID | None) -> QuerySet[Run]:
    # Unordered: for the order SQLite would go through the whole history.
    runs = Run.objects.filter(one_of("status", RUN_OPEN), origin=Origin.STEP).order_by()
    return runs if project_id is None else runs.filter(project=project_id)


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
    step.status, step.wait_reason = StepStatus.RUNNING, ""
    step.child_run_id = child.pk
    step.attempt = max(step.attempt, step.earlier_attempts) + 1
    step.started_at = step.started_at or now()
    if not swap(step, previous, "child_run_id", "attempt", "started_at"):
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
    """End a step as its run ended, or let it wait for another attempt."""
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
