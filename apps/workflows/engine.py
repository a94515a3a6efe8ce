"""How runs hear of their command runs, and the sweep that repairs what nobody told them.

The handlers run inside the transaction that changes a command run: a result, the readiness of the
steps behind it and the end of the run are committed together or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.agents import repair
from apps.agents.events import CommandRunChanged
from apps.agents.models import OVER, CommandRun, CommandRunData
from apps.agents.models import RunStatus as CommandRunStatus
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change, Recorded
from apps.events.prepared import prepared
from apps.workflows import approvals, errands, nested, questions, stopping, together, waits
from apps.workflows.advance import Advance, Ending
from apps.workflows.models import RUN_OPEN, RUNS, STEP_OPEN, STEPS, Run, Step, StepKind, StepStatus
from apps.workflows.record import record_step

SWEEP_BATCH = 200
RESULTS = {
    CommandRunStatus.COMPLETED: StepStatus.COMPLETED,
    CommandRunStatus.FAILED: StepStatus.FAILED,
    CommandRunStatus.CANCELLED: StepStatus.CANCELLED,
    CommandRunStatus.TIMED_OUT: StepStatus.TIMED_OUT,
}
OPEN_RUN = one_of("status", RUN_OPEN)
OPEN_STEP = one_of("status", STEP_OPEN)
_Result = tuple[Any, str]
AT_WORK = (StepStatus.QUEUED, StepStatus.RUNNING)
BY_COMMAND_RUN = (StepKind.COMMAND, StepKind.HTTP)


def subscribe() -> None:
    """Connect the handlers; called once, when the app is ready."""
    moves = ("command_run.started", "command_run.retried", "command_run.finished")
    journal.subscribe_together(moves, on_command_runs_moved)
    journal.subscribe("command_run.waiting", on_command_run_waiting)
    errands.teach(look_after)


def on_command_runs_moved(events: Sequence[Recorded], change: Change) -> None:
    """Show on steps what their command runs do, end those whose command runs are over, and go on with
    their runs: each run is locked and written once."""
    told: dict[UUID, list[CommandRunChanged]] = {}
    for event in events:
        body = event.body
        if isinstance(body, CommandRunChanged) and body.run_id and body.step_id:
            told.setdefault(body.run_id, []).append(body)
    if not told:
        return
    advances = Advance.hold_all(change, told)
    bodies = [body for listed in told.values() for body in listed]
    open_steps = _open_steps([body.step_id for body in bodies if body.step_id])
    steps = {step.command_run_id: step for step in open_steps}
    results = _results(body.command_run_id for body in bodies if body.status in RESULTS)
    moved: dict[UUID, together.Moved] = {}
    endings: dict[UUID, together.Ended] = {}
    heard = []
    for run_id, advance in advances.items():
        known = [(steps[body.command_run_id], body) for body in told[run_id] if body.command_run_id in steps]
        for step, body in known:
            _mirror(step, body)
            if body.status in RESULTS:
                ending = _ending(body.status, body.error_code, results.get(body.command_run_id))
                endings[step.pk] = (advance, step, ending)
            elif body.status == CommandRunStatus.RUNNING:
                step.wait_reason = ""
                moved[step.pk] = (advance, step, StepStatus.RUNNING, "step.started")
            else:
                step.wait_reason = body.wait_reason
                moved[step.pk] = (advance, step, StepStatus.QUEUED, "step.queued")
        if known:
            heard.append(advance)
    if moved:
        together.mirror(list(moved.values()))
    if endings:
        together.finish(list(endings.values()))
    together.settle(heard)


def on_command_run_waiting(event: Recorded, change: Change) -> None:
    """Say on the step why its command run still waits. The run does not change and is not locked:
    one transaction explains the waiting of many runs, and they have no common order."""
    body = event.body
    if not isinstance(body, CommandRunChanged) or body.step_id is None:
        return
    waiting = Step.objects.filter(pk=body.step_id, command_run_id=body.command_run_id)
    if waiting.filter(status=StepStatus.QUEUED).update(wait_reason=body.wait_reason):
        step = waiting.get()
        record_step(change, "step.changed", step, previous=step.status)


def look_after(project_id: UUID) -> None:
    """What one of the project's transactions left to others, done before the sweep would find it."""
    nested.look_after(project_id)
    stopping.stop_unwanted(project_id)
    go_on(project_id)


def sweep() -> int:
    """One round of repair: whatever a crash between two transactions left undone. Returns how many
    rows it moved. Safe to run in any number of processes. With nothing open there is nothing to do."""
    if not (Run.objects.filter(OPEN_RUN).order_by().exists() or repair.is_any_open()):
        return 0
    return (
        _end_overdue_runs()
        + _stop_ending_runs()
        + stopping.stop_unwanted()
        + _finish_forgotten_steps()
        + _wake_steps()
        + go_on()
        + nested.sweep()
        + questions.expire_due()
        + _start_waiting_runs()
    )


def _end_overdue_runs() -> int:
    moment = now()
    overdue = Run.objects.filter(OPEN_RUN, deadline_at__lt=moment, error_code="", cancel_requested=False)
    overdue = overdue.exclude(RUNS.held())
    ended = 0
    for run_id, project_id in overdue.values_list("id", "project_id")[:SWEEP_BATCH]:
        with journal.changes(project_id) as change:
            advance = Advance.hold(change, run_id)
            if advance is None or advance.run.is_over or advance.run.is_ending:
                continue
            if Run.objects.filter(RUNS.held(), pk=run_id).exists():  # paused meanwhile
                continue
            advance.fail("deadline", "The run took longer than its workflow allows.")
            advance.settle()
            ended += 1
    return ended


def _stop_ending_runs() -> int:
    live = CommandRun.objects.filter(run_id=OuterRef("pk"), cancel_requested=False).exclude(status__in=OVER)
    ending = Run.objects.filter(OPEN_RUN, Q(cancel_requested=True) | ~Q(error_code="")).filter(Exists(live))
    return sum(
        stopping.stop_command_runs(run_id) for run_id in ending.values_list("id", flat=True)[:SWEEP_BATCH]
    )


def _finish_forgotten_steps() -> int:
    """Steps whose command run is over, or is no more, although nobody told the step."""
    at_work = Step.objects.filter(OPEN_STEP, status__in=AT_WORK, kind__in=BY_COMMAND_RUN)
    known = CommandRun.objects.filter(pk=OuterRef("command_run_id"))
    forgotten = at_work.filter(Exists(known.filter(status__in=OVER)) | ~Exists(known))
    rows = list(forgotten.values_list("id", "run_id", "run__project_id")[:SWEEP_BATCH])
    return sum(_finish_forgotten(step_id, run_id, project_id) for step_id, run_id, project_id in rows)


def _finish_forgotten(step_id: UUID, run_id: UUID, project_id: UUID) -> bool:
    with journal.changes(project_id) as change:
        advance = Advance.hold(change, run_id)
        step = Step.objects.filter(pk=step_id, status__in=AT_WORK).first()
        if advance is None or step is None:
            return False
        command_run = CommandRun.objects.filter(pk=step.command_run_id or step_id).first()
        if command_run is None:
            gone = Ending(StepStatus.FAILED, code="command_run_gone", message="Its command run was deleted.")
            advance.finish(step, gone)
        elif command_run.is_over:
            result = _results([command_run.pk]).get(command_run.pk)
            advance.finish(step, _ending(command_run.status, command_run.error_code, result))
        else:
            return False
        advance.settle()
        return True


def _wake_steps() -> int:
    """Waits that are over and approvals that expired, but none of what is paused."""
    due = Step.objects.filter(status=StepStatus.WAITING, wakes_at__lte=now()).exclude(STEPS.held())
    rows = list(due.order_by("wakes_at").values_list("id", "run_id", "run__project_id")[:SWEEP_BATCH])
    return sum(_wake(step_id, run_id, project_id) for step_id, run_id, project_id in rows)


def _wake(step_id: UUID, run_id: UUID, project_id: UUID) -> bool:
    with journal.changes(project_id) as change:
        advance = Advance.hold(change, run_id)
        waiting = Step.objects.filter(pk=step_id, status=StepStatus.WAITING, wakes_at__lte=now())
        step = waiting.exclude(STEPS.held()).first()
        if advance is None or step is None or step.wakes_at is None:
            return False
        if step.kind == StepKind.APPROVAL:
            approvals.expire(advance, step)
        elif step.kind == StepKind.WORKFLOW:
            nested.wake(advance, step)
        else:
            advance.finish(step, Ending(StepStatus.COMPLETED, output=waits.waited(step.wakes_at)))
        advance.settle()
        return True


def _start_waiting_runs() -> int:
    from apps.workflows import limits  # which stops command runs here

    return limits.sweep()


def go_on(project_id: UUID | None = None) -> int:
    """Move open runs that have nothing open, and start steps that are ready but were not started."""
    ready = Step.objects.filter(OPEN_STEP, run=OuterRef("pk"), status=StepStatus.PENDING, waits_for=0)
    stuck = Run.objects.filter(OPEN_RUN, started_at__isnull=False).filter(Q(open_steps=0) | Exists(ready))
    stuck = stuck if project_id is None else stuck.filter(project=project_id)
    nudged = 0
    for run_id, project in stuck.values_list("id", "project_id")[:SWEEP_BATCH]:
        with journal.changes(project) as change:
            advance = Advance.hold(change, run_id)
            if advance is None or advance.run.is_over:
                continue
            pending = Step.objects.filter(run=run_id, status=StepStatus.PENDING, waits_for=0)
            advance.begin(pending.order_by("index", "map_index"))
            advance.settle()
            nudged += 1
    return nudged


def _mirror(step: Step, body: CommandRunChanged) -> None:
    step.attempt = step.earlier_attempts + body.attempt
    step.agent_id = body.agent_id or step.agent_id
    step.agent_name = body.agent_name or step.agent_name
    step.started_at = body.started_at
    step.progress = body.progress


def _results(ids: Iterable[UUID]) -> dict[UUID, _Result]:
    """The outputs and the error messages of command runs."""
    return {pk: (output, error) for pk, output, error in _ended(list(ids))}


@prepared
def _ended(ids: Collection[UUID]) -> QuerySet[CommandRunData, tuple[UUID, Any, str]]:
    return CommandRunData.objects.filter(pk__in=ids).values_list("pk", "output", "error")


@prepared
def _open_steps(ids: Collection[UUID]) -> QuerySet[Step]:
    return Step.objects.filter(OPEN_STEP, pk__in=ids)


def _ending(status: str, error_code: str, result: _Result | None) -> Ending:
    output, message = result or (None, "")
    ended = RESULTS[CommandRunStatus(status)]
    if ended == StepStatus.COMPLETED:
        return Ending(ended, output=output)
    return Ending(ended, code=error_code or str(ended), message=message)
