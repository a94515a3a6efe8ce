"""The fleet that a new project starts with, and the workflows that rely on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import Project
from apps.agents.connectors.offline import NOTHING, answer
from apps.agents.fleet import CommandEntry, Installed, install_fleet, load_fleet
from apps.agents.models import Agent
from apps.agents.schema import input_errors, render_prompt, with_defaults
from apps.events import journal
from apps.workflows import document, inputs

LIBRARY = Path(__file__).parents[2] / "apps/workflows/library"
FLEET = load_fleet()
COMMANDS = {command.name: command for command in FLEET.commands}
AGENTS = {agent.slug: agent for agent in FLEET.agents}


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="fleet-test", name="Fleet test")


@pytest.mark.django_db(transaction=True)
def test_a_new_project_gets_the_whole_fleet_and_the_journal_says_so(project: Project) -> None:
    counts = install_fleet(project)
    assert counts == Installed(agents=len(FLEET.agents), commands=len(FLEET.commands))
    assert project.agents.count() == len(FLEET.agents)
    events = journal.read(project.pk, after=0)
    assert [event.kind for event in events] == ["agent.added"] * counts.agents + ["catalogue.changed"]
    assert events[-1].payload["total_commands"] == counts.commands
    assert set(project.agents.values_list("status", flat=True)) == {"idle"}


@pytest.mark.django_db(transaction=True)
def test_installing_again_changes_nothing(project: Project) -> None:
    install_fleet(project)
    Agent.objects.filter(project=project, slug="triage").update(instructions="Ours.", name="Our triager")
    project.commands.filter(name="bug.triage").update(prompt="Ours.")
    before = journal.position(project.pk)
    assert install_fleet(project) == Installed(agents=0, commands=0)
    assert project.agents.get(slug="triage").instructions == "Ours."
    assert project.commands.get(name="bug.triage").prompt == "Ours."
    assert journal.position(project.pk) == before


@pytest.mark.django_db(transaction=True)
def test_an_agent_of_the_same_name_is_not_doubled(project: Project) -> None:
    Agent.objects.create(project=project, slug="mine", name="Triager", type="triage")
    assert install_fleet(project).agents == len(FLEET.agents) - 1


def test_the_fleet_is_large_and_varied_enough() -> None:
    assert len(FLEET.agents) >= 16
    assert len({agent.type for agent in FLEET.agents}) >= 12
    assert len(FLEET.commands) >= 40
    used = {command.capability for command in FLEET.commands}
    assert {capability for agent in FLEET.agents for capability in agent.capabilities} == used


def test_a_prompt_that_forgets_a_parameter_is_refused() -> None:
    entry = COMMANDS["bug.triage"].model_dump() | {"prompt": "Triage {{ report }}."}
    with pytest.raises(ValueError, match="component"):
        CommandEntry.model_validate(entry)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_optional_parameter_has_a_default(name: str) -> None:
    schema = COMMANDS[name].parameters
    optional = set(schema["properties"]) - set(schema["required"])
    assert all("default" in schema["properties"][parameter] for parameter in optional)
    assert all(part.get("title") for part in schema["properties"].values())


@given(name=st.sampled_from(sorted(COMMANDS)), text=st.text(min_size=1, max_size=80))
def test_every_command_takes_any_text_and_renders_it_whole(name: str, text: str) -> None:
    command = COMMANDS[name]
    value = with_defaults(command.parameters, dict.fromkeys(command.parameters["required"], text))
    assert input_errors(command.parameters, value) == {}
    prompt = render_prompt(command.prompt, value)
    assert text in prompt
    assert answer(command.offline, value).strip() or not re.search(r"\w", text)


def library() -> list[document.Document]:
    return [document.parse(path.read_text()) for path in sorted(LIBRARY.glob("*.yaml"))]


def test_the_library_holds_the_five_workflows() -> None:
    assert [flow.slug for flow in library()] == [
        "bug-lifecycle",
        "feature-development",
        "guarded-release",
        "incident-response",
        "release",
    ]


@pytest.mark.parametrize("flow", library(), ids=lambda flow: flow.slug)
def test_a_library_workflow_fits_the_fleet(flow: document.Document) -> None:
    assert 5 <= len(flow.steps) <= 9
    for step in flow.steps:
        if step.command is None:
            continue
        command = COMMANDS[step.command]
        if step.agent:
            assert command.capability in AGENTS[step.agent].capabilities, step.key
        assert set(step.with_) <= set(command.parameters["properties"]), step.key
        assert set(command.parameters["required"]) <= set(step.with_), step.key


@pytest.mark.parametrize("flow", library(), ids=lambda flow: flow.slug)
def test_a_library_workflow_runs_with_the_input_that_is_prefilled(flow: document.Document) -> None:
    value = with_defaults(flow.input, {})
    assert input_errors(flow.input, value) == {}
    assert inputs.schema_problems(flow.input) == []
    for part in flow.input["properties"].values():
        assert part["title"]


@pytest.mark.parametrize("flow", library(), ids=lambda flow: flow.slug)
def test_a_library_workflow_has_parallel_branches_that_join(flow: document.Document) -> None:
    roots = [step for step in flow.steps if not step.needs]
    joins = [step for step in flow.steps if len(step.needs) > 1]
    assert len(roots) >= 2
    assert joins
    assert any("steps." in str(step.with_) for step in flow.steps)


@pytest.mark.parametrize("flow", library(), ids=lambda flow: flow.slug)
def test_a_library_workflow_makes_sense_without_a_model(flow: document.Document) -> None:
    """Each step answers with something of its own, made of the input and of the steps before it."""
    given: dict[str, Any] = with_defaults(flow.input, {})
    outputs: dict[str, str] = {}
    for step in flow.steps:
        text = "\n\n".join([*(outputs[key] for key in step.needs), *map(str, given.values())])
        if step.command is None:
            outputs[step.key] = text
            continue
        required = COMMANDS[step.command].parameters["required"]
        outputs[step.key] = answer(COMMANDS[step.command].offline, dict.fromkeys(required, text))
    assert NOTHING not in outputs.values()
    # Two steps may judge the same evidence; more would mean that a skill ignores what it reads.
    assert len(set(outputs.values())) >= len(outputs) - 1
