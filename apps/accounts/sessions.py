"""Signing in, staying signed in and signing out: the life of a family of refresh tokens.

A refresh token is good once. A second use after the grace period means that two parties hold it,
so the whole family ends (RFC 9700, section 4.14.2).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import RefreshFamily, User
from apps.accounts.roster import roster

GRACE = timedelta(seconds=10)


class SignInOverError(Exception):
    """The sign-in is over. Sign in again."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token that replaces it; `expires_in` is in seconds."""

    access: str
    refresh: str
    expires_in: int = int(tokens.ACCESS_LIFETIME.total_seconds())


@transaction.atomic
def sign_in(user: User, user_agent: str = "") -> Pair:
    """Begin a family for a user whose password was just checked."""
    now = timezone.now()
    RefreshFamily.objects.filter(user=user, expires_at__lt=now).delete()
    family = RefreshFamily.objects.create(
        user=user,
        current_jti=uuid.uuid4().hex,
        expires_at=now + tokens.FAMILY_LIFETIME,
        user_agent=user_agent[:200],
    )
    transaction.on_commit(roster.clear)
    return _pair(user, family)


def rotate(refresh: str) -> Pair:
    """Exchange a refresh token for the next pair.

    A browser's second tab that comes within ten seconds with the token just replaced receives the
    current one again. Raises SignInOverError.
    """
    claims = tokens.verify(refresh, tokens.RefreshToken)
    if claims is None:
        raise SignInOverError
    with transaction.atomic():
        family, pair = _next(claims)
        if pair is None and family is not None:
            family.revoke()
            transaction.on_commit(roster.clear)
    if pair is None:
        raise SignInOverError
    return pair


def sign_out(refresh: str) -> None:
    """End the family of this token; nothing happens when it is over already."""
    claims = tokens.verify(refresh, tokens.RefreshToken)
    if claims is None:
        return
    family = RefreshFamily.objects.filter(pk=claims.family, user=claims.user_id).first()
    if family is not None and claims.jti in (family.current_jti, family.previous_jti):
        family.revoke()
        roster.clear()


def owner_of(refresh: str) -> User | None:
    """The user signed in with this refresh token, without using it up."""
    claims = tokens.verify(refresh, tokens.RefreshToken)
    if claims is None:
        return None
    family = _live_family(claims)
    if family is None or claims.jti not in (family.current_jti, family.previous_jti):
        return None
    return family.user


def _next(claims: tokens.Claims) -> tuple[RefreshFamily | None, Pair | None]:
    """The family to end (if there is one) and the pair to hand out (if the token is good)."""
    now = timezone.now()
    live = RefreshFamily.objects.filter(pk=claims.family, revoked_at=None)
    family = _live_family(claims)
    if family is None:
        return live.first(), None
    fresh = uuid.uuid4().hex
    won = live.filter(current_jti=claims.jti).update(
        current_jti=fresh, previous_jti=claims.jti, rotated_at=now
    )
    family.refresh_from_db()
    if not won:
        in_grace = family.previous_jti == claims.jti and now - family.rotated_at < GRACE
        if family.revoked_at is not None or not in_grace:
            return family, None
    return family, _pair(family.user, family)


def _live_family(claims: tokens.Claims) -> RefreshFamily | None:
    family = (
        RefreshFamily.objects.select_related("user")
        .filter(
            pk=claims.family,
            user=claims.user_id,
            user__is_active=True,
            revoked_at=None,
            expires_at__gt=timezone.now(),
        )
        .first()
    )
    if family is None or tokens.fingerprint(family.user.password) != claims.fingerprint:
        return None
    return family


def _pair(user: User, family: RefreshFamily) -> Pair:
    return Pair(
        access=tokens.access_token(user, family),
        refresh=tokens.refresh_token(user, family, timezone.now()),
    )
