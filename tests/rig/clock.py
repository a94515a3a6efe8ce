"""A clock that stands still as much as the machine is overbooked, for limits that speak of the product.

While more programs want a core than there are cores, whoever waits is not slow. Its second is one in
which everybody who wanted a core had one; on a quiet machine that is a second.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right
from pathlib import Path

EVERY = 0.2
STAT = Path("/proc/stat")


class MachineClock:
    """`with MachineClock() as clock: clock.between(began, ended)`; both are seconds of the epoch."""

    def __init__(self) -> None:
        self._cores = len(os.sched_getaffinity(0))
        self._at: list[float] = [time.time()]
        self._own: list[float] = [0.0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine-clock", daemon=True)

    def __enter__(self) -> MachineClock:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def now(self) -> float:
        """Its seconds since it began."""
        return self._own[-1]

    def between(self, began: float, ended: float) -> float:
        return self._of(ended) - self._of(began)

    def _of(self, at: float) -> float:
        """Its time at a moment; between two looks at the machine it goes as it did then."""
        index = bisect_right(self._at, at)
        if index == 0:
            return at - self._at[0]
        if index == len(self._at):
            return self._own[-1] + at - self._at[-1]
        before, after = self._at[index - 1], self._at[index]
        part = (at - before) / (after - before)
        return self._own[index - 1] + part * (self._own[index] - self._own[index - 1])

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            at = time.time()
            if at > self._at[-1]:
                # In this order: who sees the moment finds its time, too.
                self._own.append(self._own[-1] + (at - self._at[-1]) * min(1.0, self._cores / _wanting()))
                self._at.append(at)


def _wanting() -> int:
    """How many programs run or want to, ourselves left out; at least one."""
    if not STAT.exists():
        return 1
    line = next(line for line in STAT.read_text().splitlines() if line.startswith("procs_running"))
    return max(1, int(line.split()[1]) - 1)
