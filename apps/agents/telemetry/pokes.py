"""Tells whoever reads the inbox that there is something in it. A hint: it is also looked at now and then.

In this process directly; to engines elsewhere through the channel layer, in a group of its own, so
that they need not hear what the dashboards do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from apps.events import layer

logger = logging.getLogger(__name__)

GROUP = "inbox"
SEND_SECONDS = 2.0
REST_SECONDS = 5.0

news = threading.Event()  # whoever reads clears it before a look, and looks again when it is set
_listeners: list[Callable[[], None]] = []
_sending: set[asyncio.Task[None]] = set()


def on_poke(listener: Callable[[], None]) -> None:
    """Have `listener()` called, on any thread, whenever something arrived. It must not block."""
    _listeners.append(listener)


def off_poke(listener: Callable[[], None]) -> None:
    if listener in _listeners:
        _listeners.remove(listener)


def here() -> None:
    """Something arrived, and can be read in this process. Any thread."""
    news.set()
    for listener in list(_listeners):
        listener()


def everywhere() -> None:
    """Something arrived: tell the engines of other processes. On the server's loop; never waits.

    While one message is on its way no second is sent: whoever gets it reads all there is.
    """
    if not _sending:
        task = asyncio.get_running_loop().create_task(_send())
        _sending.add(task)
        task.add_done_callback(_sending.discard)


async def _send() -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await layer.channels().group_send(GROUP, {"type": "inbox"})
    except layer.LAYER_ERRORS as error:
        logger.warning("the engines were not told of telemetry: %s", type(error).__name__)
        await asyncio.sleep(REST_SECONDS)


class Ear:
    """A thread that passes on what other processes tell. Deaf while the layer is away, then tries again."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="telemetry-ear", daemon=True)
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(timeout=SEND_SECONDS + 1)

    def _end(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    def _run(self) -> None:
        self._listening = self._loop.create_task(self._listen())
        try:
            self._loop.run_until_complete(self._listening)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except layer.LAYER_ERRORS as error:
                logger.warning("telemetry is looked for, not heard of: %s", type(error).__name__)
            await asyncio.sleep(REST_SECONDS)

    async def _hear(self) -> None:
        channels = layer.channels()
        channel = await channels.new_channel("ear.")
        await channels.group_add(GROUP, channel)
        while True:
            await channels.receive(channel)
            here()
