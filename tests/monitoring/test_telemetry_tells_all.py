"""Snapshot before + events == snapshot after, for what is concluded from agents' telemetry."""

from __future__ import annotations

import inspect
from datetime import timedelta
from types import ModuleType

import pytest

from apps.accounts.models import Project
from apps.agents import services
from apps.agents.models import Agent, Span
from apps.agents.telemetry import presence, senders, store
from apps.agents.telemetry.facts import SpanFacts
from apps.events.clock import now
from tests.accounts.people import make_project
from tests.agents.spans import agent, service, span, trace_id
from tests.monitoring.verify import verify_action

pytestmark = pytest.mark.django_db

# `heard` and `resolve` open no transaction of their own: they are parts of `take`.
PROVED = {"store.take", "presence.sweep", "presence.heard", "senders.resolve"}


@pytest.fixture
def project() -> Project:
    return make_project()


def take(project: Project, *facts: SpanFacts) -> None:
    store.take(project.pk, None, facts)


def test_agents_appear_work_fail_and_rest_as_their_telemetry_comes(project: Project) -> None:
    with verify_action(project.pk):
        take(project, span(2, 1, "llm"), span(1, trace_id=trace_id(2), agent=agent("other")))
    with verify_action(project.pk):
        take(project, span(1, status="open", source="start", title="Find the bug"))
    with verify_action(project.pk):
        take(project, span(1, status="error", error="no more disk"))
    assert Agent.objects.get(project=project, name="scout").last_error == "no more disk"
    with verify_action(project.pk):
        take(project, span(1, trace_id=trace_id(3), started_at=now()))


def test_the_same_export_again_tells_nothing(project: Project) -> None:
    facts = (span(1), span(2, 1, "llm"))
    take(project, *facts)
    with verify_action(project.pk, silent=True):
        take(project, *facts)


def test_a_service_that_gets_a_name_is_told(project: Project) -> None:
    with verify_action(project.pk):
        take(project, span(2, 1, "llm", agent=service()))
    with verify_action(project.pk):
        take(project, span(1))
    assert [one.name for one in Agent.objects.filter(project=project)] == ["scout"]


def test_an_agent_that_went_offline_is_back_with_its_next_export(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="scout", type="research", capabilities=[])
    Agent.objects.filter(pk=robot.pk).update(status="offline", heartbeat_at=now() - timedelta(hours=1))
    with verify_action(project.pk):
        take(project, span(1))
    assert Agent.objects.get(pk=robot.pk).status == "idle"


def test_open_work_that_falls_silent_is_told(project: Project) -> None:
    take(project, span(1, status="open", source="start"))
    Span.objects.filter(project=project).update(seen_at=now() - timedelta(seconds=121))
    with verify_action(project.pk):
        assert presence.sweep() == 1
    assert Agent.objects.get(project=project).status == "idle"


def test_no_verb_here_is_without_its_proof() -> None:
    modules: tuple[ModuleType, ...] = (store, presence, senders)
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        and any(mark in inspect.getsource(function) for mark in ("changes(", "change: Change", "_forget("))
    }  # fmt: skip
    assert found == PROVED
