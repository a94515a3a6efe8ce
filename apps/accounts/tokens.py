"""Signed tokens: what is in them, how they are made, and how one is checked without a query.

An access token is good for five minutes and is believed only while the roster (`roster.py`) still
knows its user, sign-in and credential fingerprint.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from apps.accounts.models import RefreshFamily, User

ACCESS_LIFETIME = timedelta(minutes=5)
REFRESH_LIFETIME = timedelta(days=7)
FAMILY_LIFETIME = timedelta(days=30)
AUDIENCE = "mission-control"
ISSUER = "mission-control"


class AccessToken(Token):
    token_type = "access"  # noqa: S105  (a kind, not a secret)
    lifetime = ACCESS_LIFETIME


class RefreshToken(Token):
    token_type = "refresh"  # noqa: S105
    lifetime = REFRESH_LIFETIME


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. `expires_at` is a Unix time in seconds."""

    user_id: int
    username: str
    family: uuid.UUID
    fingerprint: str
    jti: str
    expires_at: int


def fingerprint(password_hash: str) -> str:
    """Changes whenever the password does, and tells nothing about it."""
    return salted_hmac("accounts.fingerprint", password_hash, algorithm="sha256").hexdigest()[:24]


def access_token(user: User, family: RefreshFamily) -> str:
    return str(_signed(AccessToken(), user, family))


def refresh_token(user: User, family: RefreshFamily, now: datetime) -> str:
    """The family's current refresh token; it never outlives the family."""
    token = RefreshToken()
    token.payload["jti"] = family.current_jti
    token.payload["exp"] = int(min(now + REFRESH_LIFETIME, family.expires_at).timestamp())
    return str(_signed(token, user, family))


def _signed(token: Token, user: User, family: RefreshFamily) -> Token:
    token.payload |= {
        "sub": str(user.pk),
        "username": user.get_username(),
        "family": str(family.pk),
        "fingerprint": fingerprint(user.password),
    }
    return token


def verify(token: str, kind: type[Token] = AccessToken) -> Claims | None:
    """The claims of a token of that kind, or None: wrong signature, algorithm, audience, issuer,
    type or time. Touches nothing but the token.
    """
    try:
        payload: dict[str, Any] = kind(token).payload  # type: ignore[arg-type]  # it takes text
        return Claims(
            user_id=int(payload["sub"]),
            username=str(payload["username"]),
            family=uuid.UUID(payload["family"]),
            fingerprint=str(payload["fingerprint"]),
            jti=str(payload["jti"]),
            expires_at=int(payload["exp"]),
        )
    except (TokenError, KeyError, ValueError, TypeError, OverflowError):
        return None
