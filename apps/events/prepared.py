"""Querysets that are put together once: from then on only their values change.

Django makes a queryset's statement anew each time, which costs ten times what SQLite needs to answer it,
and there are 22 questions to a step (docs/decisions/0013). What is asked again and again is therefore a
function that returns a queryset, and is called like one that returns its rows:

    @prepared
    def open_runs(project_id: UUID, ids: Collection[UUID]) -> QuerySet[Run]:
        return Run.objects.filter(is_of(project_id), pk__in=ids)

    runs = open_runs(project_id, ids)  # list[Run]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar
from uuid import UUID, uuid4

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

P = ParamSpec("P")
Row = TypeVar("Row")

_Key = tuple[tuple[str, Any], ...]
MANY = 1024
_BEGIN = datetime(1000, 1, 1, tzinfo=UTC)


def prepared(build: Callable[P, QuerySet[Any, Row]]) -> Prepared[P, Row]:
    """A function with the same arguments that returns the list of rows.

    UUIDs, moments and texts, alone or in a collection, are values of the statement; an empty collection
    finds nothing. Numbers and None are part of its text, so they should be few: `[:limit]`.
    """
    return Prepared(build)


class Prepared(Generic[P, Row]):
    """What `prepared` makes. Collections are filled up to a power of two, so that there are few texts."""

    def __init__(self, build: Callable[P, QuerySet[Any, Row]]) -> None:
        self._build = build
        self._plans: dict[_Key, _Plan] = {}
        update_wrapper(self, build)

    def __call__(self, *values: P.args, **named: P.kwargs) -> list[Row]:
        if named:
            raise TypeError("values of a prepared queryset are given by place")
        key = tuple(_kind(value) for value in values)
        if any(size == 0 for kind, size in key if kind == "several"):
            return []
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(key, values)
        return plan.rows(values)

    def _plan(self, key: _Key, values: Sequence[object]) -> _Plan:
        stand_ins: list[Any] = [
            [_stand_in(_first(value)) for _ in range(size)] if kind == "several"
            else _stand_in(value) if kind == "one" else value
            for (kind, size), value in zip(key, values, strict=True)
        ]  # fmt: skip
        queryset: QuerySet[Any, Any] = self._build(*stand_ins)  # type: ignore[call-arg]
        compiler = queryset.query.get_compiler(using=queryset.db)
        sql, found = compiler.as_sql()
        known: dict[object, tuple[int, int | None]] = {}
        for at, ((kind, _), one) in enumerate(zip(key, stand_ins, strict=True)):
            if kind == "several":
                known |= {_ready(item, compiler): (at, index) for index, item in enumerate(one)}
            elif kind == "one":
                known[_ready(one, compiler)] = (at, None)
        places = [(place, *known[one]) for place, one in enumerate(found) if _is_in(one, known)]
        if missing := set(known.values()) - {(at, index) for _, at, index in places}:
            raise TypeError(
                f"{self._build.__name__}: values {sorted(missing, key=str)} are not in the statement"
            )
        return _Plan(queryset, compiler, sql, tuple(found), places, key)


@dataclass(slots=True)
class _Plan:
    """The statement of a queryset for values of certain kinds, and where they go."""

    queryset: QuerySet[Any, Any]
    compiler: SQLCompiler
    sql: str
    params: tuple[object, ...]
    places: list[tuple[int, int, int | None]]
    key: _Key
    converters: Any = None
    now: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        selected = [one[0] for one in self.compiler.select[: self.compiler.col_count]]
        self.converters = self.compiler.get_converters(selected)
        # What makes rows of the answer asks the query for its compiler.
        vars(self.queryset.query)["get_compiler"] = lambda using, **_: _Filled(self, using, self.now.params)

    def rows(self, values: Sequence[Any]) -> list[Any]:
        ready: list[Any] = []
        for (kind, size), value in zip(self.key, values, strict=True):
            if kind == "several":
                listed = [_ready(one, self.compiler) for one in value]
                ready.append(listed + [listed[-1]] * (size - len(listed)))
            else:
                ready.append(_ready(value, self.compiler))
        params = list(self.params)
        for place, at, index in self.places:
            params[place] = ready[at] if index is None else ready[at][index]
        self.now.params = tuple(params)
        found: Any = self.queryset._iterable_class(self.queryset)
        return list(found)


class _Filled(SQLCompiler):
    """A compiler that has its statement already."""

    def __init__(self, plan: _Plan, using: str, params: tuple[object, ...]) -> None:
        vars(self).update(vars(plan.compiler))
        self.connection = connections[using]  # of this thread
        self._plan, self._params = plan, params

    def as_sql(self, *_: Any, **__: Any) -> Any:
        locks = self.query.select_for_update and self.connection.features.has_select_for_update
        if locks and self.connection.get_autocommit():
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        return self._plan.sql, self._params

    def get_converters(self, expressions: Any) -> Any:
        return self._plan.converters


def _kind(value: object) -> tuple[str, Any]:
    """What of a value decides about the text of the statement."""
    if isinstance(value, (UUID, datetime, str)):
        return "one", type(value) if isinstance(value, (UUID, datetime)) else str
    if isinstance(value, Collection):
        return "several", _filled_up(len(value))
    return "as it is", value


def _filled_up(count: int) -> int:
    """A power of two, or a whole number of thousands: what takes no values of its own is not doubled."""
    if count > MANY:
        return -(-count // MANY) * MANY
    return 1 << (count - 1).bit_length() if count else 0


def _first(values: Any) -> object:
    return next(iter(values))


_numbers = iter(range(1, 2**62))


def _stand_in(value: object) -> object:
    """Another value of the kind, which nothing else in a statement is equal to."""
    if isinstance(value, UUID):
        return uuid4()
    if isinstance(value, datetime):
        return _BEGIN + timedelta(microseconds=next(_numbers))
    return f"stands in {uuid4()}"


def _ready(value: object, compiler: SQLCompiler) -> object:
    """As the database takes it."""
    if isinstance(value, UUID):
        return value if compiler.connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return compiler.connection.ops.adapt_datetimefield_value(value)
    return value


def _is_in(one: object, known: dict[object, Any]) -> bool:
    try:
        return one in known
    except TypeError:  # not hashable, so none of ours
        return False
