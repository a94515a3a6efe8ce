"""What all sockets of a process share: how many each caller has open, and who may still have one.

Every few seconds each distinct caller is checked once, however many sockets it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Protocol

from django.db import DatabaseError

from apps.accounts.principal import Principal, is_still_valid

logger = logging.getLogger(__name__)

MAX_SOCKETS = 20
CHECK_SECONDS = 2.0


class Closable(Protocol):
    def revoke(self) -> None:
        """Close: the caller has lost the right to be connected."""


class Sockets:
    def __init__(self) -> None:
        self._open: dict[Principal, set[Closable]] = defaultdict(set)
        self._counts: dict[str, int] = defaultdict(int)
        self._checking: asyncio.Task[None] | None = None

    def enter(self, principal: Principal, socket: Closable) -> bool:
        """Take a place; False when the caller has as many sockets as one may have."""
        if self._counts[principal.identity] >= MAX_SOCKETS:
            return False
        self._counts[principal.identity] += 1
        self._open[principal].add(socket)
        loop = asyncio.get_running_loop()
        if self._checking is None or self._checking.done() or self._checking.get_loop() is not loop:
            self._checking = loop.create_task(self._check())
        return True

    def leave(self, principal: Principal, socket: Closable) -> None:
        sockets = self._open.get(principal)
        if sockets is None or socket not in sockets:
            return
        sockets.discard(socket)
        if not sockets:
            del self._open[principal]
        self._counts[principal.identity] -= 1
        if not self._counts[principal.identity]:
            del self._counts[principal.identity]

    async def _check(self) -> None:
        """Runs while there are sockets."""
        while self._open:
            await asyncio.sleep(CHECK_SECONDS)
            for principal in list(self._open):
                try:
                    valid = await is_still_valid(principal)
                except (DatabaseError, TimeoutError) as error:
                    # While the database is away nobody can be revoked in it either.
                    logger.warning("open sockets not checked: %s", type(error).__name__)
                    continue
                if not valid:
                    for socket in list(self._open.get(principal, ())):
                        socket.revoke()


sockets = Sockets()
