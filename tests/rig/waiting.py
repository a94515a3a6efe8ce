"""Waiting for something to become true, with a deadline. The only way tests wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_never = threading.Event()


class NotInTime(AssertionError):
    """The awaited condition did not come true before its deadline."""


def until(
    condition: Callable[[], T | None],
    within: float = 30.0,
    what: str = "the condition",
    every: float = 0.05,
    ignoring: tuple[type[Exception], ...] = (),
) -> T:
    """Ask `condition` until it answers something true and return that answer.

    Exceptions named in `ignoring` count as "not yet"; the last one is shown when time is up.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            answer = condition()
            if answer:
                return answer
            last = answer
        except ignoring as error:
            last = error
        if time.monotonic() >= deadline:
            raise NotInTime(f"{what}: not within {within:g} s; last seen: {last!r}")
        _never.wait(every)
