"""ASGI: measures every API response, those of the ready dashboard and of Django alike."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.monitoring import measurements

Message = MutableMapping[str, Any]
AsgiApp = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

PREFIX = "/api/"
# Waiting for work is what a claim is for; it says nothing about speed.
LONG_POLL_SUFFIX = "/claims/"


class ApiTimer:
    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(PREFIX) or path.endswith(LONG_POLL_SUFFIX):
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                measurements.record(time.perf_counter() - began)

        await self.app(scope, receive, timed)
