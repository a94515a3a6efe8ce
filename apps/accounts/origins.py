"""Which web origins may act with a user's cookies or open sockets. Plain functions."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings


def origin_allowed(origin: str | None, host: str) -> bool:
    """Whether a browser page of this origin may call the server reached as `host` (`name:port`).

    A missing or opaque origin ("null") is not allowed: programs that are not browsers send an
    Authorization header and are not asked for one.
    """
    if not origin:
        return False
    if origin in settings.ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        given = (parts.hostname, parts.port or _default_port(parts.scheme))
        wanted = urlsplit(f"{parts.scheme}://{host}")
        own = (wanted.hostname, wanted.port or _default_port(parts.scheme))
    except ValueError:
        return False
    if parts.scheme not in _schemes() or parts.path or parts.query or parts.username is not None:
        return False
    return given == own


def _schemes() -> tuple[str, ...]:
    # Where cookies are Secure the pages are https; a page of the same name over http is an attack.
    return ("https",) if settings.SECURE_COOKIES else ("http", "https")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
