"""Activities that log records tell of: a record says when a prompt began, none says when it was done.

So the next prompt of the same session ends the one before it, at the last that was heard of that. And
one conversation may have many prompts, of which the newest gives its title, in whichever order they come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q
from django.db.models.functions import Coalesce

from apps.agents.models import Span, SpanSource, SpanStatus
from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.merging import Key, Row, is_root_kind

SAID_AT = "event.timestamp"
NOT_OVER = (SpanStatus.OPEN, SpanStatus.UNKNOWN)


def is_prompt(row: Row) -> bool:
    return row["source"] == SpanSource.LOG and is_root_kind(row)


def said_at(project_id: UUID, held: Mapping[Key, Row], facts: Iterable[SpanFacts]) -> dict[Key, str]:
    """When the prompt was said that gave each of these conversations its title; a query if there are any."""
    keys = {key for fact in facts if (key := (fact.trace_id, fact.span_id)) in held and is_prompt(held[key])}
    if not keys:
        return {}
    found = Span.objects.filter(
        project_id=project_id,
        trace_id__in={trace_id for trace_id, _ in keys},
        span_id__in={span_id for _, span_id in keys},
    )
    rows = found.order_by().values_list("trace_id", "span_id", "data__attributes")
    return {(trace_id, span_id): stamp_of(values or {}) for trace_id, span_id, values in rows}


def stamp_of(attributes: Mapping[str, object]) -> str:
    """When it was said, as text that sorts; empty when it does not say."""
    stamp = attributes.get(SAID_AT)
    return stamp if isinstance(stamp, str) else ""


def end_earlier(project_id: UUID, changed: Iterable[Row]) -> set[UUID | None]:
    """End the prompts that were followed by another one in their session; returns their agents.

    What comes late of a prompt that was ended so moves its end.
    """
    told = [row for row in changed if row["source"] == SpanSource.LOG and row["session"]]
    sessions = {row["session"] for row in told if is_prompt(row)}
    agents: set[UUID | None] = set()
    if sessions:
        agents = _end(project_id, sessions)
    late = {(row["trace_id"], row["root_span_id"]) for row in told if row["ended_at"] and not is_prompt(row)}
    if late:
        _move_ends(project_id, late)
    return agents


def _end(project_id: UUID, sessions: Iterable[str]) -> set[UUID | None]:
    prompts = Span.objects.filter(
        Q(kind="agent") | Q(kind="workflow"), project_id=project_id, session__in=set(sessions),
        source=SpanSource.LOG,
    ).exclude(session="")  # fmt: skip
    by_session: dict[tuple[str, UUID | None], list[Span]] = defaultdict(list)
    # Sorted here: for the order SQLite would go through the whole project by age.
    for span in sorted(prompts.order_by(), key=lambda span: (span.started_at, span.span_id)):
        by_session[span.session, span.agent_id].append(span)
    followed = [span for found in by_session.values() for span in found[:-1] if span.status in NOT_OVER]
    ends = _last_signals(project_id, {(span.trace_id, span.span_id) for span in followed})
    for span in followed:
        end = max(ends.get((span.trace_id, span.span_id), span.started_at), span.started_at)
        Span.objects.filter(pk=span.pk).update(status=SpanStatus.OK, ended_at=end)
    return {span.agent_id for span in followed}


def _move_ends(project_id: UUID, keys: set[Key]) -> None:
    ended = Span.objects.filter(
        project_id=project_id, source=SpanSource.LOG, status=SpanStatus.OK,
        trace_id__in={trace_id for trace_id, _ in keys}, span_id__in={root for _, root in keys},
    ).order_by()  # fmt: skip
    found = {(span.trace_id, span.span_id): span for span in ended if span.span_id == span.root_span_id}
    ends = _last_signals(project_id, set(found) & keys)
    for key, end in ends.items():
        span = found[key]
        if span.ended_at is None or end > span.ended_at:
            Span.objects.filter(pk=span.pk).update(ended_at=end)


def _last_signals(project_id: UUID, keys: set[Key]) -> dict[Key, datetime]:
    """The newest start or end of the spans of each activity."""
    if not keys:
        return {}
    within = Span.objects.filter(
        project_id=project_id,
        trace_id__in={trace_id for trace_id, _ in keys},
        root_span_id__in={root for _, root in keys},
    ).exclude(status__in=NOT_OVER, span_id__in={root for _, root in keys})
    rows = within.order_by().values_list("trace_id", "root_span_id")
    ends = rows.annotate(end=Max(Coalesce("ended_at", "started_at")))
    return {(trace_id, root): end for trace_id, root, end in ends if (trace_id, root) in keys}
