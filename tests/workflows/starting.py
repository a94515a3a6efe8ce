"""What tests of schedules and triggers share: callers of every role, schedules that are due, and
senders that sign."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.agents import signatures
from apps.workflows import schedules
from apps.workflows.models import Schedule, ScheduleTick, Workflow
from tests.accounts.people import API, Caller


def patch(caller: Caller, path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {caller.token}"}
    return Client().patch(API + path, body, content_type="application/json", headers=headers)


def make_schedule(workflow: Workflow, cron: str = "* * * * *", **given: Any) -> Schedule:
    given = {"name": f"s-{uuid.uuid4().hex[:8]}", "cron": cron, **given}
    return schedules.create_schedule(workflow, given, by="olga")


def let_be_due(schedule: Schedule, at: datetime | None = None, **ago: float) -> datetime:
    """Let the schedule's next moment be `at`, or so long ago; gives that moment."""
    moment = at or whole_minute(timezone.now() - timedelta(**ago))
    Schedule.objects.filter(pk=schedule.pk).update(next_at=moment, enabled=True)
    return moment


def whole_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def outcomes(schedule: Schedule) -> list[str]:
    """What came of the schedule's moments, oldest first."""
    ticks = ScheduleTick.objects.filter(schedule=schedule).order_by("scheduled_for")
    return list(ticks.values_list("outcome", flat=True))


def fresh_schedule(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(pk=schedule.pk)


def trigger_body(workflow: Workflow, given: dict[str, Any]) -> dict[str, Any]:
    return {"workflow": workflow.slug, "name": f"t-{uuid.uuid4().hex[:8]}"} | given


def deliver(
    trigger: dict[str, Any],
    body: Any,
    *,
    secret: str = "",
    delivery_id: str = "",
    at: float | None = None,
    query: str = "",
    **headers: str,
) -> Any:
    """Post a signed delivery, as a sender that knows nothing but address and secret."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    delivery_id = delivery_id or f"msg_{uuid.uuid4().hex}"
    timestamp = int(time.time() if at is None else at)
    signed = {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures.sign(secret or trigger["secret"], delivery_id, timestamp, raw),
    }
    return send(trigger["address"] + query, raw, {**signed, **headers})


def send(address: str, raw: bytes, headers: dict[str, str], **extra: Any) -> Any:
    named = {name.replace("_", "-"): said for name, said in headers.items()}
    return Client().post(address, raw, content_type="application/json", headers=named, **extra)
