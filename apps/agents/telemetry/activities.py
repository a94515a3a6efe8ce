"""Reads of stored spans: activities, their spans as a waterfall. A few queries a page, never
one a row.

An activity is the unit of a root span, the top-most agent or workflow span, with all that is below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.agents.models import Agent, Span, SpanData, SpanKind
from apps.agents.telemetry import counting
from apps.agents.telemetry.counting import Totals
from apps.agents.telemetry.facts import UNKNOWN
from apps.agents.telemetry.merging import Key
from apps.events.conditions import is_of, one_of

# More of one activity are not shown; its sums then come from the database, model calls only.
SPANS_SHOWN = 5000
SPANS_OF_RUN = 1000
ROOT_KINDS = (SpanKind.AGENT, SpanKind.WORKFLOW)

USED = (
    "trace_id", "span_id", "parent_span_id", "root_span_id", "kind", "status", "input_tokens",
    "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "cost_source",
)  # fmt: skip
SPAN_FIELDS = (
    "id", "trace_id", "span_id", "parent_span_id", "root_span_id", "kind", "source", "status", "name",
    "title", "started_at", "ended_at", "session", "provider", "model", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "cost_source", "tool",
    "call_id", "error_type", "error", "run_id", "step_id", "command_run_id",
)  # fmt: skip
AGENT_FIELDS = ("agent_id", "agent__name", "agent__type")
# Of spans that are found by their traces: for the bare column SQLite goes through the project by age.
OLDEST_FIRST = (Coalesce("started_at", "started_at"), "id")


def spans(project_id: UUID) -> QuerySet[Span]:
    return Span.objects.filter(project_id=project_id)


def linked(project_id: UUID, column: str, value: UUID) -> QuerySet[Span]:
    """Spans that name a run or a command run, with all of the activities that these are part of."""
    naming = Span.objects.filter(is_of(project_id), **{column: value})
    keys = list(naming.order_by().values_list("trace_id", "root_span_id").distinct()[:SPANS_SHOWN])
    within = Q(
        project_id=project_id,
        trace_id__in={trace_id for trace_id, _ in keys},
        root_span_id__in={root for _, root in keys if root},
    )
    return Span.objects.filter(Q(**{column: value}) | within, is_of(project_id))


def spans_of_run(project_id: UUID, run_id: UUID) -> dict[str, Any]:
    """What a run's agents did, the oldest first in the order of the tree, each span with its step."""
    found = span_rows(linked(project_id, "run_id", run_id).order_by(*OLDEST_FIRST)[: SPANS_OF_RUN + 1])
    rows = in_depth_order(found[:SPANS_OF_RUN])
    inherit_links(rows, run_id)
    return {"results": rows, "more": len(found) > SPANS_OF_RUN}


def inherit_links(rows: Sequence[dict[str, Any]], run_id: UUID | None = None) -> None:
    """Spans in the order of the tree that name no run, step or command run are of their parents'."""
    above: dict[Key, dict[str, Any]] = {}
    for row in rows:
        parent = above.get((row["trace_id"], row["parent_span_id"]), {})
        row["run_id"] = row["run_id"] or parent.get("run_id") or run_id
        for name in ("step_id", "command_run_id"):
            row[name] = row[name] or parent.get(name)
        above[row["trace_id"], row["span_id"]] = row


def roots(project_id: UUID) -> QuerySet[Span]:
    """The root spans of a project, with what a row of a list needs."""
    found = spans(project_id).filter(one_of("kind", ROOT_KINDS), root_span_id=F("span_id"))
    return found.select_related("agent")


def roots_of(project_id: UUID, keys: Sequence[Key]) -> dict[Key, Span]:
    """The root spans of these activities."""
    found = roots(project_id).filter(
        trace_id__in={trace_id for trace_id, _ in keys}, span_id__in={root for _, root in keys}
    )
    wanted = set(keys)
    rows = {(root.trace_id, root.span_id): root for root in found.order_by()}
    return {key: root for key, root in rows.items() if key in wanted}


def totals_of(project_id: UUID, keys: Sequence[Key]) -> dict[Key, Totals]:
    """What each of these activities used; two or three queries."""
    counts = _counts(project_id, list(keys))
    return _totals(project_id, {key: counts[key]["span_count"] for key in keys if key in counts})


def activity_rows(project_id: UUID, found: Sequence[Span]) -> list[dict[str, Any]]:
    """Activities as lists show them, of root spans; three queries however many they are."""
    keys = [(root.trace_id, root.span_id) for root in found]
    counts = _counts(project_id, keys)
    sums = _totals(project_id, {key: counts[key]["span_count"] for key in keys if key in counts})
    runs = _runs(project_id, keys)
    return [
        {
            "trace_id": root.trace_id,
            "span_id": root.span_id,
            "agent": _agent(root.agent),
            "title": root.title or root.name,
            "name": root.name,
            "session": root.session or counts.get(key, {}).get("session") or "",
            "status": root.status,
            "source": root.source,
            "started_at": root.started_at,
            "ended_at": root.ended_at,
            "error_type": root.error_type,
            "error": root.error,
            "span_count": counts.get(key, {}).get("span_count", 1),
            "llm_count": counts.get(key, {}).get("llm_count", 0),
            "tool_count": counts.get(key, {}).get("tool_count", 0),
            "run_id": root.run_id or runs.get(key, (None, None))[0],
            "command_run_id": root.command_run_id or runs.get(key, (None, None))[1],
        }
        | totals_row(sums.get(key, Totals()))
        for key, root in zip(keys, found, strict=True)
    ]


def totals_row(sums: Totals) -> dict[str, Any]:
    """Sums as the API gives them: what nobody told is null, never 0."""
    return {
        "tokens": {
            "input": sums.input_tokens,
            "output": sums.output_tokens,
            "cache_read": sums.cache_read_tokens,
            "cache_write": sums.cache_write_tokens,
            "reasoning": sums.reasoning_tokens,
        },
        "cost_usd": None if sums.cost_usd is None else float(sums.cost_usd),
        "cost_source": sums.cost_source,
        "unpriced_calls": sums.unpriced,
    }


def _within(project_id: UUID, keys: Iterable[Key]) -> QuerySet[Span]:
    """Spans of these activities, and of others in the same traces: look at `root_span_id`."""
    wanted = list(keys)
    return spans(project_id).filter(
        trace_id__in={trace_id for trace_id, _ in wanted}, root_span_id__in={root for _, root in wanted}
    )


def _counts(project_id: UUID, keys: list[Key]) -> dict[Key, dict[str, Any]]:
    rows = (
        _within(project_id, keys)
        .order_by()
        .values("trace_id", "root_span_id")
        .annotate(
            span_count=Count("id"),
            llm_count=Count("id", filter=Q(kind=SpanKind.LLM)),
            tool_count=Count("id", filter=Q(kind=SpanKind.TOOL)),
            session=Max("session"),
        )
    )
    return {(row["trace_id"], row["root_span_id"]): dict(row) for row in rows} if keys else {}


def _totals(project_id: UUID, sizes: dict[Key, int]) -> dict[Key, Totals]:
    small = [key for key, size in sizes.items() if size <= SPANS_SHOWN]
    large = [key for key, size in sizes.items() if size > SPANS_SHOWN]
    found: dict[Key, list[Any]] = defaultdict(list)
    if small:
        for row in _within(project_id, small).order_by().values_list(*USED, named=True):
            found[row.trace_id, row.root_span_id].append(row)
    return {key: counting.totals(found[key]) for key in small} | _summed(project_id, large)


def _summed(project_id: UUID, keys: list[Key]) -> dict[Key, Totals]:
    if not keys:
        return {}
    numbers = USED[6:12]
    rows: QuerySet[Span, Any] = (
        _within(project_id, keys)
        .filter(kind=SpanKind.LLM)
        .order_by()
        .values("trace_id", "root_span_id")
        .annotate(
            calls=Count("id"),
            priced=Count("cost_usd"),
            computed=Count("id", filter=Q(cost_source="computed")),
            **{f"sum_{name}": Sum(name) for name in numbers},
        )
    )
    return {
        (row["trace_id"], row["root_span_id"]): Totals(
            calls=row["calls"],
            unpriced=row["calls"] - row["priced"],
            cost_source=UNKNOWN if not row["priced"] else "computed" if row["computed"] else "reported",
            **{name: row[f"sum_{name}"] for name in numbers},
        )
        for row in rows
    }


def _runs(project_id: UUID, keys: list[Key]) -> dict[Key, tuple[UUID | None, UUID | None]]:
    """The run and the command run that a span of each activity names."""
    linked = _within(project_id, keys).filter(Q(run_id__isnull=False) | Q(command_run_id__isnull=False))
    rows = linked.order_by().values_list("trace_id", "root_span_id", "run_id", "command_run_id")
    return {(trace_id, root): (run, command) for trace_id, root, run, command in rows} if keys else {}


def activity(project_id: UUID, trace_id: str, span_id: str) -> dict[str, Any] | None:
    """One activity and its spans in the order of the tree, each with its depth; None when there is none."""
    root = roots(project_id).filter(trace_id=trace_id, span_id=span_id).first()
    if root is None:
        return None
    rows = span_rows(_within(project_id, [(trace_id, span_id)]).order_by(*OLDEST_FIRST)[: SPANS_SHOWN + 1])
    (about,) = activity_rows(project_id, [root])
    ordered = in_depth_order(rows[:SPANS_SHOWN])
    inherit_links(ordered)
    return about | {"truncated": len(rows) > SPANS_SHOWN, "spans": ordered}


def span_rows(found: QuerySet[Span]) -> list[dict[str, Any]]:
    """Spans as waterfalls show them, in the order given; one query."""
    return [span_row(row) for row in found.values(*SPAN_FIELDS, *AGENT_FIELDS)]


def span_row(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in SPAN_FIELDS}
    agent_id = row["agent_id"]
    shown["agent"] = agent_id and {"id": agent_id, "name": row["agent__name"], "type": row["agent__type"]}
    cost = shown["cost_usd"]
    shown["cost_usd"] = None if cost is None else float(cost)
    return shown


def in_depth_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every span after its parent and before its parent's next child; `depth` is 0 for those on top."""
    keys = {(row["trace_id"], row["span_id"]) for row in rows}
    children: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    tops: list[dict[str, Any]] = []
    for row in rows:
        above = (row["trace_id"], row["parent_span_id"])
        (children[above] if above in keys else tops).append(row)
    ordered: list[dict[str, Any]] = []
    placed: set[Key] = set()
    # What stands in a circle has no top: it comes last, from its earliest span on.
    for top in (*tops, *rows):
        waiting = [(top, 0)]
        while waiting:
            row, depth = waiting.pop()
            key = (row["trace_id"], row["span_id"])
            if key in placed:
                continue
            placed.add(key)
            ordered.append(row | {"depth": depth})
            waiting.extend((child, depth + 1) for child in reversed(children[key]))
    return ordered


def span_detail(project_id: UUID, pk: int) -> dict[str, Any] | None:
    """One span with its attributes; None when the project has none of that id."""
    row = spans(project_id).filter(pk=pk).values(*SPAN_FIELDS, *AGENT_FIELDS, "seen_at").first()
    if row is None:
        return None
    data = SpanData.objects.filter(span_id=pk).first() or SpanData()
    lasted = row["ended_at"] and (row["ended_at"] - row["started_at"]) / timedelta(milliseconds=1)
    return (
        span_row(row)
        | _links_of_root(project_id, row)
        | {
            "duration_ms": lasted,
            "seen_at": row["seen_at"],
            "attributes": data.attributes,
            "resource": data.resource,
            "events": data.events,
            "input": data.input,
            "output": data.output,
        }
    )


def _links_of_root(project_id: UUID, row: dict[str, Any]) -> dict[str, UUID | None]:
    """The run, the step and the command run of a span: its own, or else those of its activity."""
    names = ("run_id", "step_id", "command_run_id")
    found = {name: row[name] for name in names}
    if found["step_id"] or not row["root_span_id"]:
        return found
    key = {"trace_id": row["trace_id"], "span_id": row["root_span_id"]}
    root = spans(project_id).filter(**key).values(*names).first() or found
    return {name: found[name] or root[name] for name in names}


def _agent(agent: Agent | None) -> dict[str, Any] | None:
    return {"id": agent.pk, "name": agent.name, "type": agent.type} if agent else None
