"""What lives above the accounts app and cannot be imported here: who journals, and who the agents are.

The agents app moves in when Django starts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol, TypedDict

from django.db import transaction

KeyKind = Literal["key.made", "key.rotated", "key.changed", "key.revoked"]
Tell = Callable[[KeyKind, uuid.UUID], None]


class KeyAgent(TypedDict):
    """An agent as the page of a key names it."""

    id: uuid.UUID
    name: str


class House(Protocol):
    def changing_keys(self, project_id: uuid.UUID) -> AbstractContextManager[Tell]:
        """One transaction; what is told of keys in it is journalled with it."""

    def agents_named(self, project_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Names of those that are agents of the project."""

    def agents_of_key(self, project_id: uuid.UUID, key_id: uuid.UUID) -> list[KeyAgent]:
        """The agents that last came with this key, the newest signal first; at most 50."""


class _Empty:
    @contextmanager
    def changing_keys(self, project_id: uuid.UUID) -> Iterator[Tell]:
        with transaction.atomic():
            yield lambda kind, key_id: None

    def agents_named(self, project_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        return {}

    def agents_of_key(self, project_id: uuid.UUID, key_id: uuid.UUID) -> list[KeyAgent]:
        return []


_lives_here: list[House] = [_Empty()]


def house() -> House:
    return _lives_here[-1]


def move_in(owner: House) -> None:
    _lives_here[:] = [owner]
