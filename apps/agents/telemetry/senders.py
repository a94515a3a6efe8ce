"""Whose telemetry it is: agents found by what it says of them, and made when there are none."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.agents import services
from apps.agents.models import Agent, AgentStatus, Connector, Provenance
from apps.agents.record import record_agent
from apps.agents.telemetry.facts import AgentFacts
from apps.events.journal import Change

logger = logging.getLogger(__name__)

NEW_AGENTS_AN_HOUR = 200
NAME_LENGTH, TYPE_LENGTH = 100, 50
# Names of services that are looked for among the agents of a service at once.
SERVICES_AT_ONCE = 100


def resolve(change: Change, wanted: Iterable[AgentFacts], sure: Iterable[str] = ()) -> dict[str, UUID]:
    """The agents of these facts by `external_id`; those beyond the bound of new ones are absent.

    Found by `external_id`, else by name (an agent that registered itself is the same one), else made.
    Facts that name no agent give the only agent of their service, if it has one, unless their
    `external_id` is among `sure`: then they speak of the service as an agent in its own right.
    """
    facts = {one.external_id: one for one in sorted(wanted, key=lambda one: one.named)}
    if not facts:
        return {}
    sure = set(sure)
    services_of = {_service(one) for one in facts.values() if one.named}
    # Unordered, here and below: for the order SQLite would go through all agents of the project.
    agents = Agent.objects.filter(project_id=change.project_id).order_by()
    found = {str(one.external_id): one for one in agents.filter(external_id__in=facts.keys() | services_of)}
    resolved = {name: found[name].pk for name in facts if name in found}
    for name in resolved.keys() & sure:
        _be_sure_of(found[name])
    missing = [one for name, one in facts.items() if name not in found]
    resolved |= _only_ones(change.project_id, [one for one in missing if one.external_id not in sure])
    missing = [one for one in missing if one.external_id not in resolved]
    if not missing:
        return resolved
    names = {one.name: one for one in agents.filter(name__in={_name(one) for one in missing})}
    room = NEW_AGENTS_AN_HOUR - _new_ones(change)
    refused = 0
    for one in missing:
        is_sure = one.named or one.external_id in sure
        agent = _registered(names.get(_name(one)), one) or _service_that_gets_a_name(change, found, one)
        if agent is None:
            if room <= 0:
                refused += 1
                continue
            room -= 1
            agent = _make(change, one, is_sure)
        names[agent.name] = agent
        resolved[one.external_id] = agent.pk
    if refused:
        logger.warning(
            "telemetry names more new agents than one hour takes; their spans are kept without an agent",
            extra={"project": str(change.project_id), "refused": refused, "an_hour": NEW_AGENTS_AN_HOUR},
        )
    return resolved


def _new_ones(change: Change) -> int:
    since = change.moment() - timedelta(hours=1)
    return Agent.objects.filter(
        project_id=change.project_id, external_id__isnull=False, created_at__gte=since
    ).count()


def _service(facts: AgentFacts) -> str:
    """The `external_id` that spans of its service have when they name no agent."""
    return facts.external_id.rpartition(":")[0]


def _name(facts: AgentFacts) -> str:
    return facts.name[:NAME_LENGTH]


def _only_ones(project_id: UUID, missing: list[AgentFacts]) -> dict[str, UUID]:
    """For facts that name only a service: its agent, when there is exactly one."""
    names = [one.external_id for one in missing if not one.named][:SERVICES_AT_ONCE]
    if not names:
        return {}
    of_service = reduce(or_, (Q(external_id__startswith=f"{name}:") for name in names))
    rows = Agent.objects.filter(of_service, project_id=project_id).order_by().values_list("external_id", "pk")
    by_service: dict[str, list[UUID]] = {}
    for external_id, pk in rows:
        by_service.setdefault(str(external_id).rpartition(":")[0], []).append(pk)
    return {name: by_service[name][0] for name in names if len(by_service.get(name, ())) == 1}


def _registered(same_name: Agent | None, facts: AgentFacts) -> Agent | None:
    """The agent of this name that we know otherwise and that has had no telemetry yet."""
    if same_name is None or same_name.external_id is not None or same_name.connector == Connector.LLM:
        return None
    same_name.external_id = facts.external_id
    same_name.save(update_fields=["external_id"])
    return same_name


def _service_that_gets_a_name(change: Change, found: dict[str, Agent], facts: AgentFacts) -> Agent | None:
    """The agent that was made of the service's first spans, before one of them named it."""
    agent = found.get(_service(facts)) if facts.named else None
    if agent is None or agent.facts.get("named", True):
        return None
    del found[_service(facts)]
    agent.external_id, agent.type = facts.external_id, _type(facts)
    agent.name = _free_name(change.project_id, facts)
    agent.description = facts.description
    agent.facts = about(facts)
    agent.save(update_fields=["external_id", "name", "type", "description", "facts"])
    record_agent(change, "agent.changed", agent)
    return agent


def _be_sure_of(agent: Agent) -> None:
    if not agent.facts.get("named", True):
        del agent.facts["named"]
        agent.save(update_fields=["facts"])


def _make(change: Change, facts: AgentFacts, is_sure: bool) -> Agent:
    moment = change.moment()
    name = _free_name(change.project_id, facts)
    agent = Agent(
        project_id=change.project_id,
        slug=services.free_slug(change.project_id, name),
        name=name,
        type=_type(facts),
        description=facts.description,
        connector=Connector.PULL,
        status=AgentStatus.IDLE,
        said_status=AgentStatus.IDLE,
        provenance=Provenance.INFERRED,
        heartbeat_at=moment,
        signal_at=moment,
        last_active=moment,
        external_id=facts.external_id,
        facts=about(facts) | ({} if is_sure else {"named": False}),
    )
    agent.save(force_insert=True)
    record_agent(change, "agent.added", agent)
    return agent


def about(facts: AgentFacts) -> dict[str, Any]:
    """What an agent says of itself, as its row keeps it."""
    said = {name: getattr(facts, name) for name in ("version", "host", "environment", "framework")}
    return {name: text for name, text in said.items() if text}


def _type(facts: AgentFacts) -> str:
    return (facts.type or "agent")[:TYPE_LENGTH]


def _free_name(project_id: UUID, facts: AgentFacts) -> str:
    """Its name, with its service when another agent has that name already."""
    base = _name(facts)
    if not Agent.objects.filter(project_id=project_id, name=base).exists():
        return base
    service = _service(facts) or facts.framework or "telemetry"
    base = f"{base[:60]} ({service[:30]})"
    taken = set(
        Agent.objects.filter(project_id=project_id, name__startswith=base).values_list("name", flat=True)
    )
    name, number = base, 2
    while name in taken:
        name, number = f"{base} {number}", number + 1
    return name
