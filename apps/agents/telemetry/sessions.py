"""Sessions: what several activities belong to. Their rows are kept beside the spans, so that a list of
them reads none.

Who stores spans marks their sessions stale; the sums are made from the spans, by the engine soon
after, and for whoever reads a session that is still stale.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from apps.agents.models import Agent, CostSource, Session, SessionStatus, Span, SpanKind, SpanStatus
from apps.agents.telemetry import activities
from apps.agents.telemetry.counting import Totals
from apps.agents.telemetry.merging import Key, Row, is_root_kind
from apps.events import bulk
from apps.events.conditions import is_of

AGENTS_SHOWN = 5
ACTIVITIES_SHOWN = 50
AT_ONCE = 1_000  # activities
SUMMED_AT_ONCE = 50
SECONDS_A_ROUND = 0.5
MOST_ALIKE = 100  # agents whose name a search finds
NUMBERS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
SUMS = ("status", "agents", "activities", "errors", *NUMBERS, "cost_usd", "cost_source", "unpriced_calls")
MOST = 2**63 - 1
MOST_USD = Decimal(10) ** 10 - 1


def mark(project_id: UUID, written: Iterable[Row]) -> None:
    """Spans were stored: their sessions, and those of their activities, are stale. A few statements.

    The caller holds the lock of the project's spans.
    """
    named: dict[str, list[datetime]] = defaultdict(list)
    nameless: set[str] = set()
    for row in written:
        if row["session"]:
            named[row["session"]] += [row["started_at"], row["ended_at"] or row["started_at"]]
        elif row["root_span_id"] and (row["kind"] == SpanKind.LLM or is_root_kind(row)):
            nameless.add(row["trace_id"])
    if nameless:
        mark_traces(project_id, nameless)
    # Unordered: for the order SQLite would go through all sessions of the project.
    known = Session.objects.filter(project_id=project_id, name__in=list(named)).order_by()
    held = {row.name: row for row in known} if named else {}
    for name, one in held.items():
        one.first_at, one.last_at = min(one.first_at, *named[name]), max(one.last_at, *named[name])
        one.stale, one.changes = True, one.changes + 1
    bulk.write(list(held.values()), "first_at", "last_at", "stale", "changes")
    Session.objects.bulk_create(
        Session(project_id=project_id, name=name, first_at=min(moments), last_at=max(moments))
        for name, moments in named.items()
        if name not in held
    )


def mark_traces(project_id: UUID, traces: Iterable[str]) -> None:
    """The sessions that these traces name are stale."""
    spans = activities.spans(project_id).filter(trace_id__in=set(traces)).exclude(session="")
    # No bare column, here and below: to find what differs in it SQLite would go through the project.
    told = spans.order_by().annotate(told=Coalesce("session", "session"))
    names = set(told.values_list("told", flat=True).distinct())
    if names:
        found = Session.objects.filter(project_id=project_id, name__in=names).order_by()
        found.update(stale=True, changes=F("changes") + 1)


def is_due() -> bool:
    return Session.objects.filter(stale=True).order_by().exists()


def sum_stale(seconds: float = SECONDS_A_ROUND) -> int:
    """Make the sums of sessions that changed, slice by slice for so long; returns how many.

    Each of them once: those that change all the time must not keep a round going.
    """
    until = time.monotonic() + seconds
    count = last = 0
    while stale := list(Session.objects.filter(stale=True, id__gt=last).order_by("id")[:SUMMED_AT_ONCE]):
        _sum_all(stale)
        count, last = count + len(stale), stale[-1].pk
        if len(stale) < SUMMED_AT_ONCE or time.monotonic() >= until:
            break
    return count


def _sum_all(stale: Sequence[Session]) -> None:
    by_project: dict[UUID, list[Session]] = defaultdict(list)
    for row in stale:
        by_project[row.project_id].append(row)
    for project_id, rows in by_project.items():
        sums = _sums(project_id, [row.name for row in rows])
        for row in rows:
            # What changed meanwhile stays stale.
            Session.objects.filter(pk=row.pk, changes=row.changes).update(stale=False, **sums[row.name])


@dataclass(slots=True)
class _Named:
    """What names one session."""

    keys: dict[Key, None] = field(default_factory=dict)
    agents: dict[UUID, datetime] = field(default_factory=dict)


def _sums(project_id: UUID, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The columns of `SUMS` of each session, from its spans."""
    named = _named(project_id, names)
    keys = list({key for one in named.values() for key in one.keys})
    roots: dict[Key, Span] = {}
    totals: dict[Key, Totals] = {}
    for some in (keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE)):
        roots |= activities.roots_of(project_id, some)
        totals |= activities.totals_of(project_id, some)
    return {name: _sum(one, roots, totals) for name, one in named.items()}


def _named(project_id: UUID, names: Sequence[str]) -> dict[str, _Named]:
    found = {name: _Named() for name in names}
    spans = activities.spans(project_id).filter(session__in=list(names)).exclude(session="").order_by()
    of_trace = spans.annotate(trace=Coalesce("trace_id", "trace_id"))
    rows = of_trace.values_list("session", "trace", "root_span_id", "agent_id").annotate(Min("started_at"))
    for name, trace_id, root, agent_id, began in rows:
        one = found[name]
        if root:
            one.keys[trace_id, root] = None
        if agent_id is not None:
            one.agents[agent_id] = min(began, one.agents.get(agent_id, began))
    return found


def _sum(one: _Named, roots: Mapping[Key, Span], totals: Mapping[Key, Totals]) -> dict[str, Any]:
    tops = sorted((roots[key] for key in one.keys if key in roots), key=lambda root: root.started_at)
    sums = [totals[key] for key in one.keys if key in totals]
    agents = sorted(one.agents, key=one.agents.__getitem__)[:AGENTS_SHOWN]
    cost = _known(each.cost_usd for each in sums)
    is_computed = any(each.cost_source == CostSource.COMPUTED for each in sums)
    return {
        "status": _status(tops),
        "agents": [str(agent_id) for agent_id in agents],
        "activities": len(tops),
        "errors": sum(root.status == SpanStatus.ERROR for root in tops),
        "cost_usd": None if cost is None else min(cost, MOST_USD),
        "cost_source": CostSource.UNKNOWN
        if cost is None
        else CostSource.COMPUTED if is_computed else CostSource.REPORTED,
        "unpriced_calls": sum(each.unpriced for each in sums),
    } | {
        name: None if (number := _known(getattr(each, name) for each in sums)) is None else min(number, MOST)
        for name in NUMBERS
    }  # fmt: skip


def _status(tops: Sequence[Span]) -> SessionStatus:
    """Of activities in the order in which they began."""
    if any(root.status == SpanStatus.OPEN for root in tops):
        return SessionStatus.OPEN
    is_known = bool(tops) and tops[-1].status != SpanStatus.UNKNOWN
    return SessionStatus.ENDED if is_known else SessionStatus.UNKNOWN


def _known(values: Iterable[Any]) -> Any:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def sessions(project_id: UUID, agent: Agent | None = None, search: str = "") -> QuerySet[Session]:
    """Sessions of a project; of an agent, or with `search` in their id or in the name of one of theirs."""
    found = Session.objects.filter(project_id=project_id)
    here = Span.objects.filter(session=OuterRef("name")).exclude(session="")
    if agent is not None:
        found = found.filter(Exists(here.filter(agent=agent)))
    if search:
        alike = Agent.objects.filter(project_id=project_id, name__icontains=search)
        ids = list(alike.order_by("pk").values_list("pk", flat=True)[:MOST_ALIKE])
        found = found.filter(Q(name__icontains=search) | Exists(here.filter(agent_id__in=ids)))
    return found


def session_rows(project_id: UUID, found: Sequence[Session]) -> list[dict[str, Any]]:
    """Sessions as lists show them; one query for their agents, and four for those that are stale."""
    stale = [row for row in found if row.stale]
    sums = _sums(project_id, [row.name for row in stale]) if stale else {}
    for row in stale:
        for name, value in sums[row.name].items():
            setattr(row, name, value)
    ids = {agent_id for row in found for agent_id in row.agents}
    agents = Agent.objects.filter(is_of(project_id), pk__in=ids).order_by() if ids else Agent.objects.none()
    known = {str(pk): {"id": pk, "name": name} for pk, name in agents.values_list("pk", "name")}
    return [
        {name: getattr(row, name) for name in ("first_at", "last_at", *SUMS)}
        | {
            "id": row.name,
            "agents": [known[agent_id] for agent_id in row.agents if agent_id in known],
            "cost_usd": None if row.cost_usd is None else float(row.cost_usd),
        }
        for row in found
    ]


def session(project_id: UUID, name: str) -> dict[str, Any] | None:
    """A session with its newest activities; None when no span names it."""
    row = Session.objects.filter(project_id=project_id, name=name).first()
    if row is None:
        return None
    (about,) = session_rows(project_id, [row])
    keys = list(_named(project_id, [name])[name].keys)
    tops: list[Span] = []
    for some in (keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE)):
        tops += activities.roots_of(project_id, some).values()
        tops = sorted(tops, key=lambda root: (root.started_at, root.pk), reverse=True)[: ACTIVITIES_SHOWN + 1]
    return about | {
        "activity_count": about["activities"],
        "activities": activities.activity_rows(project_id, tops[:ACTIVITIES_SHOWN]),
        "more": len(tops) > ACTIVITIES_SHOWN,
    }
