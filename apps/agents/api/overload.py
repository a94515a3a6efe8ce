"""How much one key may ask of us: so many updates a second, and then 429 with Retry-After.

Counted in each web process, in memory: a limit that needs the database would fall with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.accounts.principal import Principal
from apps.agents.telemetry.quotas import Quotas


@lru_cache(maxsize=1)
def _quotas(rate: float) -> Quotas:
    return Quotas(rate, 0)


def _known() -> Quotas:
    return _quotas(settings.MC.agent_rate)


class AgentThrottle(BaseThrottle):
    """Every call of an agent is one update; a batch is charged for each of its own. Whoever has
    anything left is let in, so that a large batch is paid for by what comes after it."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        who = request.auth
        if not settings.MC.agent_rate or not isinstance(who, Principal) or not who.can("agent"):
            return True
        if wait := _known().wait(who.identity):
            self._wait = wait
            return False
        charge(who, 1)
        return True

    def wait(self) -> float | None:
        return self._wait


def charge(who: Principal, updates: int) -> None:
    """Count updates that came together."""
    if settings.MC.agent_rate:
        _known().charge(who.identity, items=updates, size=0)
