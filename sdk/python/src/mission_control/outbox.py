"""What a worker has to tell the server, sent in order by one thread, kept on disk while it cannot be.

A result is on disk before it is sent, so that it survives the process. Progress and log lines are
in memory while the server answers, and on disk within a second when it does not. What waits to be said
of several command runs goes in one call.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from mission_control import batches
from mission_control.errors import Refused, Unreachable
from mission_control.spool import Spool
from mission_control.transport import Transport, to_json

logger = logging.getLogger("mission_control")

PROGRESS, LOG, RESULT, RETURN = "progress", "logs", "result", "return"
MOST_BYTES = 64 * 2**20
MOST_AGE_SECONDS = 24 * 3600.0
MOST_LINES = 500
MOST_LINE_BYTES = 256 * 2**10
MOST_BROKEN = 20  # answers 500 to one item, before it is dropped so that others get through
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
GATEWAY_STATUS = (502, 503, 504)
UNFIT_STATUS = (400, 413, 422)  # said of what was sent
UNKNOWN_STATUS = (404, 405)  # said by a server of before batches

_numbers = itertools.count()


def _new_name() -> str:
    return f"{time.time_ns():020d}-{next(_numbers):09d}-{os.urandom(3).hex()}"


@dataclass
class Item:
    """One call about one command run. `name` orders them, over restarts too."""

    kind: str
    command_run: str
    fence: int
    body: dict[str, Any]
    name: str = field(default_factory=_new_name)
    at: float = field(default_factory=time.time)
    is_kept: bool = False  # on disk as it is
    is_tried: bool = False  # the server may have it already
    is_batched: bool = False  # together with others, and so it stays: its lines have other ids there
    broken: int = 0

    @property
    def held(self) -> tuple[str, int]:
        return self.command_run, self.fence

    def kept(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "command_run": self.command_run,
            "fence": self.fence,
            "body": self.body,
            "at": self.at,
            "is_batched": self.is_batched,
        }


# Told what came of an item: the answer, or the error when it will not be sent again.
Hear = Callable[[Item, "dict[str, Any] | Refused"], None]


class Outbox:
    """`put` never blocks on the network. `hear` is called on the outbox's own thread."""

    def __init__(self, transport: Transport, spool: Spool, hear: Hear) -> None:
        self._transport = transport
        self._spool = spool
        self._hear = hear
        self._items: deque[Item] = deque()
        self._sending: list[Item] = []
        self._takes_batches = True
        self._news = threading.Condition()
        self._closed = False
        self.is_away = False
        self._thread = threading.Thread(target=self._run, name="mission-control-outbox", daemon=True)

    def start(self) -> None:
        """Begin with what an earlier process left."""
        for name in self._spool.names():
            item = _read(name, self._spool.read(name))
            if item is None:
                self._spool.drop(name)
            else:
                self._items.append(item)
        if self._items:
            logger.info("%d items of an earlier process are sent first", len(self._items))
        self._thread.start()

    def put(self, item: Item) -> None:
        with self._news:
            if self._merged(item):
                return
            if item.kind == RESULT:
                self._keep(item)
            self._items.append(item)
            self._news.notify_all()

    def has_progress(self, held: tuple[str, int]) -> bool:
        """Whether a progress of this work waits already, which will renew its lease as well."""
        with self._news:
            return any(item.kind == PROGRESS and item.held == held for item in self._items)

    def wait_empty(self, within: float) -> bool:
        """Whether everything was sent within so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: not self._items, within)

    def close(self) -> None:
        """Stop sending, leave the rest on disk, and leave the spool to the next process."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._thread.join(timeout=20)
        with self._news:
            self._keep_all()
        self._spool.close()
        if self._items:
            logger.warning("%d items could not be sent and are kept for the next start", len(self._items))

    def _merged(self, item: Item) -> bool:
        """Fold it into one that waits: the newest progress, more lines. Under the lock."""
        for other in reversed(self._items):
            if other.held != item.held or _is_among(other, self._sending):
                continue
            if item.kind == other.kind == PROGRESS:
                other.body.update(item.body)
            elif item.kind == other.kind == LOG and not other.is_tried and _have_room(other, item):
                other.body["lines"].extend(item.body["lines"])
            elif item.kind == PROGRESS and other.kind == LOG:
                continue
            else:
                return False
            other.is_kept = False
            return True
        return False

    def _run(self) -> None:
        tries = 0
        while items := self._next():
            item = items[0]
            if len(items) > 1 or item.is_batched:
                tries = self._send_batch(items, tries)
                continue
            if time.time() - item.at > MOST_AGE_SECONDS:
                self._refused(item, Refused(410, "It is too old to be sent."))
                continue
            try:
                answer = self._transport.call("POST", _path(item), _body(item))
            except (Unreachable, Refused) as error:
                if isinstance(error, Refused) and not self._goes_on(item, error):
                    self._refused(item, error)
                    tries = 0
                else:
                    self._pause(error, tries)
                    tries += 1
            except (TypeError, ValueError) as error:
                self._refused(item, Refused(400, f"It cannot be written as JSON: {error}"))
            else:
                tries = 0
                self._done(item)
                self._hear(item, answer if isinstance(answer, dict) else {})

    def _send_batch(self, items: list[Item], tries: int) -> int:
        """Send them in one call; returns the number of tries that failed. What the server refuses as a
        whole is sent one by one, so that what is wrong with one holds nobody up."""
        updates = [update for item in items for update in batches.updates_of(item)]
        try:
            answer = self._transport.call("POST", batches.PATH, {"updates": updates})
            said = batches.outcomes(items, answer if isinstance(answer, dict) else {})
        except Unreachable as error:
            self._pause(error, tries)
            return tries + 1
        except Refused as error:
            if error.is_passing and (error.status < 500 or error.status in GATEWAY_STATUS):
                self._pause(error, tries)
                return tries + 1
            self._takes_batches = self._takes_batches and error.status not in UNKNOWN_STATUS
            self._part(items)
            return 0
        except (TypeError, ValueError, KeyError, IndexError):
            self._part(items)
            return 0
        for item, one in zip(items, said, strict=True):
            if isinstance(one, Refused):
                self._refused(item, one)
            else:
                self._done(item)
                self._hear(item, one)
        return 0

    def _part(self, items: list[Item]) -> None:
        """Nothing of a batch was taken: each of its items goes alone."""
        with self._news:
            for item in items:
                item.is_batched = item.is_kept = False

    def _next(self) -> list[Item]:
        """What is sent now: one item, or several reports together. Empty: nothing any more."""
        with self._news:
            self._sending = []
            self._news.wait_for(lambda: self._closed or self._items)
            if self._closed and (self.is_away or not self._items):
                return []
            chosen = batches.together(self._items) if self._takes_batches else [self._items[0]]
            for item in chosen:
                item.is_tried = True
                if len(chosen) > 1 and not item.is_batched:
                    item.is_batched, item.is_kept = True, False
            self._sending = chosen
            return chosen

    def _goes_on(self, item: Item, error: Refused) -> bool:
        """Whether the item is to be sent again."""
        if error.status >= 500 and error.status not in GATEWAY_STATUS:
            item.broken += 1
            return item.broken < MOST_BROKEN
        return error.is_passing

    def _pause(self, error: Unreachable | Refused, tries: int) -> None:
        if not self.is_away:
            logger.warning("the server is away, what it is to be told is kept: %s", error)
        pause = backoff(tries, error)
        until = time.monotonic() + pause
        with self._news:
            self.is_away = True
            self._sending = []
            while not self._closed and (rest := until - time.monotonic()) > 0:
                self._keep_all()
                self._news.wait_for(lambda: self._closed, min(rest, 1.0))

    def _done(self, item: Item) -> None:
        if self.is_away:
            logger.info("the server is back")
        with self._news:
            self.is_away = False
            self._sending = [one for one in self._sending if one is not item]
            if item in self._items:
                self._items.remove(item)
            self._spool.drop(item.name)
            self._news.notify_all()

    def _refused(self, item: Item, error: Refused) -> None:
        """It will not be taken. An output that is refused becomes an error, so that people see why."""
        if item.kind == RESULT and "output" in item.body and error.status in UNFIT_STATUS:
            failed = {"code": "bad_output", "message": f"The output was refused: {error.detail}"[:4000]}
            self.put(Item(RESULT, item.command_run, item.fence, {"error": failed}))  # before it is gone
            self._done(item)
            return
        self._done(item)
        if error.status in (404, 409):
            self._forget(item)
        else:
            logger.error("%s of command run %s dropped: %s", item.kind, item.command_run, error.detail)
        self._hear(item, error)

    def _forget(self, item: Item) -> None:
        """The lease is lost: whatever else there is to say of this work is not wanted either."""
        logger.warning("the lease on command run %s is lost; its %s is dropped", item.command_run, item.kind)
        with self._news:
            for other in [one for one in self._items if one.held == item.held]:
                self._items.remove(other)
                self._spool.drop(other.name)
            self._news.notify_all()

    def _keep_all(self) -> None:
        for item in list(self._items):
            if not item.is_kept:
                self._keep(item)

    def _keep(self, item: Item) -> None:
        """Write it to disk. A disk that refuses leaves it in memory, where it is still sent."""
        try:
            size = len(to_json(item.body))
            self._make_room(size)
            self._spool.write(item.name, item.kept())
            item.is_kept = True
        except OSError as error:
            logger.error("the spool cannot be written: %s", error)
        except (TypeError, ValueError):
            return  # what cannot be written as JSON is refused when its turn comes

    def _make_room(self, size: int) -> None:
        """Drop the oldest of what matters least: progress and lines before results."""
        for kinds in ((PROGRESS, LOG), (RESULT, RETURN)):
            for item in [
                one for one in self._items if one.kind in kinds and not _is_among(one, self._sending)
            ]:
                if self._spool.size + size <= MOST_BYTES:
                    return
                logger.error("the spool is full: %s of %s is dropped", item.kind, item.command_run)
                self._items.remove(item)
                self._spool.drop(item.name)


def backoff(tries: int, error: Exception | None = None) -> float:
    """Seconds until the next try: doubling, a part of it random, never before what the server asked."""
    asked = (error.retry_after or 0.0) if isinstance(error, Refused) else 0.0
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 16))
    return max(asked, pause * (0.5 + random.random() / 2))  # noqa: S311  (spreads load, keeps no secret)


def lines_item(command_run: str, fence: int, lines: list[dict[str, str]]) -> Item:
    """Lines under an id of their own, so that they count once however often they are sent."""
    return Item(LOG, command_run, fence, {"lines": lines, "event_id": uuid4().hex})


def _is_among(item: Item, others: list[Item]) -> bool:
    return any(item is other for other in others)


def _have_room(item: Item, more: Item) -> bool:
    lines = [*item.body["lines"], *more.body["lines"]]
    return len(lines) <= MOST_LINES and sum(len(line["text"]) for line in lines) <= MOST_LINE_BYTES


def _path(item: Item) -> str:
    return f"command-runs/{item.command_run}/{item.kind}/"


def _body(item: Item) -> dict[str, Any]:
    return {"fence": item.fence, **item.body}


def _read(name: str, kept: dict[str, Any] | None) -> Item | None:
    if kept is None or kept.get("kind") not in (PROGRESS, LOG, RESULT, RETURN):
        return None
    try:
        return Item(
            kept["kind"], str(kept["command_run"]), int(kept["fence"]), dict(kept["body"]), name,
            float(kept["at"]), is_kept=True, is_tried=True, is_batched=bool(kept.get("is_batched")),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None
