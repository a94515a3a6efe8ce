"""Probes every part of the installation, each really used and each with its own short time limit."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from asgiref.sync import async_to_sync
from celery import current_app
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.agents.models import Worker
from apps.events.kinds import rfc3339
from apps.events.layer import LAYER_ERRORS, SEND_SECONDS, channels
from apps.monitoring import live

logger = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
CACHE_SECONDS = 10
FAILURES = (DatabaseError, InterfaceError, OSError, RedisError, OperationalError, TimeoutError)

# Bounded: probes that hang occupy these few threads and no more, and later ones count as failed.
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


def health() -> dict[str, Any]:
    """The contract's answer. Without database nothing can be served; without the rest, less."""
    probes: dict[str, Callable[[], bool]] = {
        "database": database_answers,
        "cache": cache_keeps,
        "celery": celery_works,
        "websocket": websocket_delivers,
    }
    futures = {name: _pool.submit(_probed, name, probe) for name, probe in probes.items()}
    wait(futures.values(), timeout=PROBE_SECONDS)
    good = {name: _result(future) for name, future in futures.items()}
    return {
        "status": _status(good),
        "timestamp": rfc3339(timezone.now()),
        "database": "connected" if good["database"] else "disconnected",
        "cache": "connected" if good["cache"] else "disconnected",
        "celery": "running" if good["celery"] else "stopped",
        "websocket": "available" if good["websocket"] else "unavailable",
    }


def _status(good: dict[str, bool]) -> str:
    if not good["database"]:
        return "unhealthy"
    return "healthy" if all(good.values()) else "degraded"


def _result(future: Future[bool]) -> bool:
    if future.done():
        return future.result()
    future.cancel()
    return False


def _probed(name: str, probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except FAILURES as error:
        logger.warning("health: %s failed: %s", name, type(error).__name__)
        return False
    finally:
        close_old_connections()


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def cache_keeps() -> bool:
    key, value = f"health:{secrets.token_hex(8)}", secrets.token_hex(8)
    cache.set(key, value, CACHE_SECONDS)
    kept = bool(cache.get(key) == value)
    cache.delete(key)
    return kept


def celery_works() -> bool:
    """A worker reported itself lately, and the broker through which it is woken answers."""
    return Worker.objects.live().exists() and broker_answers()


def broker_answers() -> bool:
    with current_app.connection_for_write(connect_timeout=PROBE_SECONDS) as broker:
        broker.ensure_connection(max_retries=1, timeout=int(PROBE_SECONDS))
        return True


def websocket_delivers() -> bool:
    """The hub heard its own echo lately; without a hub here, the layer brings one message back."""
    hub = live.hub()
    return hub.is_live if hub is not None else async_to_sync(_round_trip)()


async def _round_trip() -> bool:
    layer = channels()
    try:
        async with asyncio.timeout(SEND_SECONDS / 2):
            channel = await layer.new_channel("health.")
            await layer.send(channel, {"type": "health"})
            message = await layer.receive(channel)
            return bool(message["type"] == "health")
    except LAYER_ERRORS:
        return False
