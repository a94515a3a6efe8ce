"""Who is calling, as one immutable value, and the one function that turns a header into it.

Serves the REST API, the fast dashboard and the sockets alike; needs no query for a caller who was
seen within the last half second.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import dataclass, replace
from typing import Literal

from apps.accounts import keys, tokens
from apps.accounts.models import Role, Scope
from apps.accounts.roster import Known, KnownKey, KnownUser, Seat, roster

Action = Literal["read", "operate", "admin", "agent", "ingest"]

ROLE_ACTIONS: dict[str, frozenset[Action]] = {
    Role.VIEWER: frozenset({"read"}),
    Role.OPERATOR: frozenset({"read", "operate"}),
    Role.ADMIN: frozenset({"read", "operate", "admin"}),
}
SCOPE_ACTIONS: dict[str, Action] = {
    Scope.READ: "read",
    Scope.RUN: "operate",
    Scope.AGENT: "agent",
    Scope.INGEST: "ingest",
}
KEY_MARK = "mc_"
VERIFIED_TOKENS_KEPT = 10_000


class UnknownProjectError(Exception):
    """There is no such project, or you are not a member of it."""


class NoProjectError(Exception):
    """You are not a member of any project. Ask an administrator to add you."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller in one project: a user (`user_id`) or a key (`key_id`), never both."""

    user_id: int | None
    key_id: uuid.UUID | None
    username: str
    name: str
    project_id: uuid.UUID
    project_slug: str
    project_name: str
    role: str
    scopes: frozenset[str]
    fingerprint: str
    family_id: uuid.UUID | None = None
    agent_id: uuid.UUID | None = None
    key_prefix: str = ""

    def can(self, action: Action) -> bool:
        """Whether the role (of a user) or a scope (of a key) allows it."""
        if self.key_id is not None:
            return any(SCOPE_ACTIONS.get(scope) == action for scope in self.scopes)
        return action in ROLE_ACTIONS.get(self.role, frozenset())

    @property
    def identity(self) -> str:
        """Names the caller across projects, for quotas: `user:7` or `key:<uuid>`."""
        return f"user:{self.user_id}" if self.key_id is None else f"key:{self.key_id}"


def authenticate_header(value: str, project: str | None = None) -> Principal | None:
    """The caller behind an `Authorization` header, in the project named by slug or id (default:
    a user's first, a key's own). None when the credential is not good.

    Raises UnknownProjectError (answer 404) and NoProjectError (403). On an event loop await
    `authenticate` instead, which never blocks it.
    """
    credential = _credential(value)
    if credential.startswith(KEY_MARK):
        prefix = keys.prefix_of(credential)
        return _of_key(credential, roster.key(prefix), project) if prefix else None
    claims = verified(credential)
    if claims is None:
        return None
    user: Known | None = roster.user(claims.user_id)
    if not _vouches(user, claims):
        user = roster.user(claims.user_id, newest=True)
    return _of_claims(claims, user, project)


async def authenticate(value: str, project: str | None = None) -> Principal | None:
    """`authenticate_header` for code on an event loop, which is never blocked."""
    credential = _credential(value)
    if credential.startswith(KEY_MARK):
        prefix = keys.prefix_of(credential)
        return _of_key(credential, await roster.load(prefix), project) if prefix else None
    claims = verified(credential)
    if claims is None:
        return None
    user = await roster.load(claims.user_id)
    if not _vouches(user, claims):
        user = await roster.load(claims.user_id, newest=True)
    return _of_claims(claims, user, project)


def still_valid(principal: Principal) -> bool:
    """Whether an open socket of this caller may stay open: neither password, sign-in, key,
    membership nor role has changed. On an event loop await `is_still_valid` instead.
    """
    if principal.key_id is not None:
        return _is_as_before(roster.key(principal.key_prefix), principal)
    user_id = principal.user_id or 0
    return _is_as_before(roster.user(user_id), principal) or _is_as_before(
        roster.user(user_id, newest=True), principal
    )


async def is_still_valid(principal: Principal) -> bool:
    """`still_valid` for code on an event loop, which is never blocked."""
    subject = principal.key_prefix or principal.user_id or 0
    return _is_as_before(await roster.load(subject), principal) or _is_as_before(
        await roster.load(subject, newest=True), principal
    )


def in_project(principal: Principal, project: str | None) -> Principal:
    """The same caller in another of its projects."""
    if project is None or project in (principal.project_slug, str(principal.project_id)):
        return principal
    if principal.key_id is not None:
        raise UnknownProjectError
    user = roster.user(principal.user_id or 0)
    seat = _seat(user.seats if user else (), project)
    return replace(
        principal,
        project_id=seat.project_id,
        project_slug=seat.slug,
        project_name=seat.name,
        role=seat.role,
    )


def of_user(user: KnownUser, family: uuid.UUID | None, project: str | None = None) -> Principal:
    seat = _seat(user.seats, project)
    return Principal(
        user_id=user.id,
        key_id=None,
        username=user.username,
        name=user.name or user.username,
        project_id=seat.project_id,
        project_slug=seat.slug,
        project_name=seat.name,
        role=seat.role,
        scopes=frozenset(),
        fingerprint=user.fingerprint,
        family_id=family,
    )


def of_key(key: KnownKey, project: str | None = None) -> Principal:
    seat = _seat((key.seat,), project)
    return Principal(
        user_id=None,
        key_id=key.id,
        username=key.name,
        name=key.name,
        project_id=seat.project_id,
        project_slug=seat.slug,
        project_name=seat.name,
        role="",
        scopes=key.scopes,
        fingerprint=key.hash[:24],
        agent_id=key.agent_id,
        key_prefix=key.prefix,
    )


_verified: dict[bytes, tokens.Claims] = {}


def verified(token: str) -> tokens.Claims | None:
    """The claims of an access token; a signature is computed once per token and process."""
    mark = hashlib.sha256(token.encode()).digest()
    claims = _verified.get(mark)
    if claims is None:
        claims = tokens.verify(token)
        if claims is None:
            return None
        if len(_verified) >= VERIFIED_TOKENS_KEPT:
            _verified.clear()
        _verified[mark] = claims
    if claims.expires_at <= time.time():
        _verified.pop(mark, None)
        return None
    return claims


def _credential(value: str) -> str:
    """What follows `Bearer`, or nothing."""
    scheme, _, credential = value.strip().partition(" ")
    credential = credential.strip()
    return credential if scheme.lower() == "bearer" and credential.isascii() else ""


def _of_claims(claims: tokens.Claims, user: Known | None, project: str | None) -> Principal | None:
    if not isinstance(user, KnownUser) or not _vouches(user, claims):
        return None
    return of_user(user, claims.family, project)


def _of_key(text: str, key: Known | None, project: str | None) -> Principal | None:
    if not isinstance(key, KnownKey) or not keys.matches(text, key.hash) or not key.is_usable():
        return None
    roster.note_use(key)
    return of_key(key, project)


def _vouches(user: Known | None, claims: tokens.Claims) -> bool:
    return (
        isinstance(user, KnownUser)
        and user.fingerprint == claims.fingerprint
        and claims.family in user.families
    )


def _is_as_before(known: Known | None, principal: Principal) -> bool:
    if isinstance(known, KnownKey):
        same = known.id == principal.key_id and known.scopes == principal.scopes
        return same and known.is_usable()
    if known is None or known.fingerprint != principal.fingerprint:
        return False
    if principal.family_id is not None and principal.family_id not in known.families:
        return False
    seat = next((seat for seat in known.seats if seat.project_id == principal.project_id), None)
    return seat is not None and seat.role == principal.role


def _seat(seats: tuple[Seat, ...], project: str | None) -> Seat:
    if project is None:
        if not seats:
            raise NoProjectError
        return seats[0]
    for seat in seats:
        if project in (seat.slug, str(seat.project_id)):
            return seat
    raise UnknownProjectError
