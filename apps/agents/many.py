"""What many updates do to rows: one transaction, a few statements whatever their number.

Rows are locked in the order of all verbs, command runs before agents, each kind by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from apps.agents import asking, dispatch, lines, services, shown
from apps.agents.events import CommandRunProgress
from apps.agents.models import Agent, AgentStatus, ClientEvent, CommandRun, Connector, Provenance, RunStatus
from apps.agents.moves import lease_time
from apps.agents.updates import (
    MOST_REGISTERED,
    Heartbeat,
    Line,
    Progress,
    Registration,
    Update,
    Wrong,
    read,
)
from apps.events import journal, layer
from apps.events.clock import now
from apps.events.conditions import is_of
from apps.events.journal import Change
from apps.events.kinds import rfc3339

KEPT = timedelta(hours=24)
PRUNED_AT_ONCE = 5_000
OLD = "It is of a moment before what is known already; nothing was changed."
HELD = ("pk", "fence", "status", "progress", "message", "cancel_requested", "attempt")
NOT_THERE = "There is no such command run among those of your agents."


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends updates: the key by which event ids are told apart, and its only agent if it has one."""

    project_id: UUID
    identity: UUID
    agent_id: UUID | None = None


@dataclass(slots=True)
class Answer:
    """What became of a request's updates; of single ones only what is not simply done."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, update: Update | int, code: str, detail: str) -> None:
        index = update if isinstance(update, int) else update.index
        self.rejected.append({"index": index, "code": code, "detail": detail})


def take(sender: Sender, given: Sequence[Any]) -> Answer:
    """Do what the updates say, in one transaction, each event id once in a day."""
    updates: list[Update] = []
    wrong = Answer()
    for index, one in enumerate(given):
        try:
            updates.append(read(index, one))
        except Wrong as error:
            wrong.reject(index, "invalid", str(error))
    try:
        answer = _take(sender, updates)
    except IntegrityError:  # somebody registered the same name at the same moment
        answer = _take(sender, updates)
    answer.rejected = sorted([*wrong.rejected, *answer.rejected], key=lambda one: one["index"])
    return answer


def _take(sender: Sender, updates: list[Update]) -> Answer:
    answer = Answer()
    with journal.changes(sender.project_id) as change:
        fresh = _fresh(change, sender, updates)
        answer.duplicates = len(updates) - len(fresh)
        batch = _Batch(change, sender, answer)
        batch.work([one for one in fresh if isinstance(one.said, Progress | Line)])
        batch.register([one for one in fresh if isinstance(one.said, Registration)])
        batch.live([one for one in fresh if isinstance(one.said, Heartbeat)])
        batch.tell()
        refused = {one["index"] for one in answer.rejected}
        _forget(sender, [one.event_id for one in fresh if one.index in refused and one.event_id])
        answer.accepted = len(fresh) - len(refused)
    return answer


def prune(moment: datetime | None = None) -> int:
    """Forget event ids of a day ago, so many at once; returns how many went."""
    old = ClientEvent.objects.filter(at__lt=(moment or now()) - KEPT).order_by("at")
    gone, _ = ClientEvent.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    ).delete()
    return gone


# --- event ids -----------------------------------------------------------------------------------


def _fresh(change: Change, sender: Sender, updates: list[Update]) -> list[Update]:
    """The updates whose event ids were not taken before; they are from now on."""
    first: dict[str, int] = {}
    for one in updates:
        if one.event_id:
            first.setdefault(one.event_id, one.index)
    new = _note(change.moment(), sender, first) if first else set()
    return [
        one
        for one in updates
        if not one.event_id or (one.event_id in new and first[one.event_id] == one.index)
    ]


def is_new(sender: Sender, event_id: str) -> bool:
    """Note an event id in the caller's transaction; False when it was taken before."""
    return bool(_note(now(), sender, [event_id]))


def _note(moment: datetime, sender: Sender, event_ids: Collection[str]) -> set[str]:
    mark = f"{sender.identity.hex}:"
    keys = sorted(mark + one for one in event_ids)  # in one order, so that two requests do not cross
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO agents_clientevent (project_id, key, at) SELECT %s, key, %s"
                " FROM jsonb_array_elements_text(%s::jsonb) AS given(key)"
                " ON CONFLICT DO NOTHING RETURNING key",
                [sender.project_id, moment, orjson.dumps(keys).decode()],
            )
            new = [key for (key,) in cursor.fetchall()]
    else:
        known = set(_events(sender, keys).values_list("key", flat=True))
        new = [key for key in keys if key not in known]
        with connection.cursor() as cursor:  # a tenth of what `bulk_create` costs
            cursor.executemany(
                "INSERT INTO agents_clientevent (project_id, key, at) VALUES (%s, %s, %s)",
                [(sender.project_id.hex, key, str(moment.replace(tzinfo=None))) for key in new],
            )
    return {key.removeprefix(mark) for key in new}


def _forget(sender: Sender, event_ids: Collection[str]) -> None:
    """What was refused may come again."""
    if event_ids:
        _events(sender, [f"{sender.identity.hex}:{one}" for one in event_ids]).delete()


def _events(sender: Sender, keys: Collection[str]) -> Any:
    return ClientEvent.objects.filter(project_id=sender.project_id, key__in=list(keys))


# --- what they do --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Seen:
    """What the newest updates say of one agent. `at` is when it was last heard of."""

    at: datetime
    status: str = ""
    task: str | None = None


@dataclass(slots=True)
class _Batch:
    change: Change
    sender: Sender
    answer: Answer
    seen: dict[UUID, _Seen] = field(default_factory=dict)
    ticks: list[dict[str, Any]] = field(default_factory=list)

    def work(self, updates: list[Update]) -> None:
        """Progress and lines of command runs that are held; both renew the lease."""
        if not updates:
            return
        runs = self._held({_run_of(one) for one in updates})
        moved: dict[UUID, CommandRun] = {}
        said: dict[UUID, list[lines.Said]] = {}
        newest: dict[UUID, Update] = {}
        for one in updates:
            run = runs.get(_run_of(one))
            if run is None or run.agent is None or run.agent.connector != Connector.PULL:
                self.answer.reject(one, "not_found", NOT_THERE)
                continue
            if run.status != RunStatus.RUNNING or run.fence != one.said.fence:  # type: ignore[union-attr]
                self.answer.reject(one, "stale_fence", "The lease was taken back or the command run is over.")
                continue
            moved[run.pk], newest[run.pk] = run, one
            said.setdefault(run.pk, []).extend(self._lines(run, one))
        for pk, run in moved.items():
            assert run.agent is not None
            if said[pk]:
                lines.add(run, said[pk])
            self._signal(newest[pk], cancel=run.cancel_requested, pause=run.agent.paused)
            self.seen.setdefault(run.agent.pk, _Seen(self.change.moment()))
            if isinstance(newest[pk].said, Progress):
                self.ticks.append(_tick(run, self.change.moment()))
        shown.renew(self.change.moment(), lease_time(), moved.values())

    def _held(self, ids: set[UUID]) -> dict[UUID, CommandRun]:
        found = CommandRun.objects.select_for_update(of=("self",), no_key=True).select_related("agent")
        found = found.filter(is_of(self.sender.project_id), pk__in=sorted(ids)).order_by("pk")
        if self.sender.agent_id is not None:
            found = found.filter(agent_id=self.sender.agent_id)
        return {run.pk: run for run in found}

    def _lines(self, run: CommandRun, one: Update) -> Iterable[lines.Said]:
        if isinstance(one.said, Line):
            yield lines.Said(one.said.text, one.said.level, one.at)
        elif isinstance(one.said, Progress):
            # Whatever the order they come in: what was reached in an attempt stays reached.
            run.progress = max(run.progress, one.said.progress)
            if one.said.message and one.said.message != run.message:
                run.message = one.said.message
                yield lines.Said(run.message, at=one.at)

    def _signal(self, one: Update, *, cancel: bool, pause: bool) -> None:
        if cancel or pause:
            self.answer.signals.append({"index": one.index, "cancel": cancel, "pause": pause})

    def register(self, updates: list[Update]) -> None:
        """Make agents known; the same name is the same agent."""
        known = [(one, one.said) for one in updates if isinstance(one.said, Registration)]
        names = [said.name for _, said in known]
        if not names:
            return
        taken = Agent.objects.filter(project_id=self.sender.project_id, name__in=names)
        foreign = set(taken.exclude(connector=Connector.PULL).values_list("name", flat=True))
        own = None
        if self.sender.agent_id is not None:
            own = set(taken.filter(pk=self.sender.agent_id).values_list("name", flat=True))
        for number, (one, said) in enumerate(known):
            if said.name in foreign:
                self.answer.reject(one, "conflict", "The name belongs to an agent of another connector.")
            elif own is not None and said.name not in own:
                self.answer.reject(one, "forbidden", "Your key belongs to another agent.")
            elif number >= MOST_REGISTERED:
                self.answer.reject(one, "too_many", f"At most {MOST_REGISTERED} in one request.")
            else:
                services.register_agent(
                    self.sender.project_id,
                    name=said.name,
                    type=said.type,
                    capabilities=said.capabilities,
                    key_id=self.sender.identity,
                )

    def live(self, updates: list[Update]) -> None:
        """Heartbeats. The newest says what an agent does; one of before what is known changes nothing."""
        moment = self.change.moment()
        wanted = [(one, one.said) for one in updates if isinstance(one.said, Heartbeat)]
        ids = {said.agent for _, said in wanted if isinstance(said.agent, UUID)} | set(self.seen)
        names = {said.agent for _, said in wanted if isinstance(said.agent, str)}
        agents = _agents(self.sender, ids, names)
        by_name = {agent.name: agent for agent in agents.values()} if names else {}
        for one, said in sorted(wanted, key=lambda pair: (pair[0].at or moment, pair[0].index)):
            agent = agents.get(said.agent) if isinstance(said.agent, UUID) else by_name.get(said.agent)
            if agent is None:
                self.answer.reject(one, "not_found", "There is no such agent among yours.")
                continue
            if agent.connector != Connector.PULL:
                self.answer.reject(one, "not_pull", "This agent is not one that asks for its work.")
                continue
            at = min(one.at or moment, moment)
            if one.at and agent.heartbeat_at is not None and at < agent.heartbeat_at:
                continue
            seen = self.seen.setdefault(agent.pk, _Seen(at))
            seen.at = max(seen.at, at)
            if said.status:
                seen.status, seen.task = said.status, said.task
            if agent.paused:
                self._signal(one, cancel=False, pause=True)
        self._show(agents)

    def _show(self, agents: dict[UUID, shown.Row]) -> None:
        """Write what was seen of the agents; those whose shown state it changes are derived anew."""
        same: list[shown.Alive] = []
        changed: dict[UUID, shown.Alive] = {}
        for pk, seen in self.seen.items():
            row = agents[pk]
            status = seen.status
            if status and row.said_status == AgentStatus.WAITING and asking.reason(pk):
                status = ""  # people must answer it, whatever it says
            # Without a status it only says that it lives; what its telemetry said of its status stands.
            provenance = Provenance.LIVE if status or not row.provenance else row.provenance
            active = max(seen.at, row.last_active)
            alive = shown.Alive(pk, seen.at, active, status, seen.task, provenance, self.sender.identity)
            if _is_same(row, alive):
                same.append(alive)
            else:
                changed[pk] = alive
        shown.write(same)
        told = [*same, *shown.derive(self.change, changed)]
        self.ticks += [
            {"type": "agent_seen", "agent_id": str(one.agent_id), "last_active": rfc3339(one.at)}
            for one in told
        ]
        if changed:
            project_id = self.sender.project_id
            transaction.on_commit(lambda: dispatch.poke(project_id))

    def tell(self) -> None:
        """After the commit, in one message: ticks, which may be lost."""
        if self.ticks:
            project_id, ticks = self.sender.project_id, self.ticks
            transaction.on_commit(lambda: layer.push_all(project_id, ticks))


def _run_of(one: Update) -> UUID:
    assert isinstance(one.said, Progress | Line)
    return one.said.command_run


def _is_same(row: shown.Row, alive: shown.Alive) -> bool:
    if row.status in (AgentStatus.OFFLINE, AgentStatus.PAUSED) or row.provenance != alive.provenance:
        return False
    shows = (row.status, row.said_status, row.current_task)
    return not alive.status or shows == (alive.status, alive.status, alive.task)


def _agents(sender: Sender, ids: set[UUID], names: set[str]) -> dict[UUID, shown.Row]:
    wanted = [Q(is_of(sender.project_id), pk__in=ids)] if ids else []
    wanted += [Q(project_id=sender.project_id, name__in=names)] if names else []
    found: dict[UUID, shown.Row] = {}
    for one in wanted:
        rows = Agent.objects.filter(one).order_by()
        if sender.agent_id is not None:
            rows = rows.filter(pk=sender.agent_id)
        found |= {row[0]: shown.Row(*row) for row in rows.values_list(*shown.Row._fields)}
    return found


def _tick(run: CommandRun, moment: datetime) -> dict[str, Any]:
    return CommandRunProgress(
        command_run_id=run.pk,
        run_id=run.run_id,
        step_id=run.step_id,
        agent_id=run.agent_id,
        progress=run.progress,
        message=run.message,
        text="",
        heartbeat_at=moment,
    ).payload()
