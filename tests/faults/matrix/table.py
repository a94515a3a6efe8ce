"""The table of the fault suite: one line a point, one column a fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import ceil

from tests.faults.matrix.case import ACTIONS, Result

NAMES = {
    "kill": "kill -9 itself",
    "kill_peer": "kill -9 a peer",
    "lose": "lost answer",
    "stop": "stopped past the lease",
}


def table(results: Iterable[Result]) -> str:
    """Markdown: how many runs each point survived under each fault, and how soon they moved again."""
    cells: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        cells[result.case.point, result.case.action].append(result)
    points = sorted({point for point, _ in cells})
    lines = [
        "| fail point | " + " | ".join(NAMES[action] for action in ACTIONS) + " |",
        "|---|" + "---|" * len(ACTIONS),
    ]
    for point in points:
        said = [_cell(cells[point, action]) for action in ACTIONS]
        lines.append(f"| `{point}` | {' | '.join(said)} |")
    return "\n".join(lines)


def summary(results: list[Result]) -> str:
    struck = [result for result in results if result.fired]
    wrong = [result for result in results if result.problems]
    lines = [
        f"{len(results)} runs, {len(struck)} struck by their fault, {len(wrong)} with a violation.",
        "",
        "| fault | runs struck | longest standstill of a run, p50 | p99 | most |",
        "|---|---|---|---|---|",
    ]
    for action in ACTIONS:
        still = sorted(result.silence for result in struck if result.case.action == action)
        if still:
            figures = [f"{one:.1f} s" for one in (_at(still, 0.5), _at(still, 0.99), still[-1])]
            lines.append(f"| {NAMES[action]} | {len(still)} | {' | '.join(figures)} |")
    return "\n".join(lines)


def violations(results: Iterable[Result]) -> list[str]:
    return [f"{one.case}{_with(one)}: {problem}" for one in results for problem in one.problems]


def _with(result: Result) -> str:
    return f" (killed: {result.peer})" if result.peer else ""


def _cell(results: list[Result]) -> str:
    struck = [result for result in results if result.fired]
    wrong = sum(bool(result.problems) for result in results)
    if wrong:
        return f"**{wrong} of {len(results)} violated**"
    return f"{len(struck)} ok" if struck else "not struck" if results else ""


def _at(ordered: list[float], part: float) -> float:
    return ordered[max(0, ceil(len(ordered) * part) - 1)]
