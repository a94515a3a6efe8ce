"""Socket tickets: thirty seconds, one use, bound to the caller and the sign-in that asked.

A browser cannot send headers with a socket, and a token in the URL would end up in logs.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from apps.accounts.models import SocketTicket
from apps.accounts.principal import (
    NoProjectError,
    Principal,
    UnknownProjectError,
    of_key,
    of_user,
    still_valid,
)
from apps.accounts.roster import roster

LIFETIME = timedelta(seconds=30)


def issue_ticket(principal: Principal) -> str:
    """A new ticket for this caller in this project; the value exists only in the answer."""
    now = timezone.now()
    SocketTicket.objects.filter(expires_at__lt=now - LIFETIME).delete()
    value = secrets.token_urlsafe(32)
    SocketTicket.objects.create(
        hash=_digest(value),
        user_id=principal.user_id,
        api_key_id=principal.key_id,
        family_id=principal.family_id,
        project_id=principal.project_id,
        fingerprint=principal.fingerprint,
        expires_at=now + LIFETIME,
    )
    return value


def consume_ticket(value: str) -> Principal | None:
    """The caller the ticket was given to, once; None when it is used, expired, unknown, or its
    owner has lost the right meanwhile. Of two simultaneous uses one wins.
    """
    if not 0 < len(value) <= 100 or not value.isascii():
        return None
    ticket = SocketTicket.objects.select_related("api_key").filter(hash=_digest(value)).first()
    if ticket is None or not SocketTicket.objects.filter(pk=ticket.pk).delete()[0]:
        return None
    if ticket.expires_at <= timezone.now():
        return None
    try:
        principal = _owner(ticket)
    except (NoProjectError, UnknownProjectError):
        return None
    if principal is None or principal.fingerprint != ticket.fingerprint:
        return None
    return principal if still_valid(principal) else None


def _owner(ticket: SocketTicket) -> Principal | None:
    project = str(ticket.project_id)
    if ticket.api_key is not None:
        key = roster.key(ticket.api_key.prefix)
        return of_key(key, project) if key is not None else None
    user = roster.user(ticket.user_id or 0, newest=True)
    return of_user(user, ticket.family_id, project) if user is not None else None


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
