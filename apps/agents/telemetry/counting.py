"""What a set of spans used in all: tokens and cost, each counted once. Plain Python, over rows as given.

The rules, so that nothing is counted twice and nothing that is not known becomes a number:

1. Only spans of the kind `llm` count. What an `agent` span says it used itself counts only if no `llm`
   span below it tells of any use, and then the outermost such span stands for all below it.
2. Totals that frameworks write on their agent spans under other names were never read as use.
3. An `llm` span inside another one is the same call, told by a second instrumentation: the outer counts.
4. Reasoning is a part of the output, cache reads and writes are beside the input as the sender has it;
   none of them is added to anything.
5. A span that is given more than once counts once: the last that is over, or else the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from apps.agents.telemetry import facts as f


class Row(Protocol):
    """A stored span, or the facts of one."""

    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_span_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def input_tokens(self) -> int | None: ...
    @property
    def output_tokens(self) -> int | None: ...
    @property
    def cache_read_tokens(self) -> int | None: ...
    @property
    def cache_write_tokens(self) -> int | None: ...
    @property
    def reasoning_tokens(self) -> int | None: ...
    @property
    def cost_usd(self) -> Decimal | None: ...
    @property
    def cost_source(self) -> str: ...


R = TypeVar("R", bound=Row)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums; None where no counted span says a number of the kind.

    `cost_usd` is the sum of what is known. `unpriced` spans used tokens at a cost nobody knows, so that
    the truth is then more than `cost_usd`. `cost_source` is `computed` if any part of the sum is.
    """

    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_source: str = f.UNKNOWN
    unpriced: int = 0


def tells_of_use(row: Row) -> bool:
    return row.input_tokens is not None or row.output_tokens is not None or row.cost_usd is not None


def counted(rows: Iterable[R]) -> list[R]:
    """The rows whose tokens and cost count, each span once, in the order given."""
    spans = _once(rows)
    users = {key: row for key, row in spans.items() if row.kind in (f.LLM, f.AGENT) and tells_of_use(row)}
    told_below: set[Key] = set()
    for key, row in users.items():
        if row.kind == f.LLM:
            _mark_above(key, spans, told_below)
    speakers = {key for key, row in users.items() if row.kind == f.LLM or key not in told_below}
    covered = _covered(spans, speakers)
    return [row for key, row in users.items() if key in speakers and key not in covered]


def totals(rows: Iterable[Row]) -> Totals:
    """The sums over what counts of these spans; a subtree's, if they are one."""
    chosen = counted(rows)
    costs = [row.cost_usd for row in chosen if row.cost_usd is not None]
    is_computed = any(row.cost_usd is not None and row.cost_source == f.COMPUTED for row in chosen)
    return Totals(
        calls=len(chosen),
        input_tokens=_sum(row.input_tokens for row in chosen),
        output_tokens=_sum(row.output_tokens for row in chosen),
        cache_read_tokens=_sum(row.cache_read_tokens for row in chosen),
        cache_write_tokens=_sum(row.cache_write_tokens for row in chosen),
        reasoning_tokens=_sum(row.reasoning_tokens for row in chosen),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        cost_source=f.UNKNOWN if not costs else f.COMPUTED if is_computed else f.REPORTED,
        unpriced=sum(row.cost_usd is None for row in chosen),
    )


def _once(rows: Iterable[R]) -> dict[Key, R]:
    spans: dict[Key, R] = {}
    for row in rows:
        key = (row.trace_id, row.span_id)
        held = spans.get(key)
        if held is None or row.status != f.OPEN or held.status == f.OPEN:
            spans[key] = row
    return spans


def _above(key: Key, spans: dict[Key, R]) -> Key | None:
    parent = spans[key].parent_span_id
    above = (key[0], parent)
    return above if parent and above in spans else None


def _mark_above(key: Key, spans: dict[Key, R], marked: set[Key]) -> None:
    """Mark every span above; stops at a marked one, which also ends a circle of parents."""
    above = _above(key, spans)
    while above is not None and above not in marked:
        marked.add(above)
        above = _above(above, spans)


def _covered(spans: dict[Key, R], speakers: set[Key]) -> set[Key]:
    """The spans with a speaker above them. Each span is walked over once, however deep the tree."""
    reaches: dict[Key, bool] = {}  # whether the span itself or one above it speaks
    for start in speakers:
        path: list[Key] = []
        key = _above(start, spans)
        while key is not None and key not in reaches:
            reaches[key] = key in speakers  # also ends a circle of parents
            path.append(key)
            if reaches[key]:
                break
            key = _above(key, spans)
        found = key is not None and reaches[key]
        for passed in path:
            reaches[passed] = found
    return {key for key in speakers if (above := _above(key, spans)) is not None and reaches[above]}


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
