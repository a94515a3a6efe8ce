"""Who may open a dashboard socket, and what its first frames mean. No socket in here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from apps.accounts.origins import origin_allowed
from apps.accounts.principal import NoProjectError, Principal, UnknownProjectError, authenticate
from apps.accounts.tickets import consume_ticket
from apps.events.threads import in_thread

SUBPROTOCOL = "dashboard"
TICKET_PREFIX = "ticket."
MAX_FRAME = 64 * 1024
FRAMES_PER_SECOND = 20
MAX_TICKET = 100


class Refused(Exception):
    """The frame breaks the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of the resumable protocol."""

    ticket: str | None
    project: str | None
    epoch: UUID | None
    seq: int | None


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def may_connect(headers: Mapping[str, str]) -> bool:
    """Browsers need an allowed origin; programs show an Authorization header and no origin."""
    origin = headers.get("origin")
    if origin is None:
        return "authorization" in headers
    host = headers.get("host", "")
    name, _ = split_domain_port(host)
    return validate_host(name, settings.ALLOWED_HOSTS) and origin_allowed(origin, host)


async def caller_of(headers: Mapping[str, str], offered: list[str]) -> Principal | None:
    """The caller named by header or by the ticket among the offered subprotocols."""
    try:
        if header := headers.get("authorization"):
            return _reader(await authenticate(header, headers.get("x-project") or None))
    except (UnknownProjectError, NoProjectError):
        return None
    for offer in offered:
        if offer.startswith(TICKET_PREFIX):
            return await caller_of_ticket(offer.removeprefix(TICKET_PREFIX))
    return None


async def caller_of_ticket(ticket: str | None) -> Principal | None:
    if not ticket or len(ticket) > MAX_TICKET:
        return None
    return _reader(await in_thread(consume_ticket, ticket))


def _reader(principal: Principal | None) -> Principal | None:
    return principal if principal is not None and principal.can("read") else None


def parse(text: str | None) -> dict[str, Any]:
    """One frame of a client. Raises Refused."""
    if text is None:
        raise Refused("frames are JSON text")
    if len(text) > MAX_FRAME:
        raise Refused(f"a frame has at most {MAX_FRAME} bytes")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused("frames are JSON objects") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise Refused("frames are JSON objects with a type")
    return frame


def parse_hello(frame: Mapping[str, Any]) -> Hello:
    if frame.get("v") != 1:
        raise Refused("hello: v must be 1")
    seq, epoch = frame.get("seq"), frame.get("epoch")
    if seq is not None and (not isinstance(seq, int) or isinstance(seq, bool)):
        raise Refused("hello: seq must be a whole number")
    try:
        known = None if epoch is None else UUID(str(epoch))
    except ValueError:
        known = None  # an epoch that never was: a snapshot mends it
    return Hello(text_of(frame, "ticket"), text_of(frame, "project"), known, seq)


def text_of(frame: Mapping[str, Any], name: str) -> str | None:
    value = frame.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(f"{frame['type']}: {name} must be text")
    return value


class Rate:
    """A bucket that fills at so many frames a second and holds as many."""

    def __init__(self) -> None:
        self._left = float(FRAMES_PER_SECOND)
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(FRAMES_PER_SECOND, self._left + (now - self._at) * FRAMES_PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
