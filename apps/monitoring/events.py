"""What the journal says of alerts. Plain Python: no Django."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from apps.events.kinds import EventBody, Moment

Level = Literal["info", "warning", "error", "critical"]
State = Literal["open", "acknowledged", "resolved"]


class AlertRaised(EventBody):
    """An alert as it now is. Kinds: alert.opened, alert.repeated, alert.acknowledged, alert.resolved."""

    entity: ClassVar[str] = "alert"
    entity_key: ClassVar[str] = "alert_id"

    type: Literal["system_alert"] = "system_alert"
    level: Level
    message: str
    alert_id: UUID
    rule: str
    url: str
    state: State
    opened_at: Moment
