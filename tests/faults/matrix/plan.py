"""Which points the reference workflows must reach, and the cases made from them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from tests.faults.matrix.flows import FLOWS
from tests.faults.matrix.rig import ACTIONS, Case, Installation, Result


def _commit(*verbs: str) -> tuple[str, ...]:
    return tuple(f"{verb}:{when}_commit" for verb in verbs for when in ("before", "after"))


def _call(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}:{when}" for name in names for when in ("before", "after"))


WORKED = (
    *_commit("workflows.services.start_run", "agents.dispatch.dispatch"),
    *_commit("agents.lease.write"),
    *_call("agents.dispatch.publish", "agents.worker.connector", "engine.duty"),
    "agents.worker.message:taken",
    "events.layer.publish:after",
)
# By the agent that claims for itself and reports.
REPORTED = (*_call("agents.lease.report"), *_commit("agents.lease.claim"))

# Every point, and the workflows in which it must be reached. A point that is reached nowhere is a
# proof that nobody gives, so the suite fails then.
EXPECTED: dict[str, tuple[str, ...]] = {
    "line": (*WORKED, *REPORTED),
    "fan": WORKED,
    "retry": (
        *WORKED,
        *REPORTED,
        *_commit("agents.overdue.take_back", "agents.overdue.time_out"),
    ),
    "people": (
        *WORKED,
        *REPORTED,
        *_commit("workflows.approvals.decide", "workflows.engine.wake", "workflows.services.cancel_run"),
        *_commit("agents.lease.cancel"),
        *_commit("workflows.control.pause_run", "workflows.control.resume_run"),
    ),
}
TROUBLES = {"agents.overdue.take_back": "silent", "agents.overdue.time_out": "late"}
MOST_AFTER = 12


def discover(rig: Installation) -> tuple[dict[str, Counter[str]], list[Result]]:
    """Every flow without a fault: how often it reaches which points, and how it went."""
    reached: dict[str, Counter[str]] = {}
    results = []
    for name in FLOWS:
        reached[name] = Counter()
        for trouble in ("fail", "silent", "late") if name == "retry" else ("fail",):
            result = rig.suffer(Case(name, trouble=trouble))
            reached[name] |= result.hits
            results.append(result)
    return reached, results


def never_reached(reached: dict[str, Counter[str]]) -> list[str]:
    must = [(flow, point) for flow, points in EXPECTED.items() for point in points]
    return [f"{point} in {flow}" for flow, point in must if not reached[flow][point]]


def every_case(reached: dict[str, Counter[str]], seed: int) -> list[Case]:
    """Each point that was reached, or must be, with each fault; in an order that the seed decides."""
    rng = random.Random(seed)
    cases = []
    for flow, hits in reached.items():
        for point in sorted({*hits, *EXPECTED[flow]}):
            trouble = TROUBLES.get(point.partition(":")[0], "fail")
            for action in ACTIONS:
                after = rng.randint(1, min(MOST_AFTER, max(1, hits[point] // 2)))
                cases.append(Case(flow, point, action, after, trouble))
    rng.shuffle(cases)
    return cases


def once_more(result: Result) -> Case | None:
    """A fault that did not strike, because the point was reached less often than hoped, strikes at
    the first time."""
    return None if result.fired or result.case.after == 1 else replace(result.case, after=1)
