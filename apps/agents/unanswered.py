"""What agents wait for people to say. An upper app knows; it teaches this one how to look."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

Look = Callable[[UUID], str]

_looks: list[Look] = []


def teach(look: Look) -> None:
    """Have `look(agent_id)` asked for what an agent waits; it answers with an empty text for nothing."""
    if look not in _looks:
        _looks.append(look)


def reason(agent_id: UUID) -> str:
    """What the agent waits for people to say; empty when it waits for nobody."""
    return next((said for look in _looks if (said := look(agent_id))), "")
