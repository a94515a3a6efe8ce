"""Progress and lines of several command runs as one call: which go together, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from mission_control.errors import Refused

if TYPE_CHECKING:
    from mission_control.outbox import Item

PATH = "agents/updates/"
REPORTS = ("progress", "logs")
MOST_UPDATES = 200
MOST_LOOKED_AT = 500
FEW_LINES = 20  # more are cheaper in a call of their own, where they count as one
STATUS = {"stale_fence": 409, "conflict": 409, "not_found": 404, "not_pull": 404, "forbidden": 403}


def together(items: Iterable[Item]) -> list[Item]:
    """The items from the first on that may be told in one call: reports that were not sent alone before,
    and none that would overtake something else of its command run. The first alone, if nothing joins it."""
    waiting = list(islice(items, MOST_LOOKED_AT))
    first = waiting[0]
    if not _may_join(first):
        return [first]
    chosen: list[Item] = []
    blocked: set[tuple[str, int]] = set()
    room = MOST_UPDATES
    for item in waiting:
        size = len(updates_of(item)) if _may_join(item) else room + 1
        if item.held in blocked or size > room:
            blocked.add(item.held)
            continue
        chosen.append(item)
        room -= size
    several = len({item.held for item in chosen}) > 1
    return chosen if several or first.is_batched else [first]


def _may_join(item: Item) -> bool:
    if item.kind not in REPORTS or len(item.body.get("lines", ())) > FEW_LINES:
        return False
    return item.is_batched or not item.is_tried


def updates_of(item: Item) -> list[dict[str, Any]]:
    """What one item is in a batch. Each line has an id of its own, the same however often it is sent."""
    of = {"command_run": item.command_run, "fence": item.fence}
    if item.kind == "progress":
        return [{"type": "progress", **of, **item.body}]
    event_id = item.body["event_id"]
    return [
        {"type": "log", **of, **line, "event_id": f"{event_id}:{number}"}
        for number, line in enumerate(item.body["lines"])
    ]


def outcomes(items: Sequence[Item], answer: Mapping[str, Any]) -> list[dict[str, Any] | Refused]:
    """What became of each item: what to hear, or why it is refused."""
    owner = [index for index, item in enumerate(items) for _ in updates_of(item)]
    said: list[dict[str, Any] | Refused] = [{} for _ in items]
    for one in answer.get("signals") or ():
        said[owner[one["index"]]] = {"cancel": bool(one.get("cancel")), "pause": bool(one.get("pause"))}
    for one in answer.get("rejected") or ():
        said[owner[one["index"]]] = Refused(STATUS.get(one.get("code", ""), 400), str(one.get("detail", "")))
    return said
