"""The agents and commands a new project starts with, kept as YAML beside this module.

`install_fleet` adds what a project lacks and leaves alone what it has: a fleet belongs to its users.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from django.db import IntegrityError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from apps.accounts.models import Project
from apps.agents.connectors.offline_skills import SKILLS
from apps.agents.models import Agent, Command, Connector
from apps.agents.record import record_agent
from apps.agents.schema import PLACEHOLDER, schema_error
from apps.agents.services import announce_catalogue
from apps.events import journal

HOME = Path(__file__).parent
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=50)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=True)


class AgentEntry(_Entry):
    """One agent in agents.yaml."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    slug: Word
    type: Word
    description: Annotated[str, Field(min_length=1, max_length=500)]
    capabilities: Annotated[list[Word], Field(min_length=1)]
    instructions: Annotated[str, Field(min_length=1)]


class CommandEntry(_Entry):
    """One command in commands/*.yaml. `offline` names what the built-in offline model does for it."""

    name: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=100)]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(min_length=1, max_length=500)]
    capability: Word
    offline: str
    parameters: dict[str, Any]
    prompt: Annotated[str, Field(min_length=1)]
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3

    @field_validator("offline")
    @classmethod
    def _known_skill(cls, value: str) -> str:
        if value not in SKILLS:
            raise ValueError(f"{value!r} is none of {', '.join(sorted(SKILLS))}")
        return value

    @model_validator(mode="after")
    def _prompt_uses_parameters(self) -> CommandEntry:
        if problem := schema_error(self.parameters):
            raise ValueError(f"parameters {problem}")
        named, declared = set(PLACEHOLDER.findall(self.prompt)), set(self.parameters.get("properties", {}))
        if named != declared:
            raise ValueError(f"prompt and parameters differ in {', '.join(sorted(named ^ declared))}")
        return self


@dataclass(frozen=True)
class Fleet:
    """Everything in the YAML files, checked."""

    agents: tuple[AgentEntry, ...]
    commands: tuple[CommandEntry, ...]


@dataclass(frozen=True)
class Installed:
    """How many rows were added; 0 and 0 when the project has them all."""

    agents: int
    commands: int

    def __str__(self) -> str:
        return f"{self.agents} agents, {self.commands} commands"


@lru_cache(maxsize=1)
def load_fleet() -> Fleet:
    """Read and check the files. Raises ValueError naming what is wrong."""
    agents = TypeAdapter(list[AgentEntry]).validate_python(_read(HOME / "agents.yaml"))
    commands = [
        entry
        for path in sorted((HOME / "commands").glob("*.yaml"))
        for entry in TypeAdapter(list[CommandEntry]).validate_python(_read(path))
    ]
    _refuse_doubles([agent.slug for agent in agents], [agent.name for agent in agents])
    _refuse_doubles([command.name for command in commands])
    able = {capability for agent in agents for capability in agent.capabilities}
    if orphans := [command.name for command in commands if command.capability not in able]:
        raise ValueError(f"No agent can do {', '.join(orphans)}")
    return Fleet(tuple(agents), tuple(commands))


def install_fleet(project: Project) -> Installed:
    """Add the agents and commands that the project lacks, in one transaction; what it has stays as it is."""
    try:
        return _install(project)
    except IntegrityError:  # another process was installing; now its rows are seen
        return _install(project)


def _install(project: Project) -> Installed:
    fleet = load_fleet()
    with journal.changes(project.pk) as change:
        slugs = set(project.agents.values_list("slug", flat=True))
        names = set(project.agents.values_list("name", flat=True))
        agents = [entry for entry in fleet.agents if entry.slug not in slugs and entry.name not in names]
        for entry in agents:
            agent = Agent(project=project, connector=Connector.LLM, **entry.model_dump())
            agent.save(force_insert=True)
            record_agent(change, "agent.added", agent)
        known = set(project.commands.values_list("name", flat=True))
        commands = [entry for entry in fleet.commands if entry.name not in known]
        Command.objects.bulk_create(Command(project=project, **entry.model_dump()) for entry in commands)
        if commands:
            announce_catalogue(change)
    return Installed(agents=len(agents), commands=len(commands))


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _refuse_doubles(*columns: list[str]) -> None:
    for values in columns:
        if doubles := {value for value in values if values.count(value) > 1}:
            raise ValueError(f"Named twice: {', '.join(sorted(doubles))}")
