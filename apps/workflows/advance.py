"""Moving one run ahead inside one transaction, with its row locked.

Every function here works on rows and the journal only. Rows are locked in one order everywhere:
command run, agent, workflow, run, step; therefore nothing here may touch a command run that
already exists. What must happen to those is done afterwards, by `engine.stop_command_runs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import F, Max

from apps.agents import holds
from apps.agents.models import Agent, Command
from apps.agents.services import Order, accept_command_run
from apps.errors import InvalidInput
from apps.events.clock import now
from apps.events.journal import Change
from apps.workflows import document as documents
from apps.workflows import expressions, graph, waits
from apps.workflows.document import Document
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import Run, RunData, RunStatus, Step, StepStatus, Workflow, WorkflowVersion
from apps.workflows.record import record_run, record_step, short, swap

ENDED = ("output", "error_code", "error", "completed_at", "wakes_at")
MIRRORED = ("attempt", "agent_id", "agent_name", "started_at", "progress")
COUNTED = {RunStatus.COMPLETED: "completed_count", RunStatus.FAILED: "failed_count"}
NOT_MET = "its condition was not met"
FAILURES = (StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended. `reason` says why one did not run at all."""

    status: StepStatus
    output: Any = None
    code: str = ""
    message: str = ""
    reason: str = ""


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
    _ready: list[Step] = field(default_factory=list)
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
        run = (
            Run.objects.select_for_update(of=("self",), no_key=True)
            .select_related("workflow", "version")
            .defer("version__document", "version__source")
            .filter(pk=run_id, project_id=change.project_id)
            .first()
        )
        return None if run is None else cls(change, run, document_of(run.version))

    def begin(self, steps: Iterable[Step]) -> None:
        """Start the steps that need no other."""
        self._ready.extend(step for step in steps if step.waits_for == 0)
        self.go_on()

    def finish(self, step: Step, ending: Ending) -> bool:
        """End a step and free those that waited for it; False when it already was over."""
        if not self._end(step, ending):
            return False
        if self.run.is_ending:
            return True
        if ending.status in FAILURES and self.document.by_key[step.key].on_failure == "fail":
            self.fail("step_failed", f"Step “{step.name}” {_said(ending)}")
        else:
            self._free(step.key)
        return True

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
        while self._ready and not self.run.is_ending:
            batch, self._ready = self._ready, []
            catalogue = self._catalogue(batch)
            for step in batch:
                if not self.run.is_ending:
                    self._start(step, catalogue)

    def mirror(self, step: Step, status: StepStatus, kind: str) -> bool:
        """Let an open step show what its command run does; False when the step moved meanwhile."""
        previous = step.status
        step.status = status
        if not swap(step, previous, *MIRRORED):
            return False
        record_step(self.change, kind, step, previous=previous)
        return True

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
        run.save()
        if self._shown != _visible(run):
            self._shown, self._told = _visible(run), run.status
            kind = "run.finished" if run.is_over else "run.changed"
            record_run(self.change, kind, run, previous=previous)

    # --- steps ---------------------------------------------------------------------------------

    def _end(self, step: Step, ending: Ending) -> bool:
        previous = step.status
        step.status = ending.status
        step.output = ending.output
        step.error_code = ending.code[:50]
        step.error = ending.message
        step.wait_reason = ending.reason[:200]
        step.completed_at = now()
        step.wakes_at = None
        if ending.status == StepStatus.COMPLETED:
            step.progress = 100
        if not swap(step, previous, *MIRRORED, *ENDED):
            return False
        self.run.open_steps -= 1
        self._seen.pop(step.key, None)
        record_step(self.change, "step.finished", step, previous=previous)
        return True

    def _free(self, key: str) -> None:
        """Count down the successors of a step that is over; O(successors), whatever the run's size."""
        successors = self.document.graph.successors[key]
        if not successors:
            return
        waiting = Step.objects.filter(run=self.run, key__in=successors, status=StepStatus.PENDING)
        waiting.update(waits_for=F("waits_for") - 1)
        self._ready.extend(waiting.filter(waits_for=0).order_by("index"))

    def _start(self, step: Step, catalogue: _Catalogue) -> None:
        """Have a ready step's command accepted, or end the step if that cannot be."""
        definition = self.document.by_key[step.key]
        try:
            context = self._context(step.key)
            if definition.when is not None and not expressions.is_true(definition.when, context):
                self.finish(step, Ending(StepStatus.SKIPPED, reason=NOT_MET))
                return
            if definition.kind != "command":
                self._wait(step, definition, context)
                return
            value = expressions.render(definition.with_, context)
            order = self._order(step, definition, catalogue, value)
            command_run = accept_command_run(self.change, order)
        except ExpressionError as error:
            self.finish(step, Ending(StepStatus.FAILED, code="expression_error", message=str(error)))
            return
        except _NotInCatalogue as error:
            self.finish(step, Ending(StepStatus.FAILED, code="not_in_catalogue", message=str(error)))
            return
        except InvalidInput as error:
            self.finish(step, Ending(StepStatus.FAILED, code="invalid_input", message=str(error)))
            return
        previous = step.status
        step.status = StepStatus.QUEUED
        step.command_run_id = command_run.pk
        step.wait_reason = command_run.wait_reason
        if not swap(step, previous, "command_run_id"):
            raise RuntimeError(f"step {step.pk} moved although its run is locked")
        record_step(self.change, "step.queued", step, previous=previous)

    def _wait(self, step: Step, definition: documents.Step, context: dict[str, Any]) -> None:
        """Have a ready step wait for people or for time; a moment that is past is no wait."""
        if definition.approval is not None:
            waits.ask(self.change, self.run, step, definition.approval, context)
            return
        assert definition.wait is not None
        until = waits.moment(definition.wait, context, now())
        if until <= now():
            self.finish(step, Ending(StepStatus.COMPLETED, output=waits.waited(until)))
        else:
            waits.begin(self.change, step, f"until {waits.readable(until)}", until)

    def _order(
        self, step: Step, definition: documents.Step, catalogue: _Catalogue, value: dict[str, Any]
    ) -> Order:
        retry: dict[str, Any] = {}
        if definition.retry is not None:
            retry = {
                "max_attempts": definition.retry.attempts,
                "backoff_seconds": definition.retry.backoff_seconds,
                "max_backoff_seconds": definition.retry.max_backoff_seconds,
            }
        return Order(
            command=catalogue.command(definition.command or ""),
            input=value,
            agent=catalogue.agent(definition.agent) if definition.agent else None,
            title=step.name,
            run_id=self.run.pk,
            step_id=step.pk,
            workflow_id=self.run.workflow_id,
            priority=self.run.priority,
            share=self.run.concurrency_key or str(self.run.pk),
            timeout_seconds=definition.timeout_seconds,
            queue_timeout_seconds=definition.queue_timeout_seconds,
            requested_by=self.run.requested_by,
            **retry,
        )

    def _close_pending(self, status: StepStatus, reason: str) -> None:
        """Give up what has not begun, and what waits for people or for time."""
        moment = now()
        self._ready.clear()
        for previous, ended in ((StepStatus.PENDING, status), (StepStatus.WAITING, StepStatus.CANCELLED)):
            found = Step.objects.filter(run=self.run, status=previous)
            steps = list(found.order_by("index"))
            found.update(status=ended, wait_reason=reason, completed_at=moment, wakes_at=None)
            self.run.open_steps -= len(steps)
            for step in steps:
                step.status, step.wait_reason, step.completed_at = ended, reason, moment
                step.wakes_at = None
                record_step(self.change, "step.finished", step, previous=previous)
        waits.withdraw(self.change, self.run)

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

    def _return(self) -> None:
        try:
            output = expressions.render(self.document.output, self._context(None))
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
        if run.status == RunStatus.PAUSED and not run.is_ending:
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
        running = Step.objects.filter(run=self.run, status__in=at_work)
        furthest: int | None = running.aggregate(furthest=Max("index"))["furthest"]
        return furthest

    def _context(self, key: str | None) -> dict[str, Any]:
        """What the expressions of a step (None: of the run's output) see; reads only what they name."""
        document = self.document
        wanted = expressions.references(document.output) if key is None else document.sees[key]
        missing = [other for other in wanted if other not in self._seen]
        if missing:
            rows = Step.objects.filter(run=self.run, key__in=missing)
            for row in rows.only("key", "status", "output", "error_code", "error"):
                error = {"code": row.error_code, "message": row.error} if row.error_code else None
                self._seen[row.key] = {"status": row.status, "output": row.output, "error": error}
        if self._input is None:
            self._input = RunData.objects.values_list("input", flat=True).get(run=self.run)
        return {
            "input": self._input,
            "steps": self._seen,
            "run": {
                "id": str(self.run.pk),
                "number": self.run.number,
                "name": self.run.name,
                "workflow": self.run.workflow.slug,
            },
        }

    def _catalogue(self, steps: list[Step]) -> _Catalogue:
        definitions = [self.document.by_key[step.key] for step in steps]
        project = self.change.project_id
        commands = Command.objects.filter(
            project=project, name__in={d.command for d in definitions if d.command}
        )
        agents = Agent.objects.filter(project=project, slug__in={d.agent for d in definitions if d.agent})
        return _Catalogue({c.name: c for c in commands}, {a.slug: a for a in agents})


class _NotInCatalogue(Exception):
    """A step names a command or agent that is no more."""


@dataclass(frozen=True, slots=True)
class _Catalogue:
    commands: dict[str, Command]
    agents: dict[str, Agent]

    def command(self, name: str) -> Command:
        if name not in self.commands:
            raise _NotInCatalogue(f"There is no command {name!r} any more; save the workflow with another.")
        return self.commands[name]

    def agent(self, slug: str) -> Agent:
        if slug not in self.agents:
            raise _NotInCatalogue(f"There is no agent {slug!r} any more; save the workflow with another.")
        return self.agents[slug]


def _visible(run: Run) -> tuple[Any, ...]:
    """What the journal tells of a run: an update that changes none of it is no event."""
    return (
        run.status,
        run.progress,
        run.current_step,
        run.status_reason,
        run.error_code,
        run.cancel_requested,
    )


def _said(ending: Ending) -> str:
    words = {StepStatus.TIMED_OUT: "timed out", StepStatus.CANCELLED: "was cancelled"}
    word = words.get(ending.status, "failed")
    return f"{word}: {ending.message}" if ending.message else f"{word}."
