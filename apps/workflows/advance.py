"""Moving one run ahead inside one transaction, with its row locked.

Every function here works on rows and the journal only. Rows are locked in one order everywhere:
command run, agent, workflow, run, step; therefore nothing here may touch a command run or a run that
already exists. What must happen to those is done afterwards, by `stopping`, `nested` and the sweep.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import F, Max

from apps.agents import holds
from apps.agents.services import Accepted
from apps.events import bulk
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.workflows import document as documents
from apps.workflows import errands, expressions, going, graph, mapping, seen, starting, waits
from apps.workflows.document import Document
from apps.workflows.endings import FAILURES, NOT_MET, Ending
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import (
    STEP_OPEN,
    Origin,
    Run,
    RunData,
    RunStatus,
    Step,
    StepStatus,
    Workflow,
    WorkflowVersion,
)
from apps.workflows.record import record_run, record_step, short
from apps.workflows.starting import run_facts

__all__ = ["COUNTED", "FAILURES", "NOT_MET", "Advance", "Ending", "document_of", "run_facts"]

ENDED = ("output", "error_code", "error", "completed_at", "wakes_at")
MIRRORED = ("attempt", "agent_id", "agent_name", "started_at", "progress")
MOVES = (
    *("status", "status_reason", "error_code", "progress", "current_step", "total_steps", "open_steps"),
    *("priority", "concurrency_key", "cancel_requested", "revision", "started_at", "completed_at"),
    "deadline_at",
)
COUNTED = {RunStatus.COMPLETED: "completed_count", RunStatus.FAILED: "failed_count"}
AT_ONCE = 1_000  # steps started in one transaction; the next one starts the rest


def document_of(version: WorkflowVersion) -> Document:
    """The document of a version; it never changes and so is read once per process."""
    return _document(version.checksum, version.pk)


@lru_cache(maxsize=256)
def _document(checksum: str, version_id: int) -> Document:
    return documents.restore(WorkflowVersion.objects.values_list("document", flat=True).get(pk=version_id))


@dataclass
class Advance:
    """The locked row of one run, its document, and what this transaction still has to do."""

    change: Change
    run: Run
    document: Document
    _ready: deque[Step] = field(default_factory=deque)
    _ordered: list[tuple[Step, Accepted]] = field(default_factory=list)
    _started: int = 0
    _seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    _input: dict[str, Any] | None = None
    _shown: tuple[Any, ...] = ()
    _told: str = ""

    def __post_init__(self) -> None:
        self._shown, self._told = _visible(self.run), self.run.status

    @classmethod
    def hold(cls, change: Change, run_id: UUID) -> Advance | None:
        """Lock the run. `no_key`, because command runs and steps that point at it are inserted
        meanwhile by others."""
        return cls.hold_all(change, [run_id]).get(run_id)

    @classmethod
    def hold_all(cls, change: Change, run_ids: Iterable[UUID]) -> dict[UUID, Advance]:
        """The same for many runs, in the order of their ids; those that are no more are left out."""
        runs = (
            Run.objects.select_for_update(of=("self",), no_key=True)
            .select_related("workflow", "version")
            .defer("version__document", "version__source")
            .filter(pk__in=set(run_ids), project_id=change.project_id)
            .order_by("pk")
        )
        return {run.pk: cls(change, run, document_of(run.version)) for run in runs}

    def begin(self, steps: Iterable[Step]) -> None:
        """Start the steps that need no other."""
        self.make_ready(step for step in steps if step.waits_for == 0)
        self.go_on()

    def finish(self, step: Step, ending: Ending) -> None:
        """End a step and free those that waited for it."""
        self.finish_all([(step, ending)])

    def finish_all(self, endings: Sequence[tuple[Step, Ending]]) -> None:
        """The same for steps that ended together."""
        self.end_all(endings)
        items: dict[UUID, list[tuple[Step, Ending]]] = {}
        failed: list[tuple[Step, Ending]] = []
        freeing: list[str] = []
        for step, ending in endings:
            if step.parent_id is not None:
                items.setdefault(step.parent_id, []).append((step, ending))
            elif ending.is_failure and self.document.by_key[step.key].on_failure != "continue":
                failed.append((step, ending))
            else:
                freeing.append(step.key)
        for parent_id, ended in items.items():
            mapping.items_ended(self, parent_id, ended)
        if not self.run.is_ending:
            self.free(*freeing)
        for step, ending in failed:
            if not self.run.is_ending:
                self._go_on_after(step, ending)

    def fail(self, code: str, reason: str) -> None:
        """Let the run end as failed: nothing new starts, what runs is stopped afterwards."""
        self.run.error_code = code
        self.run.status_reason = short(reason, 300)
        self._close_pending(StepStatus.SKIPPED, "the run failed before")

    def cancel(self, reason: str) -> None:
        """Let the run end as cancelled: nothing new starts, what runs is stopped afterwards."""
        self.run.cancel_requested = True
        self.run.status_reason = short(reason, 300)
        self._close_pending(StepStatus.CANCELLED, "the run was cancelled")

    def go_on(self) -> None:
        """Start everything that became ready, and what that makes ready, until nothing is left."""
        catalogue = starting.Catalogue(self.change.project_id)
        while self._ready and not self.run.is_ending:
            if self._started >= AT_ONCE:
                self._ready.clear()
                errands.soon(self.change)
                break
            self._started += 1
            catalogue.look_up(self.document.by_key[step.key] for step in self._ready)
            starting.start(self, self._ready.popleft(), catalogue)
        ordered, self._ordered = self._ordered, []
        starting.queue_ordered(self, ordered)

    def order(self, step: Step, work: Accepted) -> None:
        """Have a step's work queued, together with that of the other steps that start now."""
        self._ordered.append((step, work))

    def mirror_all(self, moved: Sequence[tuple[Step, StepStatus, str]]) -> None:
        """Let open steps show what their command runs do: `(step, status, kind of its journal line)`."""
        previous = [step.status for step, _, _ in moved]
        for step, status, _ in moved:
            step.status = status
        self._swap([step for step, _, _ in moved], previous, "status", "wait_reason", *MIRRORED)
        for (step, _, kind), before in zip(moved, previous, strict=True):
            record_step(self.change, kind, step, previous=before)

    def settle(self) -> None:
        """Start what is ready, write the run's row, and journal it if anyone could see a change."""
        self.go_on()
        run, previous = self.run, self._told  # not `run.status`: who pauses has changed that already
        if run.open_steps == 0 and not run.is_over:
            self._complete()
        elif not run.is_over:
            if not run.is_ending:  # steps that are given up are no progress
                run.progress = graph.progress(run.total_steps, run.open_steps)
            run.current_step = self._furthest_running() or run.current_step
            self._show_activity()
        run.revision += 1
        bulk.write([run], *MOVES)
        if self._shown != _visible(run):
            self._shown, self._told = _visible(run), run.status
            kind = "run.finished" if run.is_over else "run.changed"
            record_run(self.change, kind, run, previous=previous)

    # --- steps: for the modules that move them -------------------------------------------------

    def end(self, step: Step, ending: Ending) -> None:
        """Write that a step is over, and nothing of what follows from it."""
        self.end_all([(step, ending)])

    def end_all(self, endings: Sequence[tuple[Step, Ending]]) -> None:
        """The same for many steps, in one statement."""
        moment = self.change.moment()
        previous = [step.status for step, _ in endings]
        for step, ending in endings:
            step.status = ending.status
            step.output = ending.output
            step.error_code = ending.code[:50]
            step.error = ending.message
            step.wait_reason = ending.reason[:200]
            step.completed_at = max(moment, step.started_at or moment)
            step.wakes_at = None
            if ending.status == StepStatus.COMPLETED:
                step.progress = 100
            self._seen.pop(step.key, None)
        steps = [step for step, _ in endings]
        self._swap(steps, previous, "status", "wait_reason", *MIRRORED, *ENDED)
        self.run.open_steps -= len(steps)
        for step, before in zip(steps, previous, strict=True):
            record_step(self.change, "step.finished", step, previous=before)

    def free(self, *keys: str) -> None:
        """Count down the successors of steps that are over; O(successors), whatever the run's size."""
        needs = Counter(one for key in keys for one in self.document.graph.successors[key])
        if not needs:
            return
        pending = Step.objects.filter(run=self.run, map_index=-1, status=StepStatus.PENDING)
        for count in set(needs.values()):
            waiting = pending.filter(key__in=[key for key, n in needs.items() if n == count])
            waiting.update(waits_for=F("waits_for") - count)
        self.make_ready(pending.filter(key__in=list(needs), waits_for=0).order_by("index"))

    def make_ready(self, steps: Iterable[Step]) -> None:
        """Have steps started before this transaction ends."""
        self._ready.extend(steps)

    def forget(self, steps: Iterable[Step]) -> None:
        """Start none of these, and read anew what expressions see of them."""
        gone = {step.pk: step.key for step in steps}
        self._ready = deque(s for s in self._ready if s.pk not in gone and s.parent_id not in gone)
        self._ordered = [
            (s, work) for s, work in self._ordered if s.pk not in gone and s.parent_id not in gone
        ]
        for key in gone.values():
            self._seen.pop(key, None)

    def context(self, step: Step | None) -> dict[str, Any]:
        """What the expressions of a step (None: of the run's output) see; reads only what they name."""
        document = self.document
        wanted = expressions.references(document.output) if step is None else document.sees[step.key]
        missing = [other for other in wanted if other not in self._seen]
        if missing:
            rows = Step.objects.filter(run=self.run, key__in=missing, map_index=-1)
            for row in rows.only(*seen.COLUMNS):
                self._seen[row.key] = seen.of(row)
        if self._input is None:
            self._input = RunData.objects.values_list("input", flat=True).get(run=self.run)
        facts = {"input": self._input, "steps": self._seen, "run": run_facts(self.run)}
        if step is not None and step.parent_id is not None:
            facts |= {"item": step.item, "item_index": step.map_index}
        return facts

    def _swap(self, steps: Sequence[Step], previous: Sequence[str], *names: str) -> None:
        if bulk.write(steps, *names, previous=previous) != len(steps):
            raise RuntimeError(f"steps of run {self.run.pk} moved although it is locked")

    def _go_on_after(self, step: Step, ending: Ending) -> None:
        """What follows from the failure of a step of the definition."""
        definition = self.document.by_key[step.key]
        if definition.goes_to is not None:
            going.go(self, step, definition, ending)
        else:
            self.fail("step_failed", f"Step “{step.name}” {ending.said}")

    def _close_pending(self, status: StepStatus, reason: str) -> None:
        """Give up what has not begun, and what waits for people or for time."""
        moment = now()
        self._ready.clear()
        self._ordered.clear()
        self.run.open_steps -= mapping.close_items(self.run, status, reason)
        for previous, ended in ((StepStatus.PENDING, status), (StepStatus.WAITING, StepStatus.CANCELLED)):
            found = Step.objects.filter(run=self.run, status=previous)
            steps = list(found.order_by("index", "map_index"))
            found.update(status=ended, wait_reason=reason, completed_at=moment, wakes_at=None)
            self.run.open_steps -= len(steps)
            for step in steps:
                step.status, step.wait_reason, step.completed_at = ended, reason, moment
                step.wakes_at = None
                record_step(self.change, "step.finished", step, previous=previous)
        waits.withdraw(self.change, self.run)
        mapping.close_emptied(self)
        errands.soon(self.change)

    # --- the run -------------------------------------------------------------------------------

    def _complete(self) -> None:
        """Every step is over: give the run its final status and, if it completed, its output."""
        run = self.run
        if run.status == RunStatus.PAUSED:
            holds.forget(run.pk)
        run.completed_at = now()
        if run.error_code:
            run.status = RunStatus.FAILED
        elif run.cancel_requested:
            run.status = RunStatus.CANCELLED
        else:
            self._return()
        run.progress = 100 if run.status == RunStatus.COMPLETED else run.progress
        run.current_step = run.total_steps if run.status == RunStatus.COMPLETED else run.current_step
        if count := COUNTED.get(RunStatus(run.status)):
            # Counting the rows instead would cost more the longer the history is.
            Workflow.objects.filter(pk=run.workflow_id).update(**{count: F(count) + 1})
        if run.origin == Origin.STEP:
            errands.soon(self.change)

    def _return(self) -> None:
        try:
            output = expressions.render(self.document.output, self.context(None))
        except ExpressionError as error:
            self.run.status = RunStatus.FAILED
            self.run.error_code = "expression_error"
            self.run.status_reason = short(f"The output of the run: {error}", 300)
            return
        self.run.status = RunStatus.COMPLETED
        self.run.status_reason = ""
        RunData.objects.filter(run=self.run).update(output=output)

    def _show_activity(self) -> None:
        """Whether the open run works, waits for people or time, or is paused."""
        run = self.run
        if run.status in (RunStatus.PAUSED, RunStatus.QUEUED) and not run.is_ending:
            return
        if run.status == RunStatus.PAUSED:
            holds.forget(run.pk)
        was_waiting = run.status == RunStatus.WAITING
        run.status = RunStatus.RUNNING
        waiting = None if run.is_ending or not self.document.can_wait else waits.only(run)
        if waiting is not None:
            run.status = RunStatus.WAITING
            run.status_reason = short(f"{waiting.name}: {waiting.wait_reason}", 300)
        elif was_waiting and not run.is_ending:
            run.status_reason = ""

    def _furthest_running(self) -> int | None:
        at_work = (StepStatus.RUNNING, StepStatus.WAITING)
        running = Step.objects.filter(one_of("status", STEP_OPEN), run=self.run, status__in=at_work)
        furthest: int | None = running.aggregate(furthest=Max("index"))["furthest"]
        return furthest


def _visible(run: Run) -> tuple[Any, ...]:
    """What the journal tells of a run: an update that changes none of it is no event."""
    return (
        run.status,
        run.progress,
        run.current_step,
        run.total_steps,
        run.status_reason,
        run.error_code,
        run.cancel_requested,
        run.priority,
    )
