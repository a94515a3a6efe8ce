"""Lines that are made last, told to those who listen inside the transaction.

`Change.record_last` makes a line when the project's counter row is already locked, too late for the
handlers of `journal.subscribe`, which may record more. A handler here may not: it may only write rows
that nobody who waits for the counter holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from apps.events.journal import Change, Handler, Recorded
from apps.events.kinds import EventBody

_listening: dict[str, list[Handler]] = defaultdict(list)


def subscribe(kind: str, handler: Handler) -> None:
    """Have `handler(event, change)` run inside the transaction, when the line of this kind is made."""
    if handler not in _listening[kind]:
        _listening[kind].append(handler)


def record(change: Change, kind: str, make: Callable[[], EventBody]) -> None:
    """`change.record_last`, heard by those who listen."""

    def made() -> EventBody:
        body = make()
        for handler in _listening[kind]:
            handler(Recorded(change.project_id, kind, body), change)
        return body

    change.record_last(kind, made)
