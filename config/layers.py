"""The two channel layers that the live path runs on."""

from __future__ import annotations

import socket
from typing import Any


def memory() -> dict[str, Any]:
    """One process, any thread."""
    return {"BACKEND": "apps.events.memory.MemoryChannelLayer"}


def _keepalive() -> dict[int, int]:
    """Has the kernel end a connection that is only half open within 15 s, where it can."""
    wanted = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}


def redis(url: str) -> dict[str, Any]:
    """Many processes.

    redis-py 8 closes idle sockets after 5 s under channels-redis 4.3, and its pool of 100 starves
    the 101st (2026-11): no read timeout, and room for more connections.
    """
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [
                {
                    "address": url,
                    "socket_timeout": None,
                    "socket_connect_timeout": 2,
                    "max_connections": 10_000,
                    "socket_keepalive": True,
                    "socket_keepalive_options": _keepalive(),
                }
            ],
            "prefix": "mc",
        },
    }
