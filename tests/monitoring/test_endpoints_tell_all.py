"""Snapshot before + events == snapshot after, for every verb on agents with an HTTP endpoint."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from apps.accounts.models import Project
from apps.agents import endpoints, services
from apps.agents.endpoints import Described
from apps.agents.models import Agent
from tests.monitoring.verify import verify_action
from tests.workflows import acting

pytestmark = pytest.mark.django_db

PROVED = {"add", "amend", "rotate_secret"}
PARTS = {"check"}
ADDRESS = "https://agents.example.org/work"


@pytest.fixture
def project() -> Project:
    return acting.make_project()


def made(project: Project, **fields: Any) -> Agent:
    return endpoints.add(
        project.pk, Described(**{"name": "Remote", "type": "coding", "endpoint": ADDRESS} | fields)
    )


def test_an_agent_with_an_endpoint_is_added_changed_and_removed(project: Project) -> None:
    with verify_action(project.pk):
        agent = made(project, capabilities=["coding", "coding"])
    assert agent.capabilities == ["coding"]
    with verify_action(project.pk):
        agent = endpoints.amend(agent, {"name": "Elsewhere", "type": "review", "capabilities": ["review"]})
    with verify_action(project.pk):
        endpoints.rotate_secret(agent)
    agent.refresh_from_db()
    assert (agent.name, agent.secret_version) == ("Elsewhere", 2)
    with verify_action(project.pk):
        services.remove_agent(agent)


def test_no_verb_on_endpoints_is_without_its_proof() -> None:
    public = {
        name
        for name, function in inspect.getmembers(endpoints, inspect.isfunction)
        if function.__module__ == endpoints.__name__ and not name.startswith("_")
    }
    assert public - PARTS == PROVED
