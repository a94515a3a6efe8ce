"""The tools with which an agent works over MCP: the same verbs, leases and fences as over REST."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.watch import watch
from apps.agents import lease, lines, patience, queries, repeats, services, wakeups
from apps.agents.api import mcp_shapes as m
from apps.agents.api.mcp_server import Caller, Tool, checked, in_thread, lacks
from apps.agents.connectors.base import Outcome
from apps.agents.events import CommandRunProgress
from apps.agents.keyholders import note_key
from apps.agents.lease import Claimed
from apps.agents.lines import Said
from apps.agents.models import Agent, CommandRun, Connector, RunStatus
from apps.agents.moves import Failure
from apps.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleFence
from apps.events import layer

# Between looks at the row while nobody rings; the ring makes it immediate.
LOOK_SECONDS = 2.0
MOST_HELD = 20
UNKNOWN_RUN = "There is no such command among those of your agents; take one with next_command."
TAKEN_BACK = "The command was taken back or is over: stop working on it. Nothing was written."


def agent_of(caller: Caller, named: str | None) -> Agent:
    """The agent a call speaks for: the key's own, else the one named by the argument, else by the
    connection. Raises InvalidInput when nobody is named, NotFound and Conflict."""
    principal = caller.principal
    agents = Agent.objects.filter(project_id=principal.project_id)
    if principal.agent_id is not None:
        agent = agents.filter(pk=principal.agent_id).first()
        if agent is None:
            raise NotFound("The agent your key belongs to does not exist any more.")
        if named and named not in (str(agent.pk), agent.name):
            raise NotFound(f"Your key belongs to the agent {agent.name}; leave `agent` out.")
    else:
        name = named or caller.configured.name
        if not name:
            said = "Say which agent you are: call whoami with a name once, and pass the agent_id it answers."
            raise InvalidInput({"agent": said})
        pk = _uuid(name)
        agent = (agents.filter(pk=pk) if pk else agents.filter(name=name)).first()
        if agent is None:
            raise NotFound(
                f"There is no agent {name[:100]!r} in this project yet: call whoami with that name."
            )
    if agent.connector != Connector.PULL:
        raise Conflict(f"{agent.name} is not an agent that asks for its work; choose a name of your own.")
    note_key(agent, principal.key_id)
    return agent


def held_run(caller: Caller, command_run_id: UUID) -> CommandRun:
    """A command run of an agent this caller may speak for. Raises NotFound."""
    found = queries.command_runs(caller.principal.project_id).filter(pk=command_run_id)
    run = found.filter(agent__connector=Connector.PULL).first()
    bound = caller.principal.agent_id
    if run is None or (bound is not None and run.agent_id != bound):
        raise NotFound(UNKNOWN_RUN)
    return run


@in_thread
def whoami(caller: Caller, given: m.WhoAmI) -> m.Identity:
    principal = caller.principal
    agent = _introduced(caller, _completed(caller, given)) if principal.can("agent") else None
    if agent is None and given.model_fields_set:
        raise Forbidden(lacks(principal, "agent"))
    return m.Identity(
        agent=_self(agent) if agent else None,
        project=principal.project_name,
        key=principal.name,
        scopes=sorted(principal.scopes),
        held=_held(agent.pk) if agent else [],
    )


def _completed(caller: Caller, given: m.WhoAmI) -> m.WhoAmI:
    """What was said, and where nothing was, what the client's configuration says."""
    said, names = caller.configured, given.capabilities
    if names is None and said.capabilities:
        names = [name.strip() for name in said.capabilities.split(",") if name.strip()]
    return checked(
        m.WhoAmI,
        {
            "name": given.name or (said.name if caller.principal.agent_id is None else "") or None,
            "type": given.type or said.type or None,
            "capabilities": names,
        },
    )


def _introduced(caller: Caller, said: m.WhoAmI) -> Agent | None:
    """The agent that introduces itself, made or changed as it says; None when nobody is named."""
    principal = caller.principal
    agent: Agent | None
    if principal.agent_id is not None:
        agent = agent_of(caller, said.name)
    elif said.name is None:
        return None
    else:
        agent = Agent.objects.filter(project_id=principal.project_id, name=said.name).first()
    name, type, capabilities = said.name or "", said.type or "external", said.capabilities or []
    if agent is not None:
        name, type = agent.name, said.type or agent.type
        capabilities = agent.capabilities if said.capabilities is None else said.capabilities
        is_same = (agent.type, agent.capabilities) == (type, capabilities)
        if is_same and agent.connector == Connector.PULL:
            note_key(agent, principal.key_id)
            return services.agent_heartbeat(agent)
    registered, _ = services.register_agent(
        principal.project_id,
        name=name,
        type=type,
        capabilities=list(dict.fromkeys(capabilities)),
        key_id=principal.key_id,
    )
    return registered


@in_thread
def heartbeat(caller: Caller, given: m.Heartbeat) -> m.Beat:
    agent = services.agent_heartbeat(
        agent_of(caller, given.agent), status=given.status or "", current_task=given.current_task or None
    )
    cancel = [one.id for one in _held(agent.pk) if one.cancel]
    return m.Beat(status=agent.status, paused=agent.paused, cancel=cancel)


async def next_command(caller: Caller, given: m.NextCommand) -> m.Next:
    """Look, and look again at every ring, until there is work or time is up. Holds no thread."""
    deadline = time.monotonic() + given.wait_s
    agent_id = await _agent_id(caller, given.agent)
    with wakeups.waiting(agent_id) as rung, watch.lost(caller.principal) as lost:
        while True:
            rung.clear()
            found, claimed = await _look(caller, agent_id)
            if claimed is not None and caller.gone.done():
                await _give_back(claimed)
            rest = deadline - time.monotonic()
            if found.command is not None or found.held or rest <= 0 or caller.gone.done():
                return found
            ring = asyncio.ensure_future(rung.wait())
            ends: set[asyncio.Future[Any]] = {ring, caller.gone, lost}
            await asyncio.wait(ends, timeout=min(rest, LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED)
            ring.cancel()
            if lost.done():
                raise Forbidden("Your key was revoked or has expired.")


@in_thread
def _agent_id(caller: Caller, named: str | None) -> UUID:
    return agent_of(caller, named).pk


@in_thread
def _look(caller: Caller, agent_id: UUID) -> tuple[m.Next, Claimed | None]:
    agent = services.agent_heartbeat(agent_of(caller, str(agent_id)))
    held = _held(agent_id)
    claimed = lease.claim_next(agent_id, worker=agent.name)
    if claimed is None:
        return m.Next(command=None, held=held, paused=agent.paused), None
    patience.lengthen(claimed.command_run_id, claimed.fence)
    work = claimed.work
    command = m.Command(
        id=work.command_run_id,
        fence=work.fence,
        command=work.command,
        title=work.title,
        prompt=work.prompt,
        input=work.input,
        attempt=work.attempt,
        idempotency_key=work.idempotency_key,
        lease_seconds=patience.lease_seconds(),
        timeout_seconds=work.timeout_seconds,
        traceparent=work.traceparent,
    )
    return m.Next(command=command, held=held, paused=agent.paused), claimed


@in_thread
def _give_back(claimed: Claimed) -> None:
    """Nobody is there any more to whom the command could be given."""
    lease.give_back(claimed.command_run_id, claimed.fence)


@in_thread
def ack_command(caller: Caller, given: m.AckCommand) -> m.Signal:
    run = held_run(caller, given.id)
    signal = _renewed(run, given.fence)
    said = f"Acknowledged by {run.agent.name if run.agent else 'its agent'}"
    trace = f", trace {caller.trace_id}" if caller.trace_id else ""
    lines.append(run.pk, given.fence, [Said(said + trace)])
    return signal


@in_thread
def report_progress(caller: Caller, given: m.ReportProgress) -> m.Signal:
    run = held_run(caller, given.id)
    signal = _renewed(run, given.fence, given.percent, given.message)
    if given.message and given.message[:200] != run.message:
        lines.append(run.pk, given.fence, [Said(given.message)])
    tick = CommandRunProgress(
        command_run_id=run.pk,
        run_id=run.run_id,
        step_id=run.step_id,
        agent_id=run.agent_id,
        progress=given.percent,
        message=(given.message or "")[:200],
        text="",
        heartbeat_at=timezone.now(),
    )
    layer.push(run.project_id, tick.payload())
    return signal


def _renewed(run: CommandRun, fence: int, percent: int | None = None, message: str | None = None) -> m.Signal:
    """Renew the lease, for as long as a model may need. Raises StaleFence."""
    signal = lease.report(run.pk, fence, progress=percent, message=message)
    if not signal.alive or not patience.lengthen(run.pk, fence):
        raise StaleFence(TAKEN_BACK)
    if run.agent is not None:
        services.agent_heartbeat(run.agent)
    return m.Signal(cancel=signal.cancel, pause=signal.pause, lease_seconds=patience.lease_seconds())


@in_thread
def complete_command(caller: Caller, given: m.CompleteCommand) -> m.Completed:
    run = held_run(caller, given.id)
    ended = _failed(run, given, given.error) if given.error is not None else _finished(run, given)
    if run.agent is not None:
        services.agent_heartbeat(run.agent)
    return m.Completed(id=ended.pk, status=ended.status)


def _finished(run: CommandRun, given: m.CompleteCommand) -> CommandRun:
    """Write the output, or find that the same call did it before. Raises StaleFence."""
    output = given.output
    if not isinstance(output, dict):
        output = {"text" if isinstance(output, str) else "value": output}
    outcome = Outcome(output, given.input_tokens, given.output_tokens, given.model, demo=False)
    try:
        return lease.finish(run.pk, given.fence, outcome)
    except StaleFence:
        if done := repeats.finished_so(run.pk, given.fence, output):
            return done
        raise StaleFence(TAKEN_BACK) from None


def _failed(run: CommandRun, given: m.CompleteCommand, error: str) -> CommandRun:
    """The same for an error."""
    try:
        return lease.fail(run.pk, given.fence, Failure(given.error_code, error, retryable=given.retryable))
    except StaleFence:
        if done := repeats.failed_so(run.pk, given.fence, error):
            return done
        raise StaleFence(TAKEN_BACK) from None


def _self(agent: Agent) -> m.Self:
    return m.Self(
        agent_id=agent.pk,
        name=agent.name,
        type=agent.type,
        capabilities=agent.capabilities,
        status=agent.status,
        paused=agent.paused,
    )


def _held(agent_id: UUID) -> list[m.Held]:
    rows = CommandRun.objects.filter(agent_id=agent_id, status=RunStatus.RUNNING).select_related("command")
    return [
        m.Held(
            id=run.pk,
            command=run.command.name if run.command else "",
            title=run.title,
            fence=run.fence,
            progress=run.progress,
            cancel=run.cancel_requested,
        )
        for run in rows.order_by("started_at")[:MOST_HELD]
    ]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


TOOLS: tuple[Tool, ...] = (
    Tool(
        "whoami",
        "Who am I",
        "Introduce yourself, or ask who you are. Call it first. With a key for the whole fleet give a name, "
        "a type and your capabilities: that registers you, and the same name later is the same agent. It "
        "also lists commands you took earlier and have not completed.",
        m.WhoAmI,
        m.Identity,
        whoami,
        None,
        may_repeat=True,
    ),
    Tool(
        "heartbeat",
        "Heartbeat",
        "Say that you are alive and, if you like, what you are doing; people see it at once. Without any "
        "call for a minute you are shown as offline. It answers which of your commands you should stop.",
        m.Heartbeat,
        m.Beat,
        heartbeat,
        "agent",
        may_repeat=True,
    ),
    Tool(
        "next_command",
        "Next command",
        "Take the next command that waits for you; waits up to wait_s seconds for one. A command that is "
        "answered is yours: keep its id and fence, acknowledge it, do it and complete it. When `held` is not "
        "empty, go on with those first.",
        m.NextCommand,
        m.Next,
        next_command,
        "agent",
    ),
    Tool(
        "ack_command",
        "Acknowledge a command",
        "Say that you begin to work on a command you took. Renews your hold on it.",
        m.AckCommand,
        m.Signal,
        ack_command,
        "agent",
        may_repeat=True,
    ),
    Tool(
        "report_progress",
        "Report progress",
        "Say how far a command is. Renews your hold on it; call it at every step and at least every four "
        "minutes. When the answer says cancel, stop and complete the command with an error.",
        m.ReportProgress,
        m.Signal,
        report_progress,
        "agent",
        may_repeat=True,
    ),
    Tool(
        "complete_command",
        "Complete a command",
        "End a command you hold, with its output or with an error; exactly one of both. It is committed "
        "when this answers. An error that says the command was taken back means that your result was not "
        "kept: do not send it again.",
        m.CompleteCommand,
        m.Completed,
        complete_command,
        "agent",
    ),
)
