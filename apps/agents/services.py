"""Verbs on agents and the acceptance of work. The life of accepted work is in `lease.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.agents import asking, at_once, dispatch, lanes, schema
from apps.agents.events import AgentRemoved, CatalogueChanged
from apps.agents.models import (
    Agent,
    AgentStatus,
    Command,
    CommandRun,
    CommandRunData,
    Connector,
    Provenance,
)
from apps.agents.record import record_agent, record_run
from apps.agents.status import refresh_agent
from apps.errors import Conflict, InvalidInput, KeyReused
from apps.events import bulk, journal, layer
from apps.events.clock import now
from apps.events.journal import Change
from apps.events.kinds import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """For whom work is done, and how hard to try; None is what the kind of work usually takes."""

    title: str = ""
    run_id: UUID | None = None
    step_id: UUID | None = None
    workflow_id: UUID | None = None
    priority: int = 0
    share: str = ""
    max_attempts: int | None = None
    backoff_seconds: float = 2
    max_backoff_seconds: float = 60
    jitter: float = 0.5
    retry_on: list[str] | None = None
    timeout_seconds: float | None = None
    queue_timeout_seconds: float = 3600
    requested_by: str = ""
    idempotency_key: str | None = None
    stable_key: str = ""


@dataclass(frozen=True, slots=True)
class Order(Effort):
    """What an agent is to do; the input of `accept_command_run`."""

    command: Command
    input: dict[str, Any]
    agent: Agent | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Work that was checked and is not written yet."""

    run: CommandRun
    effort: Effort
    input: dict[str, Any]


def checked(order: Order) -> Accepted:
    """What an agent is to do, as a row that is not written yet.

    Raises InvalidInput when the input does not fit the command's parameters or the named agent
    lacks the capability.
    """
    command = order.command
    value = schema.with_defaults(command.parameters, order.input)
    errors = schema.input_errors(command.parameters, value)
    if errors:
        raise InvalidInput(errors)
    if order.agent and command.capability not in order.agent.capabilities:
        raise InvalidInput(
            {"command": f"{order.agent.name} lacks the capability {command.capability!r} that it needs."}
        )
    run = CommandRun(
        command=command,
        wanted_agent=order.agent,
        capability=command.capability,
        title=(order.title or command.title)[:200],
        max_attempts=order.max_attempts or command.max_attempts,
        timeout_seconds=order.timeout_seconds or command.timeout_seconds,
    )
    return Accepted(run, order, value)


def accept_command_run(change: Change, order: Order) -> CommandRun:
    """T1: write the command run down, queued. It is dispatched with that or after commit.

    Raises InvalidInput as `checked` does, and KeyReused when the idempotency key came with another
    body. The same key and body give the run that exists.
    """
    accepted = checked(order)
    if order.idempotency_key is not None:
        command = order.command
        fingerprint = body_hash([command.name, str(order.agent.pk) if order.agent else None, order.input])
        existing = CommandRun.objects.filter(
            project_id=change.project_id, idempotency_key=order.idempotency_key
        ).first()
        if existing:
            if existing.idempotency_hash != fingerprint:
                raise KeyReused("Use a new Idempotency-Key, or send the same body again.")
            return existing
        accepted.run.idempotency_key = order.idempotency_key
        accepted.run.idempotency_hash = fingerprint
    return queue(change, accepted)


def queue(change: Change, accepted: Accepted) -> CommandRun:
    """Write down work that was checked and have it dispatched, at the end of the change or after it."""
    return queue_all(change, [accepted])[0]


def queue_all(change: Change, accepted: Sequence[Accepted]) -> list[CommandRun]:
    """The same for much work, in a number of statements that grows with its shares only."""
    moment = change.moment()
    for one in accepted:
        run, effort = one.run, one.effort
        run.project_id = change.project_id
        run.priority = effort.priority
        run.backoff_seconds = effort.backoff_seconds
        run.max_backoff_seconds = effort.max_backoff_seconds
        run.jitter = effort.jitter
        run.queue_timeout_seconds = effort.queue_timeout_seconds
        run.run_id, run.step_id, run.workflow_id = effort.run_id, effort.step_id, effort.workflow_id
        run.requested_by = effort.requested_by[:150]
        run.share = (effort.share or effort.requested_by)[:200]
        run.queued_at = run.available_at = moment
        run.gives_up_at = moment + timedelta(seconds=effort.queue_timeout_seconds)
        run.wait_reason = "waiting to be dispatched"
    runs = [one.run for one in accepted]
    for run, turn in zip(runs, lanes.next_turns(runs), strict=True):
        run.turn = turn
    bulk.insert(runs)
    bulk.insert(
        [
            CommandRunData(
                command_run=one.run,
                input=one.input,
                retry_on=one.effort.retry_on,
                stable_key=one.effort.stable_key,
            )
            for one in accepted
        ]
    )
    for run in runs:
        record_run(change, "command_run.queued", run, previous=None)
    at_once.wanted(change)
    return runs


def start_command_run(order: Order, project_id: UUID) -> CommandRun:
    """Accept one command run in a transaction of its own. Raises as `accept_command_run`."""
    try:
        with journal.changes(project_id) as change:
            return accept_command_run(change, order)
    except IntegrityError:
        # Two requests with one idempotency key raced; the loser finds the winner's run.
        with journal.changes(project_id) as change:
            return accept_command_run(change, order)


def body_hash(value: Any) -> str:
    """The fingerprint by which a repeated request is known to be the same."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def pause_agent(agent: Agent) -> Agent:
    """Dispatch nothing more to the agent; what it has runs to its end. Pausing twice is the same."""
    return _set_paused(agent, True)


def resume_agent(agent: Agent) -> Agent:
    """Let the agent have work again."""
    return _set_paused(agent, False)


def _set_paused(agent: Agent, paused: bool) -> Agent:
    with journal.changes(agent.project_id) as change:
        Agent.objects.select_for_update().filter(pk=agent.pk).update(paused=paused)
        changed = refresh_agent(change, agent.pk, active=False)
        project_id = agent.project_id
        transaction.on_commit(lambda: dispatch.poke(project_id))
    return changed or agent


def register_agent(
    project_id: UUID,
    *,
    name: str,
    type: str,
    capabilities: list[str],
    key_id: UUID | None = None,
    max_parallel: int | None = None,
) -> tuple[Agent, bool]:
    """A pull agent makes itself known; the same name is the same agent. Returns (agent, is new).
    `key_id` is that of the key it came with; without `max_parallel` that stays as it is.

    Raises Conflict when the name belongs to an agent that is reached in another way.
    """
    try:
        with journal.changes(project_id) as change:
            agent = (
                Agent.objects.select_for_update(no_key=True).filter(project_id=project_id, name=name).first()
            )
            moment = now()
            if agent is None:
                agent = Agent(
                    project_id=project_id,
                    name=name,
                    slug=free_slug(project_id, name),
                    connector=Connector.PULL,
                )
            elif agent.connector != Connector.PULL:
                raise Conflict(
                    f"The name {name!r} belongs to an agent of another connector; choose another name."
                )
            is_new = agent._state.adding
            agent.type, agent.capabilities = type, capabilities
            agent.said_status, agent.heartbeat_at, agent.last_active = "", moment, moment
            agent.provenance, agent.signal_at = Provenance.LIVE, moment
            agent.key_id = key_id or agent.key_id
            agent.max_parallel = max_parallel or agent.max_parallel
            agent.save()
            if is_new:
                record_agent(change, "agent.added", agent)
            else:
                refresh_agent(change, agent.pk)
            transaction.on_commit(lambda: dispatch.poke(project_id))
            return agent, is_new
    except IntegrityError as error:
        raise Conflict(f"Another agent took the name {name!r} at the same moment; try again.") from error


def free_slug(project_id: UUID, name: str) -> str:
    """The name as a slug that no agent of the project has."""
    base = slugify(name)[:90] or "agent"
    taken = set(
        Agent.objects.filter(project_id=project_id, slug__startswith=base).values_list("slug", flat=True)
    )
    candidate, number = base, 2
    while candidate in taken:
        candidate, number = f"{base}-{number}", number + 1
    return candidate


def agent_heartbeat(agent: Agent, *, status: str = "", current_task: str | None = None) -> Agent:
    """A pull agent says that it lives. Journalled only when its status or task changed. While people
    must answer it, it shows that, whatever it says."""
    moment = now()
    status = "" if status and asking.is_waiting(agent) else status
    fields: dict[str, Any] = {"heartbeat_at": moment, "last_active": moment, "signal_at": moment}
    same = agent.status not in (AgentStatus.OFFLINE, AgentStatus.PAUSED)
    # Without a status it only says that it lives; what its telemetry said of its status stands.
    if status or not agent.provenance:
        fields["provenance"] = Provenance.LIVE
        same = same and agent.provenance == Provenance.LIVE
    if status:
        fields |= {"said_status": status, "current_task": current_task}
        same = same and (agent.status, agent.current_task) == (status, current_task)
    if same:
        Agent.objects.filter(pk=agent.pk).update(**fields)
        layer.push(
            agent.project_id,
            {"type": "agent_seen", "agent_id": str(agent.pk), "last_active": rfc3339(moment)},
        )
        return agent
    with journal.changes(agent.project_id) as change:
        Agent.objects.select_for_update().filter(pk=agent.pk).update(**fields)
        changed = refresh_agent(change, agent.pk)
        if changed is not None and asking.is_waiting(changed):
            changed = asking.show(change, agent.pk)
        project_id = agent.project_id
        transaction.on_commit(lambda: dispatch.poke(project_id))
    return changed or agent


def announce_agents(change: Change, agents: list[Agent]) -> None:
    """Journal agents that were just inserted."""
    for agent in agents:
        record_agent(change, "agent.added", agent)


def remove_agent(agent: Agent) -> None:
    """Delete an agent that has never run anything. Raises Conflict when it has history."""
    with journal.changes(agent.project_id) as change:
        if (
            CommandRun.objects.filter(agent=agent).exists()
            or CommandRun.objects.filter(wanted_agent=agent).exists()
        ):
            raise Conflict("The agent has command runs; pause it instead, so that its history stays.")
        removed = agent.pk
        agent.delete()
        change.record("agent.removed", AgentRemoved(agent_id=removed))


def announce_catalogue(change: Change) -> None:
    """Journal how many commands the project now has."""
    total = Command.objects.filter(project_id=change.project_id).count()
    change.record("catalogue.changed", CatalogueChanged(total_commands=total))


def save_agent(agent: Agent) -> Agent:
    """Insert or change an agent from a form, and journal it. Status stays derived."""
    with journal.changes(agent.project_id) as change:
        is_new = agent._state.adding
        agent.save()
        if is_new:
            record_agent(change, "agent.added", agent)
        elif (changed := refresh_agent(change, agent.pk, active=False)) is not None:
            record_agent(change, "agent.changed", changed)
        project_id = agent.project_id
        transaction.on_commit(lambda: dispatch.poke(project_id))
    return agent
