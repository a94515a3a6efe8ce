"""What the journal says of alerts. Plain Python: no Django."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from apps.events.kinds import EventBody, Moment, TickBody

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


class WebhookChanged(EventBody):
    """A webhook as it now is. Kinds: webhook.changed (also when it is made, fails, works again or gives
    a delivery up) and webhook.deleted."""

    entity: ClassVar[str] = "webhook"
    entity_key: ClassVar[str] = "webhook_id"

    type: Literal["webhook_update"] = "webhook_update"
    webhook_id: UUID
    name: str
    enabled: bool
    disabled_reason: str
    failing_since: Moment | None
    dead: int


class WebhookTried(TickBody):
    """A delivery of a webhook was tried; its list is worth another look."""

    type: Literal["webhook_tried"] = "webhook_tried"
    webhook_id: UUID
    delivery_id: UUID
    state: Literal["pending", "sent", "dead"]
