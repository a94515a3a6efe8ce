"""One fault in one run, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.matrix.flows import Flow
from tests.faults.matrix.judge import STUCK

ACTIONS = ("kill", "kill_peer", "lose", "stop")
ENOUGH = 90.0  # seconds until a run that is not over is given up


@dataclass(frozen=True)
class Case:
    """One fault at one point in one run. `trouble` is what the flow `retry` has to get over; the
    fault strikes `times` in a row; what is stopped `for_good` wakes when the run is over; `expect`
    is how the run must end if not as ever, `patience` how long nothing may move."""

    flow: str
    point: str = ""
    action: str = ""
    after: int = 1
    trouble: str = "fail"
    times: int = 1
    for_good: bool = False
    expect: Flow | None = None
    patience: float = STUCK

    def __str__(self) -> str:
        return f"{self.point}#{self.after} {self.action} in {self.flow}"


@dataclass
class Result:
    case: Case
    problems: list[str]
    struck: int
    silence: float = 0.0
    seconds: float = 0.0
    peer: str = ""
    hits: Counter[str] = field(default_factory=Counter)

    @property
    def fired(self) -> bool:
        return self.struck > 0


# What strikes before the fault of the case, so that the workflow comes to what it is about.
FIRST = {"republished": Case("republished", "agents.dispatch.publish:before", "lose")}
