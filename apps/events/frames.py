"""What goes over a socket: frames, their encoding, and what may be merged. Plain Python.

A frame is one JSON object; several frames may travel as one JSON array. Events say `seq` and
`prev`, the number sent before, so that a client sees a gap at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from apps.events.journal import StoredEvent

MAX_FRAME_BYTES = 64 * 1024
HEARTBEAT_SECONDS = 15.0
MAX_LINES_CHARACTERS = 24 * 1024
# What a line takes beside its text: its number, attempt, level and time.
LINE_CHARACTERS = 100


def encode(frame: dict[str, Any]) -> str:
    return orjson.dumps(frame, option=orjson.OPT_UTC_Z).decode()


def ready(*, resumed: bool, epoch: object, seq: int, floor: int) -> str:
    return encode(
        {
            "type": "ready",
            "mode": "resumed" if resumed else "snapshot_required",
            "epoch": epoch,
            "seq": seq,
            "floor": floor,
            "heartbeat_ms": int(HEARTBEAT_SECONDS * 1000),
        }
    )


def mark(seq: int) -> str:
    return encode({"type": "mark", "seq": seq})


def reset(reason: str, *, epoch: object, seq: int) -> str:
    """Drop what you hold, fetch the snapshot; the next event's `prev` is this `seq`."""
    return encode({"type": "reset", "reason": reason, "epoch": epoch, "seq": seq})


def event(stored: StoredEvent, prev: int) -> str:
    return encode({"seq": stored.seq, "prev": prev, "kind": stored.kind, "at": stored.at, **stored.payload})


def chain(events: Iterable[StoredEvent], prev: int) -> Iterator[str]:
    """One frame an event, each naming the one before it."""
    for stored in events:
        yield event(stored, prev)
        prev = stored.seq


def merge(earlier: StoredEvent, later: StoredEvent) -> StoredEvent:
    """Two events of one entity as one: the newest state, but the change since the oldest.

    `previous_status` and `is_new` tell a client how counters move, so they are kept from the
    first of the merged ones.
    """
    kept: dict[str, Any] = {}
    if "previous_status" in later.payload and "previous_status" in earlier.payload:
        kept["previous_status"] = earlier.payload["previous_status"]
    if earlier.payload.get("is_new") and "is_new" in later.payload:
        kept["is_new"] = True
    return replace(later, payload={**later.payload, **kept}) if kept else later


def tick_key(tick: dict[str, Any]) -> tuple[str, str]:
    """What a tick is about: its type and the first of its ids."""
    for name, value in tick.items():
        if name.endswith("_id") and value:
            return str(tick.get("type")), str(value)
    return str(tick.get("type")), ""


def join_ticks(earlier: dict[str, Any] | None, later: dict[str, Any]) -> dict[str, Any]:
    """Two ticks of one thing as one: the newest state, and of appended `lines` as many of the
    newest as a frame holds with ease. Lines are numbered, so a reader sees which are missing."""
    if earlier is None or "lines" not in later or "lines" not in earlier:
        return later
    kept: list[Any] = []
    room = MAX_LINES_CHARACTERS
    for line in reversed([*earlier["lines"], *later["lines"]]):
        room -= len(line["text"]) + LINE_CHARACTERS
        if room < 0 and kept:
            break
        kept.append(line)
    return {**later, "lines": kept[::-1]}


def pack(frames: Iterable[str], limit: int = MAX_FRAME_BYTES) -> Iterator[tuple[str, int]]:
    """Join frames into messages of at most `limit` characters; yields (message, frames in it)."""
    waiting: list[str] = []
    size = 2
    for frame in frames:
        if waiting and size + len(frame) + 1 > limit:
            yield _joined(waiting), len(waiting)
            waiting, size = [], 2
        waiting.append(frame)
        size += len(frame) + 1
    if waiting:
        yield _joined(waiting), len(waiting)


def _joined(frames: list[str]) -> str:
    return frames[0] if len(frames) == 1 else f"[{','.join(frames)}]"
