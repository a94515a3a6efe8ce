"""What all sockets of a process share: how many each caller has open. Who may still have one is
watched by the accounts app."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from apps.accounts.principal import Principal
from apps.accounts.watch import watch

MAX_SOCKETS = 20


class Closable(Protocol):
    def revoke(self) -> None:
        """Close: the caller has lost the right to be connected."""


class Sockets:
    def __init__(self) -> None:
        self._open: dict[Principal, set[Closable]] = defaultdict(set)
        self._counts: dict[str, int] = defaultdict(int)

    def enter(self, principal: Principal, socket: Closable) -> bool:
        """Take a place; False when the caller has as many sockets as one may have."""
        if self._counts[principal.identity] >= MAX_SOCKETS:
            return False
        self._counts[principal.identity] += 1
        self._open[principal].add(socket)
        watch.enter(principal, socket.revoke)
        return True

    def leave(self, principal: Principal, socket: Closable) -> None:
        sockets = self._open.get(principal)
        if sockets is None or socket not in sockets:
            return
        watch.leave(principal, socket.revoke)
        sockets.discard(socket)
        if not sockets:
            del self._open[principal]
        self._counts[principal.identity] -= 1
        if not self._counts[principal.identity]:
            del self._counts[principal.identity]


sockets = Sockets()
