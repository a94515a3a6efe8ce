"""The base of every event class. Plain Python: no Django, no other app."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer


def rfc3339(moment: datetime) -> str:
    """UTC with `Z` and microseconds, the one time format on the wire."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]


class EventBody(BaseModel):
    """What one journal line says; also the shape of the socket message.

    Subclasses add a `type: Literal[...]` (the word on the wire), name their `entity`, and tell by
    `entity_key` which field holds the entity's id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: ClassVar[str]
    entity_key: ClassVar[str]

    @classmethod
    def wire_type(cls) -> str:
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @property
    def entity_id(self) -> UUID | None:
        value: UUID | None = getattr(self, self.entity_key, None) if self.entity_key else None
        return value

    def payload(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class TickBody(BaseModel):
    """Telemetry that is pushed and not journalled; it may be lost. Subclasses add `type` as above."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def wire_type(cls) -> str:
        return str(get_args(cls.model_fields["type"].annotation)[0])

    def payload(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def all_tick_classes() -> list[type[TickBody]]:
    """Every tick class that has been imported, sorted by its word on the wire."""
    return sorted(TickBody.__subclasses__(), key=lambda cls: cls.wire_type())


def all_event_classes() -> list[type[EventBody]]:
    """Every event class that has been imported, sorted by its word on the wire."""
    found: dict[str, type[EventBody]] = {}
    waiting = list(EventBody.__subclasses__())
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if "type" in cls.model_fields:
            found[cls.wire_type()] = cls
    return [found[name] for name in sorted(found)]
