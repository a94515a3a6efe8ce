"""Many runs started again, slice by slice: each run once, however often a slice is asked for.

The new runs fit the same filter. So whoever begins is told a place to go on from, which also says up
to which moment runs count; and the key of each new run names the run it repeats and the whole that
was asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.db.models import Min, Q

from apps.agents.priorities import BULK, BULK_SECONDS, COUNTED, Bulk
from apps.errors import DomainError, InvalidInput
from apps.events.clock import now
from apps.workflows import control
from apps.workflows.models import Run

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a whole has come: up to when runs belong to it, and the last one that was tried."""

    batch: str
    until: datetime
    after: datetime | None = None
    after_id: UUID | None = None

    def __str__(self) -> str:
        parts = [self.batch, _ticks(self.until)]
        if self.after is not None and self.after_id is not None:
            parts += [_ticks(self.after), self.after_id.hex]
        return ".".join(parts)

    @classmethod
    def read(cls, text: str) -> Place:
        """Raises InvalidInput for what is no place of ours."""
        try:
            batch, until, after, after_id = text.split(".")
            return cls(UUID(batch).hex, _moment(until), _moment(after), UUID(after_id))
        except (ValueError, OverflowError):
            raise InvalidInput({"next": "Must be the `next` of the answer before."}) from None

    def key(self, run_id: UUID) -> str:
        return f"rerun:{self.batch}:{run_id}"

    @property
    def where(self) -> Q:
        """The runs of the whole: neither those it started nor what came later."""
        return Q(created_at__lte=self.until) & ~Q(idempotency_key__startswith=f"rerun:{self.batch}:")

    @property
    def ahead(self) -> Q:
        if self.after is None:
            return Q()
        return Q(created_at__gt=self.after) | Q(created_at=self.after, id__gt=self.after_id)


@dataclass(slots=True)
class Slice:
    """What came of one slice, and where the next one begins; None when nothing is left."""

    bulk: Bulk = field(default_factory=Bulk)
    next: Place | None = None


def begin(key: str | None) -> Place:
    """The start of a whole. With the same key it is the same one, and starts no run twice."""
    batch = hashlib.sha256(key.encode()).hexdigest()[:32] if key is not None else uuid4().hex
    return Place(batch, now())


def act(
    project_id: UUID,
    place: Place,
    where: Q,
    *,
    by: str = "",
    ids: Sequence[UUID] | None = None,
    limit: int = BULK,
    dry_run: bool = False,
) -> Slice:
    """Start the runs of the next slice again, the oldest first; with `dry_run` only say how many."""
    fitting = Run.objects.filter(where, project=project_id)
    made = Slice()
    if ids is not None:
        fitting = fitting.filter(pk__in=ids)
        if place.after is None:
            _refuse_unknown(made.bulk, ids, set(fitting.order_by().values_list("pk", flat=True)))
    if place.after is None:
        oldest = fitting.order_by("created_at", "id").values_list("pk", flat=True)
        place = _as_it_began(project_id, place, list(oldest[:BULK]))
    whole = fitting.filter(place.where)
    made.bulk.matched = whole.order_by()[:COUNTED].count()
    ahead = whole.filter(place.ahead)
    count = ahead.order_by()[:COUNTED].count()
    if dry_run:
        made.bulk.done, made.bulk.left = min(count, limit), max(0, count - limit)
        return made
    tried = 0
    began = monotonic()
    for run in ahead.select_related("workflow").order_by("created_at", "id")[:limit]:
        tried += 1
        place = Place(place.batch, place.until, run.created_at, run.pk)
        try:
            control.rerun(run, by=by, idempotency_key=place.key(run.pk))
            made.bulk.done += 1
        except DomainError as error:  # its input does not fit any more, or its workflow takes no more
            made.bulk.refuse(run.pk, str(error))
        if monotonic() - began > BULK_SECONDS:
            break
    made.bulk.left = max(0, count - tried)
    made.next = place if made.bulk.left else None
    return made


def _refuse_unknown(bulk: Bulk, ids: Sequence[UUID], known: set[UUID]) -> None:
    for pk in ids:
        if pk not in known:
            bulk.refuse(pk, "There is no such run in this project.")


def _as_it_began(project_id: UUID, place: Place, oldest: Sequence[UUID]) -> Place:
    """The place with the moment at which its first slice was asked for the first time."""
    keys = [place.key(pk) for pk in oldest]
    made = Run.objects.filter(project=project_id, idempotency_key__in=keys)
    first: datetime | None = made.aggregate(first=Min("created_at"))["first"]
    return place if first is None else Place(place.batch, min(first, place.until))


def _ticks(moment: datetime) -> str:
    return str((moment - EPOCH) // TICK)


def _moment(text: str) -> datetime:
    return EPOCH + int(text) * TICK
