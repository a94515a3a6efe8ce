"""Rows for tests of agents: valid by default, everything overridable."""

from __future__ import annotations

import itertools
from typing import Any

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents.models import Agent, Command, CommandRun, Worker
from apps.agents.services import Order, start_command_run
from apps.events.clock import now

_count = itertools.count(1)


def make_agent(project: Project | None = None, **fields: Any) -> Agent:
    number = next(_count)
    defaults = {
        "name": f"Agent {number}",
        "slug": f"agent-{number}",
        "type": "review",
        "capabilities": ["review"],
    }
    return Agent.objects.create(project=project or default_project(), **defaults | fields)


def make_command(project: Project | None = None, **fields: Any) -> Command:
    number = next(_count)
    defaults = {
        "name": f"review.file{number}",
        "title": f"Review file {number}",
        "capability": "review",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": False,
        },
        "prompt": "Review: {{ text }}",
        "offline": "review",
    }
    return Command.objects.create(project=project or default_project(), **defaults | fields)


def make_worker(slots: int = 8, **fields: Any) -> Worker:
    return Worker.objects.create(name="test", slots=slots, **{"heartbeat_at": now()} | fields)


def make_run(command: Command, agent: Agent | None = None, **fields: Any) -> CommandRun:
    """A queued command run."""
    order = Order(command=command, agent=agent, input=fields.pop("input", {"text": "x = 1"}), **fields)
    return start_command_run(order, command.project_id)
