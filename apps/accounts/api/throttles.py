"""Limits by address on what needs no credential, and the lock-out that guards passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from apps.accounts.clients import client_ip
from apps.accounts.principal import Principal

log = structlog.get_logger(__name__)


class AddressThrottle(SimpleRateThrottle):
    """So many calls a minute from one address. Counted in the cache: without Redis nobody is held
    up here, and the lock-out below, which lives in the database, still stands.
    """

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:{self.scope}:{client_ip(request._request)}"

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return bool(super().allow_request(request, view))
        except (RedisError, OSError) as error:
            log.warning("throttle.unavailable", scope=self.scope, error=type(error).__name__)
            return True


class CallerThrottle(AddressThrottle):
    """The same for each user and each key, who share addresses."""

    def get_cache_key(self, request: Request, view: Any) -> str:
        caller = request.auth
        if not isinstance(caller, Principal):
            return super().get_cache_key(request, view)
        return f"throttle:{self.scope}:{caller.key_id or caller.user_id}"


class SignInThrottle(AddressThrottle):
    scope = "sign_in"


class RefreshThrottle(AddressThrottle):
    scope = "refresh"


class TicketThrottle(AddressThrottle):
    scope = "ticket"


def locked_for(request: HttpRequest, username: str) -> int | None:
    """Seconds until this user name may be tried from this address again, or None if it may now."""
    if AxesProxyHandler.is_allowed(request, {"username": username}):
        return None
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    newest = (
        AccessAttempt.objects.filter(username=username, ip_address=client_ip(request))
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    if newest is None:
        return int(cool_off.total_seconds())
    return max(1, int((newest + cool_off - timezone.now()).total_seconds()))
