"""Sends sockets to their consumer and everything else to the HTTP application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Doors:
    def __init__(self, http: Any, sockets: Mapping[str, Any]) -> None:
        self._http = http
        self._sockets = sockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await self._http(scope, receive, send)
        elif consumer := self._sockets.get(scope["path"]):
            await consumer(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})  # before accept: HTTP 403
