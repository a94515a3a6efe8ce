"""Runs that one transaction moves ahead together: what each needs is read and written once for all.

A worker that hands in sixteen results moves up to sixteen runs; run by run that would be ten statements
for each. The runs are locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from apps.events import bulk
from apps.events.conditions import one_of
from apps.events.prepared import prepared
from apps.workflows import graph, mapping, starting
from apps.workflows.endings import Ending
from apps.workflows.models import STEP_OPEN, RunData, Step, StepStatus
from apps.workflows.record import record_step

if TYPE_CHECKING:
    from apps.workflows.advance import Advance
    from apps.workflows.starting import Ordered

    Ended = tuple[Advance, Step, Ending]
    Moved = tuple[Advance, Step, StepStatus, str]

ENDED = ("output", "error_code", "error", "completed_at", "wakes_at")
MIRRORED = ("attempt", "agent_id", "agent_name", "started_at", "progress")
MOVES = (
    *("status", "status_reason", "error_code", "progress", "current_step", "total_steps", "open_steps"),
    *("priority", "concurrency_key", "cancel_requested", "revision", "started_at", "completed_at"),
    "deadline_at",
)
PAIRS = 200  # more successors than that are counted down run by run, in one statement each


def mirror(moved: Sequence[Moved]) -> None:
    """Let open steps show what their command runs do: `(run, step, status, kind of its journal line)`."""
    previous = [step.status for _, step, _, _ in moved]
    for _, step, status, _ in moved:
        step.status = status
    swap([step for _, step, _, _ in moved], previous, "status", "wait_reason", *MIRRORED)
    for (advance, step, _, kind), before in zip(moved, previous, strict=True):
        record_step(advance.change, kind, step, previous=before)


def finish(endings: Sequence[Ended]) -> None:
    """End steps and free those that waited for them."""
    end(endings)
    items: dict[UUID, list[Ended]] = {}
    failed: list[Ended] = []
    freeing: dict[UUID, tuple[Advance, list[str]]] = {}
    for advance, step, ending in endings:
        if step.parent_id is not None:
            items.setdefault(step.parent_id, []).append((advance, step, ending))
        elif ending.is_failure and advance.document.by_key[step.key].on_failure != "continue":
            failed.append((advance, step, ending))
        else:
            freeing.setdefault(advance.run.pk, (advance, []))[1].append(step.key)
    for parent_id, ended in items.items():
        mapping.items_ended(ended[0][0], parent_id, [(step, ending) for _, step, ending in ended])
    free([(advance, keys) for advance, keys in freeing.values() if not advance.run.is_ending])
    for advance, step, ending in failed:
        if not advance.run.is_ending:
            advance.go_on_after(step, ending)


def end(endings: Sequence[Ended]) -> None:
    """Write that steps are over, and nothing of what follows from it."""
    previous = [step.status for _, step, _ in endings]
    for advance, step, ending in endings:
        moment = advance.change.moment()
        step.status = ending.status
        step.output = ending.output
        step.error_code = ending.code[:50]
        step.error = ending.message
        step.wait_reason = ending.reason[:200]
        step.completed_at = max(moment, step.started_at or moment)
        step.wakes_at = None
        if ending.status == StepStatus.COMPLETED:
            step.progress = 100
        advance.forget_seen(step.key)
        advance.run.open_steps -= 1
    swap([step for _, step, _ in endings], previous, "status", "wait_reason", *MIRRORED, *ENDED)
    for (advance, step, _), before in zip(endings, previous, strict=True):
        record_step(advance.change, "step.finished", step, previous=before)


def free(freed: Iterable[tuple[Advance, Iterable[str]]]) -> None:
    """Count down the successors of steps that are over; O(successors), whatever the runs' size."""
    waiting: list[tuple[Advance, Counter[str]]] = []
    for advance, keys in freed:
        needs = Counter(one for key in keys for one in advance.document.graph.successors[key])
        if needs:
            waiting.append((advance, needs))
    if len(waiting) > 1 and sum(len(needs) for _, needs in waiting) <= PAIRS:
        _free_pairs(waiting)
    else:
        for advance, needs in waiting:
            _free_one(advance, needs)


def _free_one(advance: Advance, needs: Counter[str]) -> None:
    pending = Step.objects.filter(run=advance.run, map_index=-1, status=StepStatus.PENDING)
    for count in set(needs.values()):
        waiting = pending.filter(key__in=[key for key, n in needs.items() if n == count])
        waiting.update(waits_for=F("waits_for") - count)
    advance.make_ready(_free_of(advance.run.pk, list(needs)))


def _free_pairs(waiting: Sequence[tuple[Advance, Counter[str]]]) -> None:
    runs = {advance.run.pk: (advance, needs) for advance, needs in waiting}
    wanted = Q()
    for run_id, (_, needs) in runs.items():
        wanted |= Q(run_id=run_id, key__in=list(needs))
    pending = Step.objects.filter(wanted, map_index=-1, status=StepStatus.PENDING)
    steps = list(pending.order_by("index"))
    for step in steps:
        advance, needs = runs[step.run_id]
        step.waits_for -= needs[step.key]
        if step.waits_for == 0:
            advance.make_ready([step])
    swap(steps, [step.status for step in steps], "waits_for")


def go_on(advances: Sequence[Advance]) -> None:
    """Start everything that became ready, and what that makes ready, until nothing is left."""
    ready = [advance for advance in advances if advance.is_ready]
    if not ready:
        return
    catalogue = starting.Catalogue(ready[0].change.project_id)
    catalogue.look_up(definition for advance in ready for definition in advance.definitions_ready())
    blank = [advance.run.pk for advance in ready if advance.input is None]
    inputs = dict(_inputs(blank))
    ordered: list[Ordered] = []
    for advance in ready:
        if advance.input is None:
            advance.input = inputs.get(advance.run.pk)
        ordered += advance.start_ready(catalogue)
    if ordered:
        starting.queue_ordered(ordered)


def settle(advances: Sequence[Advance]) -> None:
    """Start what is ready, write the runs' rows, and journal those of which anyone could see a change."""
    if not advances:
        return
    go_on(advances)
    going = []
    for advance in advances:
        if advance.run.open_steps == 0 and not advance.run.is_over:
            advance.complete()
        elif not advance.run.is_over:
            going.append(advance)
    furthest = _furthest_running([advance.run.pk for advance in going])
    for advance in going:
        run = advance.run
        if not run.is_ending:  # steps that are given up are no progress
            run.progress = graph.progress(run.total_steps, run.open_steps)
        run.current_step = furthest.get(run.pk) or run.current_step
        advance.show_activity()
    for advance in advances:
        advance.run.revision += 1
    bulk.write([advance.run for advance in advances], *MOVES)
    for advance in advances:
        advance.tell()


def swap(steps: Sequence[Step], previous: Sequence[str], *names: str) -> None:
    """Compare-and-swap. Raises RuntimeError: nobody may move the steps of a locked run."""
    if bulk.write(steps, *names, previous=previous) != len(steps):
        raise RuntimeError(f"steps of runs {sorted({str(s.run_id) for s in steps})} moved although locked")


def _furthest_running(run_ids: Sequence[UUID]) -> dict[UUID, int]:
    return dict(_furthest(run_ids))


@prepared
def _furthest(run_ids: Collection[UUID]) -> QuerySet[Step, tuple[UUID, int]]:
    at_work = (StepStatus.RUNNING, StepStatus.WAITING)
    running = Step.objects.filter(one_of("status", STEP_OPEN), run__in=run_ids, status__in=at_work)
    return running.order_by().values_list("run_id").annotate(furthest=Max("index"))


@prepared
def _inputs(run_ids: Collection[UUID]) -> QuerySet[RunData, tuple[UUID, Any]]:
    return RunData.objects.filter(run__in=run_ids).values_list("run_id", "input")


@prepared
def _free_of(run_id: UUID, keys: Collection[str]) -> QuerySet[Step]:
    """The steps with these keys that wait for no other any more."""
    pending = Step.objects.filter(run=run_id, map_index=-1, status=StepStatus.PENDING)
    return pending.filter(key__in=keys, waits_for=0).order_by("index")
