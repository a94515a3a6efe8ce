"""Exports of other programs in the database: the same rows in whatever order and however often they come."""

from __future__ import annotations

import random

import pytest

from apps.accounts.models import Project
from apps.agents.models import Agent
from apps.agents.telemetry import activities, store
from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.mapping import spans_of
from tests.accounts.people import make_project
from tests.agents import exported
from tests.agents.spans import stored

pytestmark = pytest.mark.django_db


def facts_of(name: str) -> list[SpanFacts]:
    return spans_of(exported.traces(name)) if name.startswith(("pydantic", "lang")) else exported.told(name)


def take(project: Project, facts: list[SpanFacts], chance: random.Random) -> None:
    """Store them in batches of some, a third of them twice."""
    waiting = [*facts, *chance.sample(facts, len(facts) // 3)]
    while waiting:
        size = chance.randint(1, 4)
        store.take(project.pk, None, waiting[:size])
        waiting = waiting[size:]


@pytest.mark.parametrize(
    "name",
    ["pydantic_ai_nested", "pydantic_ai_old_names", "pydantic_ai_error", "langchain", "claude_code", "codex"],
)
def test_neither_order_nor_repetition_of_an_export_changes_what_is_stored(name: str) -> None:
    facts = facts_of(name)
    straight = make_project()
    store.take(straight.pk, None, facts)
    expected = stored(straight.pk)
    assert len(expected) == len({(one.trace_id, one.span_id) for one in facts})
    for seed in range(6):
        chance = random.Random(seed)
        shuffled = chance.sample(facts, len(facts))
        project = make_project()
        take(project, shuffled, chance)
        assert stored(project.pk) == expected, seed


@pytest.mark.parametrize(
    ("name", "titles", "tokens", "agents"),
    [
        ("pydantic_ai_nested", {"What shall I wear in Oslo?"}, {(520, 80)}, {"planner", "weather"}),
        ("pydantic_ai_old_names", {"What shall I wear in Oslo?"}, {(520, 80)}, {"planner", "weather"}),
        ("langchain", {"Where is it cold?"}, {(57, 9)}, {"chains"}),
        (
            "claude_code",
            {"Fix the failing test of the parser, then run it again"},
            {(312, 205)},
            {"claude-code"},
        ),
        ("codex", {"List the endpoints of the server"}, {(10_800, 300)}, {"codex_cli_rs"}),
    ],
)
def test_a_program_has_its_activity_its_agents_and_its_tokens(
    name: str, titles: set[str], tokens: set[tuple[int, int]], agents: set[str]
) -> None:
    project = make_project()
    store.take(project.pk, None, facts_of(name))
    rows = activities.activity_rows(project.pk, list(activities.roots(project.pk)))
    assert {row["title"] for row in rows} == titles
    assert {(row["tokens"]["input"], row["tokens"]["output"]) for row in rows} == tokens
    assert set(Agent.objects.filter(project=project).values_list("name", flat=True)) == agents
