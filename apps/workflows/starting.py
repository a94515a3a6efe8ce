"""Starting a step that is ready: its command run is accepted, its question asked, its list opened, its
run ordered, or it ends because that cannot be. The run is locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet

from apps.agents.http_work import HttpOrder, checked_http, secrets_in
from apps.agents.models import Agent, Command
from apps.agents.services import Accepted, Order, checked, queue_all
from apps.errors import InvalidInput
from apps.events.clock import now
from apps.events.prepared import prepared
from apps.workflows import errands, expressions, going, mapping, together, waits
from apps.workflows.document import Http
from apps.workflows.document import Step as Definition
from apps.workflows.endings import NOT_GONE_TO, NOT_MET, Ending
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import Run, Step, StepStatus
from apps.workflows.record import record_step, swap

if TYPE_CHECKING:
    from apps.workflows.advance import Advance

    Ordered = tuple[Advance, Step, Accepted]

MAX_DEPTH = 5  # runs within runs


class NotInCatalogue(Exception):
    """A step names a command or agent that is no more."""


@dataclass(slots=True)
class Catalogue:
    """The commands and agents that ready steps name, each read once."""

    project_id: UUID
    _commands: dict[str, Command | None] = field(default_factory=dict)
    _agents: dict[str, Agent | None] = field(default_factory=dict)

    def knows(self, step: Definition) -> bool:
        """Whether what this step names was looked up."""
        return (not step.command or step.command in self._commands) and (
            not step.agent or step.agent in self._agents
        )

    def look_up(self, steps: Iterable[Definition]) -> None:
        """Read what these steps name, in one query each for all that is not known yet."""
        commands: set[str] = set()
        agents: set[str] = set()
        for step in steps:
            if step.command and step.command not in self._commands:
                commands.add(step.command)
            if step.agent and step.agent not in self._agents:
                agents.add(step.agent)
        if commands:
            known = _commands(self.project_id, commands)
            self._commands |= dict.fromkeys(commands) | {command.name: command for command in known}
        if agents:
            found = _agents(self.project_id, agents)
            self._agents |= dict.fromkeys(agents) | {agent.slug: agent for agent in found}

    def command(self, name: str) -> Command:
        command = self._commands.get(name)
        if command is None:
            raise NotInCatalogue(f"There is no command {name!r} any more; save the workflow with another.")
        return command

    def agent(self, slug: str) -> Agent:
        agent = self._agents.get(slug)
        if agent is None:
            raise NotInCatalogue(f"There is no agent {slug!r} any more; save the workflow with another.")
        return agent


@prepared
def _commands(project_id: UUID, names: Collection[str]) -> QuerySet[Command]:
    return Command.objects.filter(project=project_id, name__in=names)


@prepared
def _agents(project_id: UUID, slugs: Collection[str]) -> QuerySet[Agent]:
    return Agent.objects.filter(project=project_id, slug__in=slugs)


def run_facts(run: Run) -> dict[str, Any]:
    """What expressions see of the run itself."""
    return {"id": str(run.pk), "number": run.number, "name": run.name, "workflow": run.workflow.slug}


def start(advance: Advance, step: Step, catalogue: Catalogue) -> None:
    """Begin a ready step, or end it if that cannot be."""
    definition = advance.document.by_key[step.key]
    try:
        if step.parent_id is None:
            _start_of_definition(advance, step, definition, catalogue)
        else:
            _start_body(advance, step, definition, catalogue, advance.context(step))
    except ExpressionError as error:
        advance.finish(step, Ending(StepStatus.FAILED, code="expression_error", message=str(error)))
    except NotInCatalogue as error:
        advance.finish(step, Ending(StepStatus.FAILED, code="not_in_catalogue", message=str(error)))
    except InvalidInput as error:
        advance.finish(step, Ending(StepStatus.FAILED, code="invalid_input", message=str(error)))


def queue_ordered(ordered: Sequence[Ordered]) -> None:
    """Write down the command runs of steps that start, and that these wait for them."""
    change = ordered[0][0].change
    steps = [step for _, step, _ in ordered]
    previous = [step.status for step in steps]
    command_runs = queue_all(change, [work for _, _, work in ordered])
    for step, command_run in zip(steps, command_runs, strict=True):
        step.status = StepStatus.QUEUED
        step.command_run_id = command_run.pk
        step.wait_reason = command_run.wait_reason
    together.swap(steps, previous, "status", "wait_reason", "command_run_id")
    for step, before in zip(steps, previous, strict=True):
        record_step(change, "step.queued", step, previous=before)


def _start_of_definition(advance: Advance, step: Step, definition: Definition, catalogue: Catalogue) -> None:
    if going.is_left_out(advance, step):
        advance.finish(step, Ending(StepStatus.SKIPPED, reason=NOT_GONE_TO))
        return
    context = advance.context(step)
    if definition.when is not None and not expressions.is_true(definition.when, context):
        advance.finish(step, Ending(StepStatus.SKIPPED, reason=NOT_MET))
    elif definition.map is not None:
        mapping.begin(advance, step, definition.map, context)
    else:
        _start_body(advance, step, definition, catalogue, context)


def _start_body(
    advance: Advance, step: Step, definition: Definition, catalogue: Catalogue, context: dict[str, Any]
) -> None:
    """Begin what a step does, or what it does for one item of a list."""
    if definition.approval is not None:
        waits.ask(advance.change, advance.run, step, definition.approval, context)
    elif definition.wait is not None:
        until = waits.moment(definition.wait, context, now())
        if until <= now():
            advance.finish(step, Ending(StepStatus.COMPLETED, output=waits.waited(until)))
        else:
            waits.begin(advance.change, step, f"until {waits.readable(until)}", until)
    elif definition.workflow is not None:
        _order_run(advance, step, definition, context)
    elif definition.http is not None:
        request = _request(definition.http, context, _effort(advance.run, step, definition))
        advance.order(step, checked_http(request))
    else:
        order = Order(
            command=catalogue.command(definition.command or ""),
            input=expressions.render(definition.with_, context),
            agent=catalogue.agent(definition.agent) if definition.agent else None,
            **_effort(advance.run, step, definition),
        )
        advance.order(step, checked(order))


def _request(http: Http, context: dict[str, Any], effort: dict[str, Any]) -> HttpOrder:
    headers = expressions.render(http.headers, context)
    return HttpOrder(
        method=http.method,
        url=expressions.as_text(expressions.render(http.url, context)),
        headers={name: expressions.as_text(value) for name, value in headers.items()},
        body=expressions.render(http.body, context),
        accept=tuple(http.accept),
        secrets=secrets_in(http.headers),  # as written: what comes from data names none
        **effort,
    )


def _order_run(advance: Advance, step: Step, definition: Definition, context: dict[str, Any]) -> None:
    """Let the step wait for a run of its own. It is started after the commit: it locks its workflow,
    which comes before this run in the order of locks."""
    if advance.run.depth >= MAX_DEPTH:
        said = f"Runs are nested at most {MAX_DEPTH} deep; does a workflow run itself through others?"
        advance.finish(step, Ending(StepStatus.FAILED, code="too_deep", message=said))
        return
    expressions.render(definition.with_, context)  # fails here, where it can be told at once
    previous = step.status
    step.status = StepStatus.QUEUED
    waits.for_run(step, definition)
    if not swap(step, previous, "wakes_at"):
        raise RuntimeError(f"step {step.pk} moved although its run is locked")
    record_step(advance.change, "step.queued", step, previous=previous)
    errands.soon(advance.change)


def _effort(run: Run, step: Step, definition: Definition) -> dict[str, Any]:
    """For whom a step's work is done, and how hard to try."""
    effort: dict[str, Any] = {
        "title": step.name,
        "run_id": run.pk,
        "step_id": step.pk,
        "workflow_id": run.workflow_id,
        "priority": run.priority,
        "share": run.concurrency_key or str(run.pk),
        "timeout_seconds": definition.timeout_seconds,
        "queue_timeout_seconds": definition.queue_timeout_seconds,
        "requested_by": run.requested_by,
        "stable_key": _stable_key(run, step),
    }
    if definition.retry is not None:
        effort |= {
            "max_attempts": definition.retry.attempts,
            "backoff_seconds": definition.retry.backoff_seconds,
            "max_backoff_seconds": definition.retry.max_backoff_seconds,
            "jitter": definition.retry.jitter,
            "retry_on": definition.retry.on,
        }
    return effort


def _stable_key(run: Run, step: Step) -> str:
    """The same for every attempt at a step, and another one when somebody, or a failure behind it, has
    it done anew: then the outside world must not answer from memory."""
    key = f"{run.pk}:{step.key}:{step.map_index}"
    return f"{key}:{step.earlier_attempts}" if step.earlier_attempts else key
