"""Open connections whose caller has lost the right to them: found within a second, by one task.

Each distinct caller is checked once, however many connections it has, against the roster's memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from apps.accounts.principal import Principal, is_still_valid

logger = logging.getLogger(__name__)

# With the half second that the roster may be old: within a second.
CHECK_SECONDS = 0.4

OnLost = Callable[[], None]


class Watch:
    """One per process, for its event loop."""

    def __init__(self) -> None:
        self._held: dict[Principal, set[OnLost]] = defaultdict(set)
        self._checking: asyncio.Task[None] | None = None

    def enter(self, principal: Principal, on_lost: OnLost) -> None:
        """Call `on_lost` on the loop when the caller is valid no more; again until it leaves."""
        self._held[principal].add(on_lost)
        loop = asyncio.get_running_loop()
        if self._checking is None or self._checking.done() or self._checking.get_loop() is not loop:
            self._checking = loop.create_task(self._check())

    def leave(self, principal: Principal, on_lost: OnLost) -> None:
        held = self._held.get(principal)
        if held is None:
            return
        held.discard(on_lost)
        if not held:
            del self._held[principal]

    @contextmanager
    def lost(self, principal: Principal) -> Iterator[asyncio.Future[None]]:
        """A future that is done when the caller is valid no more, for who waits on its behalf."""
        found: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_lost() -> None:
            if not found.done():
                found.set_result(None)

        self.enter(principal, on_lost)
        try:
            yield found
        finally:
            self.leave(principal, on_lost)
            found.cancel()

    async def _check(self) -> None:
        """Runs while anybody is held."""
        while self._held:
            await asyncio.sleep(CHECK_SECONDS)
            for principal in list(self._held):
                try:
                    valid = await is_still_valid(principal)
                except (DatabaseError, TimeoutError) as error:
                    # While the database is away nobody can be revoked in it either.
                    logger.warning("open connections not checked: %s", type(error).__name__)
                    continue
                if not valid:
                    for on_lost in list(self._held.get(principal, ())):
                        on_lost()


watch = Watch()
