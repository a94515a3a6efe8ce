"""Verbs on agents that are reached by HTTP: made, changed, and given another secret, by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from apps.agents import outbound, services
from apps.agents.models import Agent, Connector
from apps.agents.outbound import OutboundError
from apps.agents.record import record_agent
from apps.errors import Conflict, InvalidInput
from apps.events import journal


@dataclass(frozen=True, slots=True)
class Described:
    """What people decide about an agent with an endpoint."""

    name: str
    type: str
    endpoint: str
    description: str = ""
    capabilities: Sequence[str] = ()
    max_parallel: int = 1


def check(endpoint: str) -> None:
    """Raises InvalidInput when it can be told now that nothing could be sent there."""
    try:
        outbound.checked(outbound.Request("POST", endpoint))
    except OutboundError as error:
        raise InvalidInput({"endpoint": error.message}) from None


def add(project_id: UUID, described: Described) -> Agent:
    """Make an agent that is reached at an endpoint. Raises InvalidInput, and Conflict when the name is
    taken."""
    check(described.endpoint)
    agent = Agent(
        project_id=project_id,
        name=described.name,
        slug=services.free_slug(project_id, described.name),
        connector=Connector.HTTP,
        type=described.type,
        description=described.description,
        capabilities=list(dict.fromkeys(described.capabilities)),
        endpoint=described.endpoint,
        max_parallel=described.max_parallel,
    )
    return _saved(agent)


def amend(agent: Agent, changed: dict[str, Any]) -> Agent:
    """Change what is given, by the names of Described. Raises InvalidInput, and Conflict when the name is
    taken or the agent has no endpoint."""
    if agent.connector != Connector.HTTP:
        raise Conflict("Only an agent with an HTTP endpoint is changed here.")
    current = Described(
        agent.name,
        agent.type,
        agent.endpoint,
        agent.description,
        tuple(agent.capabilities),
        agent.max_parallel,
    )
    wanted = replace(current, **changed)
    if wanted.endpoint != current.endpoint:
        check(wanted.endpoint)
    agent.name, agent.type, agent.endpoint = wanted.name, wanted.type, wanted.endpoint
    agent.description, agent.max_parallel = wanted.description, wanted.max_parallel
    agent.capabilities = list(dict.fromkeys(wanted.capabilities))
    return _saved(agent)


def rotate_secret(agent: Agent) -> Agent:
    """Give it another secret. Calls are signed with the one before, too, until the next rotation."""
    if agent.connector != Connector.HTTP:
        raise Conflict("Only an agent with an HTTP endpoint has a secret.")
    with journal.changes(agent.project_id) as change:
        current = Agent.objects.select_for_update(no_key=True).get(pk=agent.pk)
        current.secret_version += 1
        current.save(update_fields=["secret_version"])
        record_agent(change, "agent.secret_rotated", current)
    return current


def _saved(agent: Agent) -> Agent:
    try:
        return services.save_agent(agent)
    except IntegrityError:
        raise Conflict(f"There is an agent named {agent.name!r} already; choose another name.") from None
