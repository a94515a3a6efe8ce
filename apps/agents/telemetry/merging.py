"""How what is held of a span and what an export now says of it become one row. Plain Python.

The rules: what is over is never opened again, a later word of what is over wins, a field that the
newer word leaves out keeps what was held, and what was only inferred gives way to anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apps.agents.telemetry import facts as f
from apps.agents.telemetry.facts import SpanFacts

Row = dict[str, Any]
Key = tuple[str, str]  # trace, span

UNKNOWN_STATUS = "unknown"
ROOT_KINDS = frozenset({f.AGENT, f.WORKFLOW})
OVER = frozenset({f.OK, f.ERROR})
# Of these a child proves that an agent is at work; the parent of anything else may be anything.
AGENT_WORKS = frozenset({f.LLM, f.TOOL})
INFERRED_NAME = "unfinished"

# The columns that an export gives, in the words of SpanFacts.
TOLD = (
    "parent_span_id", "kind", "source", "status", "name", "title", "started_at", "ended_at", "session",
    "provider", "model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "cost_usd", "cost_source", "tool", "call_id", "error_type", "error", "run_id",
    "step_id", "command_run_id",
)  # fmt: skip
# The columns that follow from the tree, and when we last heard of it.
DERIVED = ("root_span_id", "agent_id", "names_agent", "seen_at")
COLUMNS = ("trace_id", "span_id", *TOLD, *DERIVED)


def is_over(row: Row) -> bool:
    return row["status"] in OVER


def is_root_kind(row: Row) -> bool:
    return row["kind"] in ROOT_KINDS


def told(fact: SpanFacts) -> Row:
    """A row of what one export says of one span."""
    row = {name: getattr(fact, name) for name in TOLD}
    row["trace_id"], row["span_id"] = fact.trace_id, fact.span_id
    row["root_span_id"], row["agent_id"], row["names_agent"], row["seen_at"] = "", None, False, None
    return row


def merged(held: Row, new: Row) -> tuple[Row, bool]:
    """The row of both, and whether `new` was the stronger word. `held` is left as it is."""
    wins = is_over(new) or not is_over(held)
    strong, weak = (new, held) if wins else (held, new)
    row = dict(strong)
    for name in TOLD:
        if row[name] is None or row[name] == "":
            row[name] = weak[name]
    if row["cost_usd"] is not None and strong["cost_usd"] is None:
        row["cost_source"] = weak["cost_source"]
    if weak["source"] == f.INFERRED:  # it knew nothing but that there is such a span
        row["name"], row["kind"], row["started_at"] = strong["name"], strong["kind"], strong["started_at"]
    for name in DERIVED:
        row[name] = held[name]
    return row, wins


def inferred(trace_id: str, span_id: str, children: list[SpanFacts], *, is_over: bool) -> Row:
    """A row for a parent of which nothing was heard: it must be open, since its child was told of.

    `is_over`: the whole trace ended meanwhile, so it cannot be open any more.
    """
    row: Row = dict.fromkeys(COLUMNS, "")
    for name in COLUMNS:
        if name.endswith(("_at", "_tokens", "_usd")) or name in ("agent_id", "run_id", "step_id"):
            row[name] = None
    works = any(child.kind in AGENT_WORKS for child in children)
    return row | {
        "trace_id": trace_id,
        "span_id": span_id,
        "kind": f.AGENT if works else f.OTHER,
        "source": f.INFERRED,
        "status": UNKNOWN_STATUS if is_over else f.OPEN,
        "name": INFERRED_NAME,
        "started_at": min(child.started_at for child in children),
        "cost_source": f.UNKNOWN,
        "command_run_id": None,
        "names_agent": False,
    }


def guessed_again(held: Row, children: list[SpanFacts]) -> Row:
    """An inferred parent in the light of more children: as if all had come at once."""
    row = dict(held)
    earliest: datetime = min(child.started_at for child in children)
    row["started_at"] = min(held["started_at"], earliest)
    if any(child.kind in AGENT_WORKS for child in children):
        row["kind"] = f.AGENT
    return row
