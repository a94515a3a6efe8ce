"""Moving one run ahead inside one transaction, with its row locked.

Every function here works on rows and the journal only. Rows are locked in one order everywhere:
command run, agent, workflow, run, step; therefore nothing here may touch a command run or a run that
already exists. What must happen to those is done afterwards, by `stopping`, `nested` and the sweep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.agents import holds
from apps.agents.services import Accepted
from apps.events.clock import now
from apps.events.conditions import is_of
from apps.events.journal import Change
from apps.events.prepared import prepared
from apps.workflows import document as documents
from apps.workflows import errands, expressions, going, mapping, seen, starting, together, waits
from apps.workflows.document import Document
from apps.workflows.document import Step as Definition
from apps.workflows.endings import FAILURES, NOT_MET, Ending
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import (
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
    input: Any = None  # of the run, once it was read
    _ordered: list[starting.Ordered] = field(default_factory=list)
    _started: int = 0
    _seen: dict[str, dict[str, Any]] = field(default_factory=dict)
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
        runs = _locked(change.project_id, set(run_ids))
        return {run.pk: cls(change, run, document_of(run.version)) for run in runs}

    def begin(self, steps: Iterable[Step]) -> None:
        """Start the steps that need no other."""
        self.make_ready(step for step in steps if step.waits_for == 0)
        self.go_on()

    def finish(self, step: Step, ending: Ending) -> None:
        """End a step and free those that waited for it."""
        together.finish([(self, step, ending)])

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
        together.go_on([self])

    @property
    def is_ready(self) -> bool:
        """Whether any step is to be started now."""
        return bool(self._ready) and not self.run.is_ending

    def definitions_ready(self) -> list[Definition]:
        """Of the steps that are to be started now."""
        return [self.document.by_key[step.key] for step in self._ready]

    def start_ready(self, catalogue: starting.Catalogue) -> list[starting.Ordered]:
        """Start what is ready; returns what is to be queued for it."""
        while self.is_ready:
            if self._started >= AT_ONCE:
                self._ready.clear()
                errands.soon(self.change)
                break
            self._started += 1
            step = self._ready.popleft()
            if not catalogue.knows(self.document.by_key[step.key]):
                catalogue.look_up([self.document.by_key[step.key], *self.definitions_ready()])
            starting.start(self, step, catalogue)
        ordered, self._ordered = self._ordered, []
        return ordered

    def order(self, step: Step, work: Accepted) -> None:
        """Have a step's work queued, together with that of the other steps that start now."""
        self._ordered.append((self, step, work))

    def settle(self) -> None:
        """Start what is ready, write the run's row, and journal it if anyone could see a change."""
        together.settle([self])

    def tell(self) -> None:
        """Journal the run if anyone could see a change."""
        if self._shown != _visible(self.run):
            previous = self._told  # not `run.status`: who pauses has changed that already
            self._shown, self._told = _visible(self.run), self.run.status
            kind = "run.finished" if self.run.is_over else "run.changed"
            record_run(self.change, kind, self.run, previous=previous)

    # --- steps: for the modules that move them -------------------------------------------------

    def end(self, step: Step, ending: Ending) -> None:
        """Write that a step is over, and nothing of what follows from it."""
        together.end([(self, step, ending)])

    def free(self, *keys: str) -> None:
        """Count down the successors of steps that are over."""
        together.free([(self, keys)])

    def make_ready(self, steps: Iterable[Step]) -> None:
        """Have steps started before this transaction ends."""
        self._ready.extend(steps)

    def forget(self, steps: Iterable[Step]) -> None:
        """Start none of these, and read anew what expressions see of them."""
        gone = {step.pk: step.key for step in steps}
        self._ready = deque(s for s in self._ready if s.pk not in gone and s.parent_id not in gone)
        self._ordered = [
            one for one in self._ordered if one[1].pk not in gone and one[1].parent_id not in gone
        ]
        for key in gone.values():
            self.forget_seen(key)

    def forget_seen(self, key: str) -> None:
        """Have expressions read a step anew."""
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
        if self.input is None:
            self.input = RunData.objects.values_list("input", flat=True).get(run=self.run)
        facts = {"input": self.input, "steps": self._seen, "run": run_facts(self.run)}
        if step is not None and step.parent_id is not None:
            facts |= {"item": step.item, "item_index": step.map_index}
        return facts

    def go_on_after(self, step: Step, ending: Ending) -> None:
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

    def complete(self) -> None:
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

    def show_activity(self) -> None:
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


@prepared
def _locked(project_id: UUID, run_ids: Collection[UUID]) -> QuerySet[Run]:
    rows = Run.objects.select_for_update(of=("self",), no_key=True).select_related("workflow", "version")
    rows = rows.defer("version__document", "version__source")
    return rows.filter(is_of(project_id), pk__in=run_ids).order_by("pk")


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
