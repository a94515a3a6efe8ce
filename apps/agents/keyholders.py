"""What the accounts app may know of agents, which live above it, and how its keys get into the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db.models import Q

from apps.accounts.house import KeyAgent, KeyKind, Tell
from apps.agents.events import KeyChanged
from apps.agents.models import Agent
from apps.events import journal
from apps.events.conditions import is_of

MOST_AGENTS = 50


class Keyholders:
    """The agents app as `apps.accounts.house` asks for it."""

    @contextmanager
    def changing_keys(self, project_id: UUID) -> Iterator[Tell]:
        with journal.changes(project_id) as change:

            def tell(kind: KeyKind, key_id: UUID) -> None:
                change.record(kind, KeyChanged(key_id=key_id))

            yield tell

    def agents_named(self, project_id: UUID, ids: Collection[UUID]) -> dict[UUID, str]:
        found = Agent.objects.filter(is_of(project_id), pk__in=ids).order_by()
        return dict(found.values_list("pk", "name"))

    def agents_of_key(self, project_id: UUID, key_id: UUID) -> list[KeyAgent]:
        found = Agent.objects.filter(project_id=project_id, key_id=key_id).order_by("-last_active", "name")
        return [{"id": pk, "name": name} for pk, name in found.values_list("pk", "name")[:MOST_AGENTS]]


def note_key(agent: Agent, key_id: UUID | None) -> None:
    """Remember the key an agent came with; nothing is written while it is the same one."""
    if key_id is not None and agent.key_id != key_id:
        agent.key_id = key_id
        Agent.objects.filter(pk=agent.pk).update(key_id=key_id)


def note_keys(agents: Collection[UUID], key_id: UUID | None) -> None:
    """The same for many."""
    if agents and key_id is not None:
        others = Q(key_id=None) | ~Q(key_id=key_id)
        Agent.objects.filter(others, pk__in=agents).update(key_id=key_id)
