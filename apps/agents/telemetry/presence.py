"""An agent's status as its telemetry lets it be seen: busy while an activity of it is open.

It is written down as what the agent said of itself, with the signal as its heartbeat, so that
`status.py` derives the rest as for every agent. What an agent says in a heartbeat is stronger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from apps.agents import asking
from apps.agents.models import (
    Agent,
    AgentStatus,
    Connector,
    Provenance,
    Span,
    SpanKind,
    SpanSource,
    SpanStatus,
)
from apps.agents.status import refresh_agent
from apps.agents.telemetry import rows, sessions
from apps.agents.telemetry.facts import AgentFacts
from apps.agents.telemetry.senders import about
from apps.events import journal, layer
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.events.kinds import rfc3339
from apps.events.prepared import prepared

STALE_SECONDS = 120
LIMIT = 500
ROOT_KINDS = (SpanKind.AGENT, SpanKind.WORKFLOW)
ENDED = (SpanStatus.OK, SpanStatus.ERROR)
# A span of this name is open while somebody is asked for permission (Claude Code).
ASKS = "blocked_on_user"

# Others who know that an agent waits for people: given ids, they give those that do.
waiting_for_people: list[Callable[[Iterable[UUID]], set[UUID]]] = []


@dataclass(slots=True)
class Seen:
    """What its open spans say of one agent."""

    status: str = AgentStatus.IDLE
    task: str | None = None
    provenance: str = Provenance.EVENT


def heard(change: Change, agents: Mapping[UUID, AgentFacts | None], ended: Collection[UUID]) -> None:
    """Agents were heard of: derive anew what they do, from their stored spans; journal what changed.

    `ended` are those of which an activity was told to be over.
    """
    _derive(change, agents, ended, is_signal=True)


def _derive(
    change: Change, agents: Mapping[UUID, AgentFacts | None], ended: Collection[UUID], *, is_signal: bool
) -> None:
    if not agents:
        return
    moment = change.moment()
    seen = _seen(change.project_id, agents)
    ends = _newest_ends(ended)
    same: list[UUID] = []
    others: list[UUID] = []
    speaking: list[UUID] = []
    locked = Agent.objects.select_for_update(no_key=True).filter(pk__in=agents).order_by("pk")
    for agent in list(locked):
        if is_signal:
            _keep_facts(agent, agents[agent.pk])
        if agent.connector != Connector.PULL:
            others.append(agent.pk)
        elif _speaks_for_itself(agent, moment):
            speaking.append(agent.pk)
        else:
            found = seen.get(agent.pk) or Seen(provenance=_of_nothing_open(is_signal))
            if not _take_over(change, agent, found, ends.get(agent.pk, agent.last_error), is_signal):
                same.append(agent.pk)
    if is_signal:
        _tell_alive(change, same, heartbeat_at=moment, signal_at=moment)
        _tell_alive(change, others, signal_at=moment, provenance=Provenance.EVENT)
        _tell_alive(change, speaking)


def _of_nothing_open(is_signal: bool) -> Provenance:
    return Provenance.EVENT if is_signal else Provenance.INFERRED


def _take_over(change: Change, agent: Agent, seen: Seen, error: str, is_signal: bool) -> bool:
    """Write what was seen of the agent as its own word; False when all of it is known already."""
    known = (agent.said_status, agent.current_task, agent.provenance, agent.last_error)
    if known == (seen.status, seen.task, seen.provenance, error) and agent.status != AgentStatus.OFFLINE:
        return False
    fields: dict[str, Any] = {
        "said_status": seen.status,
        "current_task": seen.task,
        "provenance": seen.provenance,
    }
    if is_signal:
        fields |= {"heartbeat_at": change.moment(), "signal_at": change.moment()}
    Agent.objects.filter(pk=agent.pk).update(**fields)
    refresh_agent(change, agent.pk, active=is_signal, last_error=error)
    if seen.status == AgentStatus.WAITING and asking.reason(agent.pk):
        asking.show(change, agent.pk)  # with what people are asked
    return True


def _seen(project_id: UUID, agents: Iterable[UUID]) -> dict[UUID, Seen]:
    """What the open spans of these agents say; agents without any are absent."""
    ids = list(agents)
    spans = (
        # Without the project: SQLite would take it for the narrowest condition, and read all of its spans.
        Span.objects.filter(rows.IS_OPEN, agent_id__in=ids)
        .order_by("started_at", "id")
        .values_list("agent_id", "kind", "source", "name", "title", "span_id", "root_span_id")
    )
    found: dict[UUID, Seen] = {}
    asking: set[UUID] = set()
    rank: dict[UUID, tuple[bool, bool]] = {}
    for agent_id, kind, source, name, title, span_id, root_span_id in spans:
        if name.endswith(ASKS):
            asking.add(agent_id)
        if kind not in ROOT_KINDS:
            continue
        # The newest counts, but what is known before what is inferred and the whole before a part.
        inferred = source == SpanSource.INFERRED
        ranks = (not inferred, span_id == root_span_id)
        if ranks < rank.get(agent_id, (False, False)):
            continue
        rank[agent_id] = ranks
        found[agent_id] = Seen(
            AgentStatus.BUSY,
            None if inferred else (title or name),
            Provenance.INFERRED if inferred else Provenance.EVENT,
        )
    for ask in waiting_for_people:
        asking |= ask(ids)
    for agent_id in asking:
        found.setdefault(agent_id, Seen()).status = AgentStatus.WAITING
    return found


def _newest_ends(agents: Collection[UUID]) -> dict[UUID, str]:
    """How the newest activity of each that is over ended: its error, or empty when it went well."""
    if not agents:
        return {}
    roots = Span.objects.filter(
        one_of("kind", ROOT_KINDS), agent_id=OuterRef("pk"), status__in=ENDED
    ).order_by("-started_at", "-id")
    newest = Agent.objects.filter(pk__in=list(agents)).values_list("pk", Subquery(roots.values("pk")[:1]))
    of_span = {span_id: agent_id for agent_id, span_id in newest if span_id}
    ended = Span.objects.filter(pk__in=of_span).values_list("pk", "status", "error", "error_type", "name")
    return {
        of_span[pk]: (error or error_type or f"{name} failed") if status == SpanStatus.ERROR else ""
        for pk, status, error, error_type, name in ended
    }


def _speaks_for_itself(agent: Agent, moment: datetime) -> bool:
    """Whether it said its status in a heartbeat, and lately."""
    if agent.provenance != Provenance.LIVE or not agent.said_status or agent.heartbeat_at is None:
        return False
    return agent.heartbeat_at >= moment - timedelta(seconds=settings.MC.offline_seconds)


def _keep_facts(agent: Agent, facts: AgentFacts | None) -> None:
    if facts is None:
        return
    told = agent.facts | about(facts)
    description = agent.description or facts.description
    if (told, description) != (agent.facts, agent.description):
        Agent.objects.filter(pk=agent.pk).update(facts=told, description=description)


def _tell_alive(change: Change, ids: list[UUID], **fields: Any) -> None:
    """Nothing is new of them but when they were last heard of: a tick, as for heartbeats."""
    if not ids:
        return
    moment, project_id = change.moment(), change.project_id
    Agent.objects.filter(pk__in=ids).update(last_active=moment, **fields)

    def tell() -> None:
        for agent_id in ids:
            tick = {"type": "agent_seen", "agent_id": str(agent_id), "last_active": rfc3339(moment)}
            layer.push(project_id, tick)

    transaction.on_commit(tell)


def sweep() -> int:
    """What time does: open spans of which nothing was heard for two minutes are unknown, and agents
    with an open activity are not silent yet. Returns how many spans became unknown."""
    moment = now()
    since = moment - timedelta(seconds=STALE_SECONDS)
    _keep_busy_ones(moment, since)
    by_project: dict[UUID, list[int]] = defaultdict(list)
    for pk, project_id in _stale(since):
        by_project[project_id].append(pk)
    return sum(_forget(project_id, ids, since) for project_id, ids in by_project.items())


@prepared
def _stale(since: datetime) -> QuerySet[Span, tuple[int, UUID]]:
    return _open().filter(seen_at__lt=since).order_by("seen_at").values_list("pk", "project_id")[:LIMIT]


def _open() -> QuerySet[Span]:
    return Span.objects.filter(rows.IS_OPEN)


def _forget(project_id: UUID, ids: list[int], since: datetime) -> int:
    with journal.changes(project_id) as change:
        rows.lock(project_id)
        found = _open().filter(pk__in=ids, seen_at__lt=since)
        stale = list(found.values_list("pk", "agent_id", "trace_id"))
        Span.objects.filter(pk__in=[pk for pk, _, _ in stale]).update(status=SpanStatus.UNKNOWN)
        sessions.mark_traces(project_id, {trace_id for _, _, trace_id in stale})
        agents = {agent_id: None for _, agent_id, _ in stale}
        _derive(change, agents, (), is_signal=False)
    return len(stale)


def _at_work(since: datetime) -> QuerySet[Span]:
    return _open().filter(kind__in=ROOT_KINDS, seen_at__gte=since, agent_id__isnull=False)


@prepared
def _any_at_work(since: datetime) -> QuerySet[Span, int]:
    return _at_work(since).order_by().values_list("pk", flat=True)[:1]


def _keep_busy_ones(moment: datetime, since: datetime) -> None:
    """A long model call gives no signal; its agent would be taken for offline before its span is stale."""
    if not _any_at_work(since):
        return
    soon_silent = moment - timedelta(seconds=settings.MC.offline_seconds / 2)
    seen_only = [Provenance.EVENT, Provenance.INFERRED]
    Agent.objects.filter(
        pk__in=_at_work(since).values("agent_id"),
        connector=Connector.PULL,
        provenance__in=seen_only,
        heartbeat_at__lt=soon_silent,
    ).exclude(status=AgentStatus.OFFLINE).update(heartbeat_at=moment)
