"""ASGI's lifespan: what starts before the first request and stops after the last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

Step = Callable[[], Awaitable[None]]


class Lifespan:
    """Runs `starts` in order and `stops` in reverse; other scopes go to `app`."""

    def __init__(self, app: Any, steps: list[tuple[Step, Step]]) -> None:
        self._app = app
        self._steps = steps
        self._begun: list[Step] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        try:
            for start, stop in self._steps:
                await start()
                self._begun.append(stop)
        except Exception as error:
            logger.exception("the server did not start")
            await self._stop()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _stop(self) -> None:
        while self._begun:
            await self._begun.pop()()


def threaded(start: Callable[[], None], stop: Callable[[], None]) -> tuple[Step, Step]:
    """A start and stop that block, for use as a step."""

    async def begin() -> None:
        await asyncio.to_thread(start)

    async def end() -> None:
        await asyncio.to_thread(stop)

    return begin, end
