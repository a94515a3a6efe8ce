"""What this process knows of the callers it has seen lately: users, sign-ins and keys.

Credentials are checked against this memory instead of the database. Entries are re-read in one
batch, at most every half second, so that whatever is revoked anywhere is refused within one.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, close_old_connections
from django.db.models import Q
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import LAST_USED_EVERY, ApiKey, Membership, RefreshFamily, User

MAX_AGE_SECONDS = 0.5
FORGET_AFTER_SECONDS = 60.0
BLOCK_SECONDS = 2.0
# While the database is away nobody can be revoked in it: callers seen lately may go on, so that
# the health page can say what is wrong.
OUTAGE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Seat:
    """A project as one caller sees it: `role` is empty for keys."""

    project_id: uuid.UUID
    slug: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class KnownUser:
    id: int
    username: str
    name: str
    fingerprint: str
    seats: tuple[Seat, ...]
    families: frozenset[uuid.UUID]


@dataclass(frozen=True, slots=True)
class KnownKey:
    id: uuid.UUID
    prefix: str
    name: str
    hash: str
    scopes: frozenset[str]
    agent_id: uuid.UUID | None
    seat: Seat
    expires_at: datetime | None

    def is_usable(self) -> bool:
        return self.expires_at is None or self.expires_at > timezone.now()


Subject = int | str  # a user's id or a key's prefix
Known = KnownUser | KnownKey


@dataclass(slots=True)
class _Slot:
    known: Known
    loaded_at: float
    used_at: float


class Roster:
    """One per process. Reading is free of locks; one thread at a time re-reads the database."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots: dict[Subject, _Slot] = {}
        self._used_at: dict[uuid.UUID, float] = {}
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="roster")

    def user(self, user_id: int, *, newest: bool = False) -> KnownUser | None:
        """An active user, as of at most half a second ago, or as of now with `newest`.

        Refuse nobody for what memory does not know yet: someone may have signed in a moment ago
        through another process. Ask again with `newest` first.
        """
        known = self._known(user_id, newest)
        return known if isinstance(known, KnownUser) else None

    def key(self, prefix: str) -> KnownKey | None:
        """A key that was not revoked half a second ago; its expiry is for the caller to check."""
        known = self._known(prefix, newest=False)
        return known if isinstance(known, KnownKey) else None

    def note_use(self, key: KnownKey) -> None:
        """Store when the key was last used, at most once a minute."""
        now = self._clock()
        if now - self._used_at.get(key.id, -LAST_USED_EVERY.total_seconds()) < (
            LAST_USED_EVERY.total_seconds()
        ):
            return
        self._used_at[key.id] = now
        if _on_a_loop():
            self._executor.submit(_closing, lambda: _store_use(key.id))
        else:
            _store_use(key.id)

    def clear(self) -> None:
        """Forget everything: the next question goes to the database."""
        self._slots = {}
        self._used_at = {}

    async def load(self, subject: Subject, *, newest: bool = False) -> Known | None:
        """What `user` and `key` answer, for code on an event loop, which is never blocked."""
        since = self._since(newest)
        if not self._is_known_since(subject, since):
            try:
                await asyncio.wrap_future(self._in_thread(subject, since))
            except DatabaseError:
                if not self._bridges_an_outage(subject):
                    raise
        return self._remembered(subject)

    def _known(self, subject: Subject, newest: bool) -> Known | None:
        since = self._since(newest)
        if not self._is_known_since(subject, since):
            self._refresh_from_here(subject, since)
        return self._remembered(subject)

    def _remembered(self, subject: Subject) -> Known | None:
        slot = self._slots.get(subject)
        if slot is None:
            return None
        slot.used_at = self._clock()
        return slot.known

    def _since(self, newest: bool) -> float:
        now = self._clock()
        return now if newest else now - MAX_AGE_SECONDS

    def _is_known_since(self, subject: Subject, since: float) -> bool:
        slot = self._slots.get(subject)
        return slot is not None and slot.loaded_at > since

    def _refresh_from_here(self, subject: Subject, since: float) -> None:
        try:
            if _on_a_loop():  # better awaited through `load`; here the query runs elsewhere
                self._in_thread(subject, since).result(timeout=BLOCK_SECONDS)
            else:
                self._refresh(subject, since)
        except (DatabaseError, TimeoutError):
            if not self._bridges_an_outage(subject):
                raise

    def _bridges_an_outage(self, subject: Subject) -> bool:
        slot = self._slots.get(subject)
        return slot is not None and self._clock() - slot.loaded_at < OUTAGE_SECONDS

    def _in_thread(self, subject: Subject, since: float) -> Future[None]:
        return self._executor.submit(_closing, lambda: self._refresh(subject, since))

    def _refresh(self, subject: Subject, since: float) -> None:
        """Re-read this subject together with everyone who called within the last minute."""
        with self._lock:
            if self._is_known_since(subject, since):
                return
            now = self._clock()
            slots = self._slots
            wanted = {
                other for other, slot in list(slots.items()) if now - slot.used_at < FORGET_AFTER_SECONDS
            } | {subject}
            known: dict[Subject, Known] = {
                **_load_users([one for one in wanted if isinstance(one, int)]),
                **_load_keys([one for one in wanted if isinstance(one, str)]),
            }
            # Subjects that do not exist are not kept, so guesses cannot fill the memory.
            self._slots = {
                one: _Slot(found, now, slots[one].used_at if one in slots else now)
                for one, found in known.items()
            }


def _load_users(ids: list[int]) -> dict[Subject, Known]:
    if not ids:
        return {}
    seats: dict[int, list[Seat]] = {}
    for membership in Membership.objects.filter(user__in=ids).select_related("project"):
        project = membership.project
        seat = Seat(project.pk, project.slug, project.name, membership.role)
        seats.setdefault(membership.user_id, []).append(seat)
    families: dict[int, set[uuid.UUID]] = {}
    live = RefreshFamily.objects.filter(
        user__in=ids, revoked_at=None, expires_at__gt=timezone.now()
    ).order_by()
    for user_id, family in live.values_list("user_id", "pk"):
        families.setdefault(user_id, set()).add(family)
    return {
        user.pk: KnownUser(
            id=user.pk,
            username=user.get_username(),
            name=user.get_full_name(),
            fingerprint=tokens.fingerprint(user.password),
            seats=tuple(seats.get(user.pk, ())),
            families=frozenset(families.get(user.pk, ())),
        )
        for user in User.objects.filter(pk__in=ids, is_active=True)
    }


def _load_keys(prefixes: list[str]) -> dict[Subject, Known]:
    if not prefixes:
        return {}
    found: dict[Subject, Known] = {}
    for key in ApiKey.objects.usable().filter(prefix__in=prefixes).select_related("project"):
        project = key.project
        found[key.prefix] = KnownKey(
            id=key.pk,
            prefix=key.prefix,
            name=key.name,
            hash=key.hash,
            scopes=frozenset(key.scopes),
            agent_id=key.agent_id,
            seat=Seat(project.pk, project.slug, project.name, ""),
            expires_at=key.expires_at,
        )
    return found


def _store_use(key_id: uuid.UUID) -> None:
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY)
    ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _closing(function: Callable[[], None]) -> None:
    """Run on the roster's own thread, which must not keep a database connection."""
    close_old_connections()
    try:
        function()
    finally:
        close_old_connections()


roster = Roster()
