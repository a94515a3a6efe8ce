"""What tests of webhooks share: an admin's webhook, a receiver that verifies by the book, and time
that passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import Project
from apps.monitoring.models import WebhookDelivery
from apps.monitoring.webhooks import sending
from tests.accounts.people import Caller
from tests.agents.factories import make_agent
from tests.rig.answering import Answering, Asked


def allow(settings: Any, *receivers: Answering, **more: Any) -> None:
    """Let webhooks reach receivers on the loopback."""
    given = {"outbound_allow": tuple(one.address for one in receivers), **more}
    settings.MC = settings.MC.model_copy(update=given)


def make_hook(admin: Caller, url: str, *events: str, **given: Any) -> dict[str, Any]:
    """A webhook, made over the API; the answer with its secret."""
    body = {"name": f"h-{uuid.uuid4().hex[:8]}", "url": url, "events": list(events or ("agent.*",)), **given}
    made = admin.post("webhooks/", body)
    assert made.status_code == 201, made.json()
    row: dict[str, Any] = made.json()
    return row


def happen(project: Project, times: int = 1) -> None:
    """Let something happen that is told of as agent.added."""
    from apps.agents import services
    from apps.events import journal

    for _ in range(times):
        with journal.changes(project.pk) as change:
            services.announce_agents(change, [make_agent(project)])


def is_verified(secret: str, asked: Asked) -> bool:
    """The reference algorithm of Standard Webhooks, written down apart from ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.split(",", 1) for one in asked.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(said, wanted) for version, said in given)


def told(asked: Asked) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(asked.body)
    return event


def make_due(hook: dict[str, Any]) -> None:
    """Let the pause after a failed try be over."""
    waiting = WebhookDelivery.objects.filter(endpoint=hook["id"], state="pending")
    waiting.update(next_at=timezone.now() - timedelta(seconds=1))


def send() -> int:
    return sending.send_due()


def rows(hook: dict[str, Any]) -> list[WebhookDelivery]:
    """Its deliveries, oldest first."""
    return list(WebhookDelivery.objects.filter(endpoint=hook["id"]).order_by("created_at", "pk"))


def row(hook: dict[str, Any]) -> WebhookDelivery:
    (found,) = rows(hook)
    return found
