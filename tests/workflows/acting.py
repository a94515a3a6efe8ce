"""A small fleet whose agents are played by the test, through the same doors as real ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import yaml
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import dispatch, lease
from apps.agents.connectors.base import Outcome
from apps.agents.models import Agent, Command, CommandRun, Connector
from apps.agents.moves import Failure
from apps.events import journal
from apps.workflows import services
from apps.workflows.models import Run, Step, Workflow

ANYTHING = {"type": "object", "properties": {"text": {"type": "string"}}}


def make_project() -> Project:
    """A project with one tireless pull agent and the command `do.it`."""
    slug = f"p-{uuid.uuid4().hex[:8]}"
    project = Project.objects.create(slug=slug, name=slug)
    make_agent(project)
    make_command(project)
    return project


def make_agent(project: Project, slug: str = "hand", capabilities: Iterable[str] = ("doing",)) -> Agent:
    return Agent.objects.create(
        project=project,
        slug=slug,
        name=slug.title(),
        type="test",
        capabilities=list(capabilities),
        connector=Connector.PULL,
        max_parallel=1000,
        heartbeat_at=timezone.now(),
    )


def make_command(project: Project, name: str = "do.it", **fields: Any) -> Command:
    values = {"title": "Do it", "capability": "doing", "parameters": ANYTHING, "max_attempts": 1, **fields}
    return Command.objects.create(project=project, name=name, **values)


def make_workflow(project: Project, steps: dict[str, dict[str, Any]], **fields: Any) -> Workflow:
    """A workflow whose steps do `do.it` unless they say otherwise: `{"a": {}, "b": {"needs": ["a"]}}`."""
    document = {
        "name": "Trial",
        "slug": f"trial-{uuid.uuid4().hex[:8]}",
        "steps": [_step(key, step) for key, step in steps.items()],
        **fields,
    }
    return services.apply_definition(project, yaml.safe_dump(document, sort_keys=False)).workflow


def _step(key: str, step: dict[str, Any]) -> dict[str, Any]:
    does = {} if {"approval", "wait", "http", "workflow"} & set(step) else {"command": "do.it"}
    return {"key": key, **does, **step}


def start(workflow: Workflow, value: dict[str, Any] | None = None, **fields: Any) -> Run:
    run, _ = services.start_run(workflow, value or {}, **fields)
    return run


def take(project: Project) -> dict[str, lease.Claimed]:
    """Let the agent take everything that is ready; what it holds, by step key."""
    taken: dict[str, lease.Claimed] = {}
    while given := dispatch.dispatch_ready(project.pk):
        for one in given:
            claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="test")
            assert claimed is not None
            assert claimed.step_id is not None
            taken[Step.objects.get(pk=claimed.step_id).key] = claimed
    return taken


def finish(claimed: lease.Claimed, output: dict[str, Any] | None = None) -> CommandRun:
    result = Outcome(output or {"text": "done"}, 1, 2, "test", demo=True)
    return lease.finish(claimed.command_run_id, claimed.fence, result)


def fail(claimed: lease.Claimed, message: str = "broken", *, retryable: bool = False) -> CommandRun:
    failure = Failure("test_failure", message, retryable=retryable)
    return lease.fail(claimed.command_run_id, claimed.fence, failure)


def work_off(project: Project) -> list[str]:
    """Do everything until nothing is ready; the keys of the steps in the order they were taken."""
    done: list[str] = []
    while taken := take(project):
        for key, claimed in taken.items():
            finish(claimed, {"text": f"{key} done"})
            done.append(key)
    return done


def statuses(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "status"))


def statuses_of_definition(run: Run) -> dict[str, str]:
    """Without the items of maps."""
    return dict(Step.objects.filter(run=run, map_index=-1).values_list("key", "status"))


def fresh(run: Run) -> Run:
    return Run.objects.select_related("workflow", "data").get(pk=run.pk)


def events(project: Project, *kinds: str) -> list[dict[str, Any]]:
    """The payloads of the project's journal, oldest first, of these kinds (none named: all)."""
    found = journal.read(project.pk, after=0)
    return [event.payload for event in found if not kinds or event.kind in kinds]
