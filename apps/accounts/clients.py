"""The address a request came from, as far as it can be believed."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The peer's address, or with TRUSTED_PROXIES=n the one the n-th proxy from here saw.

    Anything further left in X-Forwarded-For was written by the client and is not believed.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # noqa: S104  (an unknown peer)
    proxies: int = settings.MC.trusted_proxies
    if proxies == 0:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if not hops:
        return peer
    return _address(hops[-min(proxies, len(hops))]) or peer


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return None
