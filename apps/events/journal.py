"""The journal's only doors: `changes` to write, `read` and `position` to read, `subscribe` to hear.

A change and its journal line share one transaction. The sequence number is taken last, from the
project's counter row, so that numbers are gap-free and in commit order, and so that the one row
every writer of a project meets is locked for the shortest time.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from apps.events import bulk, clock, layer
from apps.events.failpoints import ACTIVE, fail_point, verb
from apps.events.kinds import EventBody
from apps.events.models import Event, Stream


@dataclass(frozen=True, slots=True)
class Position:
    """Where a journal stands: `head` is the newest number, `floor` the newest pruned one."""

    epoch: UUID
    head: int
    floor: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    seq: int
    kind: str
    entity: str
    entity_id: UUID | None
    payload: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event before it has its number; what handlers are given."""

    project_id: UUID
    kind: str
    body: EventBody


Handler = Callable[[Recorded, "Change"], None]
HandlerOfMany = Callable[[Sequence[Recorded], "Change"], None]
LateHandler = Callable[[Recorded], None]

_within: dict[str, list[Handler]] = defaultdict(list)
_of_many: list[tuple[frozenset[str], HandlerOfMany]] = []
_after: dict[str, list[LateHandler]] = defaultdict(list)
_open = threading.local()


@dataclass(slots=True)
class Change:
    """What one transaction is going to write into one project's journal."""

    project_id: UUID
    events: list[Recorded] = field(default_factory=list)
    _late: list[tuple[str, Callable[[], EventBody]]] = field(default_factory=list)
    _before: dict[Callable[[Change, dict[Any, Any]], object], dict[Any, Any]] = field(default_factory=dict)
    _last: dict[Callable[[Change], object], None] = field(default_factory=dict)
    _told: int = 0
    _verb: str = ""
    _moment: datetime | None = None

    def moment(self) -> datetime:
        """The time of this change, by the database's clock; asked once."""
        if self._moment is None:
            self._moment = clock.now()
        return self._moment

    def record(self, kind: str, body: EventBody) -> None:
        """Add a line; it gets its number when the outermost `changes` block ends."""
        self.events.append(Recorded(self.project_id, kind, body))

    def record_last(self, kind: str, body: Callable[[], EventBody]) -> None:
        """Add a line whose body is made when the project's counter row is already locked, so that
        it may count rows and every later line counts what this one saw. Handlers that act inside
        the transaction are not told."""
        self._late.append((kind, body))

    def gathered(self, act: Callable[[Change, dict[Any, Any]], object]) -> dict[Any, Any]:
        """What `act(change, gathered)` will be given, once, before the handlers hear of this change:
        a place for what verbs on many rows would otherwise each do for themselves."""
        return self._before.setdefault(act, {})

    def last(self, act: Callable[[Change], object]) -> None:
        """Have `act(change)` called once, when the handlers have heard of everything there was."""
        self._last[act] = None

    def take_last(self, act: Callable[[Change], object]) -> bool:
        """Whether `act` would have been called last; it is not any more, the caller does it now."""
        return act in self._last and self._last.pop(act, None) is None

    @property
    def is_silent(self) -> bool:
        return not self.events and not self._late

    def take_late(self) -> None:
        for kind, body in self._late:
            self.record(kind, body())
        self._late.clear()

    def end(self) -> None:
        """Tell the handlers, do what was kept for last, and tell them of that."""
        self.tell()
        while self._last:
            act = next(iter(self._last))
            del self._last[act]
            act(self)
            self.tell()

    def tell(self) -> None:
        """Hand new lines to the handlers that act inside the transaction, until none is new."""
        while self._before or self._told < len(self.events):
            for act in list(self._before):
                act(self, self._before.pop(act))
            new = self.events[self._told :]
            self._told = len(self.events)
            for kinds, handler_of_many in _of_many:
                if mine := [event for event in new if event.kind in kinds]:
                    handler_of_many(mine, self)
            for event in new:
                for handler in _within[event.kind]:
                    handler(event, self)


def subscribe(kind: str, handler: Handler) -> None:
    """Have `handler(event, change)` run inside the transaction that records `kind`.

    It may change rows and record more, and must only do what belongs in that transaction. An
    exception in it rolls the whole change back.
    """
    if handler not in _within[kind]:
        _within[kind].append(handler)


def subscribe_together(kinds: Iterable[str], handler: HandlerOfMany) -> None:
    """`subscribe` for a handler that is given all new lines of these kinds at once, in their order."""
    if all(handler is not known for _, known in _of_many):
        _of_many.append((frozenset(kinds), handler))


def subscribe_after(kind: str, handler: LateHandler) -> None:
    """Have `handler(event)` run after commit. It may only wake or enqueue something: what it
    does is lost with the process, and a sweep must catch up on it."""
    if handler not in _after[kind]:
        _after[kind].append(handler)


@contextmanager
def changes(project_id: UUID) -> Iterator[Change]:
    """One transaction whose journal lines are written at its end.

    Used inside another block of the same project and thread it joins that one, and an exception
    that leaves it fails the whole. The block of another project inside it is refused: two counter
    rows in one transaction can deadlock.
    """
    outer: Change | None = getattr(_open, "change", None)
    if outer is not None:
        if outer.project_id != project_id:
            raise RuntimeError("a change of one project cannot hold a change of another")
        with transaction.atomic(savepoint=False):
            yield outer
        return
    change = Change(project_id)
    _open.change = change
    try:
        with transaction.atomic():
            if ACTIVE:  # the first of the hooks: what it breaks is lost for all others too
                transaction.on_commit(lambda: _fail_point(change, "after"))
            yield change
            change.end()
            if not change.is_silent:
                _write(change)
                if ACTIVE:
                    change._verb = verb()
                    _fail_point(change, "before")
    finally:
        _open.change = None


def _fail_point(change: Change, when: str) -> None:
    if change._verb:
        fail_point(f"{change._verb}:{when}_commit", OperationalError)


def _write(change: Change) -> None:
    if change._late or connection.vendor != "postgresql":
        first = _advance(change.project_id, len(change.events) + len(change._late)) + 1
        change.take_late()
        stored = _lines(change, first)
        bulk.insert(
            [
                Event(
                    project_id=change.project_id,
                    seq=line.seq,
                    kind=line.kind,
                    entity=line.entity,
                    entity_id=line.entity_id,
                    payload=line.payload,
                    at=line.at,
                )
                for line in stored
            ]
        )
    else:
        lines = _lines(change, 1)
        before = _advance_with(change.project_id, lines)
        stored = [replace(line, seq=before + line.seq) for line in lines]
    events = change.events

    def committed() -> None:
        layer.publish(change.project_id, stored[0].seq, stored[-1].seq, stored)
        fail_point("events.layer.publish:after", OperationalError)
        for event in events:
            for handler in _after[event.kind]:
                handler(event)

    transaction.on_commit(committed)


def _lines(change: Change, first: int) -> list[StoredEvent]:
    at = timezone.now()
    return [
        StoredEvent(seq, event.kind, event.body.entity, event.body.entity_id, event.body.payload(), at)
        for seq, event in enumerate(change.events, first)
    ]


def _advance(project_id: UUID, count: int) -> int:
    """Move the project's counter by `count` and return what it was before."""
    key = project_id if connection.features.has_native_uuid_field else project_id.hex
    statement = "UPDATE events_stream SET head = head + %s WHERE project_id = %s RETURNING head"
    return _counted(project_id, statement, [count, key]) - count


# The counter's row, which every writer of the project waits for, is locked for one round trip less.
_ADVANCE_WITH = """
WITH counter AS (
    UPDATE events_stream SET head = head + %s WHERE project_id = %s RETURNING head - %s AS before
), line AS (
    INSERT INTO events_event (project_id, seq, kind, entity, entity_id, payload, at)
    SELECT %s, counter.before + given.seq, given.kind, given.entity, given.entity_id, given.payload, %s
    FROM counter, jsonb_to_recordset(%s::jsonb)
        AS given(seq bigint, kind text, entity text, entity_id uuid, payload jsonb)
)
SELECT before FROM counter
"""


def _advance_with(project_id: UUID, lines: list[StoredEvent]) -> int:
    """The same on PostgreSQL, and write the lines, whose `seq` counts from 1, in the one statement.

    As one JSON text: an array of payloads costs a search for quotes in each (2026-11).
    """
    rows = [
        {
            "seq": line.seq,
            "kind": line.kind,
            "entity": line.entity,
            "entity_id": line.entity_id,
            "payload": line.payload,
        }
        for line in lines
    ]
    count = len(lines)
    given = [count, project_id, count, project_id, lines[0].at, orjson.dumps(rows).decode()]
    return _counted(project_id, _ADVANCE_WITH, given)


def _counted(project_id: UUID, statement: str, given: list[Any]) -> int:
    """The number the statement returns; the counter's row is made when there is none yet."""
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(statement, given)
            row = cursor.fetchone()
            if row:
                return int(row[0])
            Stream.objects.bulk_create([Stream(project_id=project_id)], ignore_conflicts=True)
    raise RuntimeError("the journal's counter row could not be made")


def position(project_id: UUID) -> Position:
    """Where the project's journal stands now, as this transaction sees it."""
    row = Stream.objects.filter(project_id=project_id).values_list("epoch", "head", "floor").first()
    if row is None:
        Stream.objects.bulk_create([Stream(project_id=project_id)], ignore_conflicts=True)
        row = Stream.objects.values_list("epoch", "head", "floor").get(project_id=project_id)
    return Position(*row)


def heads(project_ids: list[UUID]) -> dict[UUID, Position]:
    """The positions of many projects in one query; unknown ones are absent."""
    rows = Stream.objects.filter(project_id__in=project_ids).values_list(
        "project_id", "epoch", "head", "floor"
    )
    return {project_id: Position(epoch, head, floor) for project_id, epoch, head, floor in rows}


def read(project_id: UUID, *, after: int, upto: int | None = None, limit: int = 5000) -> list[StoredEvent]:
    """The events with `after < seq ≤ upto`, oldest first, at most `limit`."""
    rows = Event.objects.filter(project_id=project_id, seq__gt=after)
    if upto is not None:
        rows = rows.filter(seq__lte=upto)
    values = rows.order_by("seq").values_list("seq", "kind", "entity", "entity_id", "payload", "at")[:limit]
    return [StoredEvent(*value) for value in values]


def prune(project_id: UUID, *, before: datetime, keep: int) -> int:
    """Forget events older than `before`, but never the newest `keep`; returns how many went.

    `floor` moves in the same transaction, so that no reader can take a pruned stretch for whole.
    """
    with transaction.atomic():
        stream = Stream.objects.select_for_update().filter(project_id=project_id).first()
        if stream is None:
            return 0
        oldest_kept = (
            Event.objects.filter(project_id=project_id, seq__gt=stream.floor, at__gte=before)
            .order_by("seq")
            .values_list("seq", flat=True)
            .first()
        )
        floor = min((oldest_kept or stream.head + 1) - 1, stream.head - keep)
        if floor <= stream.floor:
            return 0
        gone, _ = Event.objects.filter(project_id=project_id, seq__lte=floor).delete()
        Stream.objects.filter(pk=project_id).update(floor=floor)
        return gone


def break_history(project_id: UUID) -> None:
    """Begin a new epoch: every reader drops what it holds and starts from a snapshot."""
    position(project_id)
    Stream.objects.filter(project_id=project_id).update(epoch=uuid4(), floor=F("head"))
