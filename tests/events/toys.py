"""An event class for tests of the journal and the feed, which know no other app."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID, uuid4

from apps.events import journal
from apps.events.kinds import EventBody


class LampChanged(EventBody):
    entity: ClassVar[str] = "lamp"
    entity_key: ClassVar[str] = "lamp_id"

    type: Literal["lamp_update"] = "lamp_update"
    lamp_id: UUID
    status: str
    previous_status: str | None


LAMP = uuid4()


def switch(project_id: UUID, *statuses: str, lamp: UUID = LAMP) -> None:
    """One transaction with one event a status."""
    with journal.changes(project_id) as change:
        before: str | None = None
        for status in statuses:
            change.record("lamp.switched", LampChanged(lamp_id=lamp, status=status, previous_status=before))
            before = status
