"""Verbs that touch more than one accounts row."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from apps.accounts import keys
from apps.accounts.models import ApiKey, Project
from apps.accounts.roster import roster

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
    row.save(force_insert=True)
    return IssuedKey(row=row, text=text)


def fill_new_key(row: ApiKey, *, created_by_id: int | None) -> str:
    """Give an unsaved row its secret; the text returned is all there will ever be of it."""
    new = keys.generate()
    row.prefix, row.hash, row.created_by_id = new.prefix, new.hash, created_by_id
    return new.text


def revoke_key(key: ApiKey) -> None:
    """Refuse the key from now on; other processes follow within a second."""
    key.revoke()
    roster.clear()
