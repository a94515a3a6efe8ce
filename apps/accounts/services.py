"""Verbs that touch more than one accounts row."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.accounts import keys
from apps.accounts.house import KeyKind, house
from apps.accounts.models import ApiKey, Project
from apps.accounts.roster import roster
from apps.errors import Conflict

DEFAULT_PROJECT_SLUG = "default"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A stored key and its text, which exists nowhere else."""

    row: ApiKey
    text: str


def default_project() -> Project:
    """The project that exists from the first start; created when it does not."""
    project, _ = Project.objects.get_or_create(
        slug=DEFAULT_PROJECT_SLUG, defaults={"name": "Mission Control"}
    )
    return project


def issue_key(
    *,
    project_id: uuid.UUID,
    name: str,
    scopes: list[str],
    created_by_id: int | None = None,
    expires_at: datetime | None = None,
    agent_id: uuid.UUID | None = None,
) -> IssuedKey:
    """A new API key. Older keys stay good, so that a program can change over without a pause."""
    row = ApiKey(project_id=project_id, name=name, scopes=scopes, expires_at=expires_at, agent_id=agent_id)
    text = fill_new_key(row, created_by_id=created_by_id)
    with house().changing_keys(project_id) as tell:
        row.save(force_insert=True)
        tell("key.made", row.pk)
    return IssuedKey(row=row, text=text)


def fill_new_key(row: ApiKey, *, created_by_id: int | None) -> str:
    """Give an unsaved row its secret; the text returned is all there will ever be of it."""
    new = keys.generate()
    row.prefix, row.hash, row.created_by_id = new.prefix, new.hash, created_by_id
    return new.text


def rotate_key(key: ApiKey, *, overlap: timedelta, created_by_id: int | None = None) -> IssuedKey:
    """A new key in place of this one, which goes on for `overlap` and then expires by itself.

    The new one has the same name, scopes and agent, and lives as long from now as the old one was
    made to live. Of two at the same moment one wins. Raises Conflict when the key is revoked, expired
    or was rotated already.
    """
    with house().changing_keys(key.project_id) as tell:
        old = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if not old.is_usable:
            raise Conflict("The key is revoked or has expired; make a new one instead.")
        if old.replaced_by.exists():
            raise Conflict("The key was rotated already; rotate the key that replaced it.")
        moment = timezone.now()
        new = ApiKey(
            project_id=old.project_id,
            name=old.name,
            scopes=old.scopes,
            agent_id=old.agent_id,
            replaces=old,
            created_at=moment,
            expires_at=moment + (old.expires_at - old.created_at) if old.expires_at else None,
        )
        text = fill_new_key(new, created_by_id=created_by_id)
        new.save(force_insert=True)
        ends = moment + overlap
        old.expires_at = min(old.expires_at, ends) if old.expires_at else ends
        old.save(update_fields=["expires_at"])
        tell("key.rotated", old.pk)
    roster.clear()
    return IssuedKey(row=new, text=text)


def change_key(key: ApiKey, changes: dict[str, Any]) -> ApiKey:
    """Another name or expiry. Raises Conflict when the key is revoked."""
    with house().changing_keys(key.project_id) as tell:
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(**changes):
            raise Conflict("The key is revoked; make a new one instead.")
        tell("key.changed", key.pk)
    roster.clear()
    key.refresh_from_db()
    return key


def revoke_key(key: ApiKey) -> None:
    """Refuse the key from now on; other processes follow within a second."""
    with house().changing_keys(key.project_id) as tell:
        if key.revoke():
            tell("key.revoked", key.pk)
    roster.clear()


def revoke_keys(wanted: Iterable[ApiKey]) -> int:
    """Revoke those that are not revoked yet; returns how many."""
    chosen = list(wanted)
    for key in chosen:
        revoke_key(key)
    return sum(key.revoked_at is None for key in chosen)


def announce_key(kind: KeyKind, key: ApiKey) -> None:
    """Journal what a form wrote of a key."""
    with house().changing_keys(key.project_id) as tell:
        tell(kind, key.pk)
    roster.clear()
