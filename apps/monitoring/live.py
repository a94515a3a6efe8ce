"""This process's hub with the dashboard as its view, started by whoever needs it first.

Servers without a lifespan (Daphne) start it with the first request; uvicorn at start-up.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.db import DatabaseError

from apps.events.hub import Hub
from apps.events.journal import StoredEvent
from apps.events.threads import in_thread
from apps.monitoring import measurements
from apps.monitoring.dashboard.state import load_dashboard

logger = logging.getLogger(__name__)

MEASURE_SECONDS = 5.0
PLAIN_FIELDS = {
    "agent_status_change": ("type", "agent_id", "status", "current_task"),
    "workflow_update": ("type", "workflow_id", "status", "progress", "current_step"),
    "system_alert": ("type", "level", "message"),
}


def plain_message(event: StoredEvent) -> dict[str, Any] | None:
    """The event as the plain protocol has it, or None where that has no word for it."""
    fields = PLAIN_FIELDS.get(event.payload["type"])
    if fields is None or event.payload.get("state", "open") != "open":
        return None
    return {name: event.payload[name] for name in fields}


_hub: Hub | None = None
_measuring: asyncio.Task[None] | None = None


async def start() -> Hub:
    """The hub of the running loop; started when it is not."""
    global _hub, _measuring  # noqa: PLW0603  (one hub a process is the point)
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        _hub = Hub(loader=load_dashboard, plain=plain_message)
        await _hub.start()
        _measuring = loop.create_task(_measure())
    return _hub


async def stop() -> None:
    """Say goodbye to the sockets and end the hub's chores."""
    if _measuring is not None:
        _measuring.cancel()
    if _hub is not None:
        await _hub.stop()


def hub() -> Hub | None:
    """The running hub, if this process has one. Any thread."""
    return _hub if _hub is not None and _hub.loop is not None else None


async def _measure() -> None:
    while True:
        try:
            await in_thread(measurements.refresh)
        except DatabaseError as error:
            logger.warning("measurements not stored: %s", type(error).__name__)
        await asyncio.sleep(MEASURE_SECONDS)
