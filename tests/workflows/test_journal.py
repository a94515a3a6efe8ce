"""Every verb on runs: the dashboard before it plus its events is the dashboard after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import explain, lease, overdue
from apps.agents.models import CommandRun
from apps.workflows import engine, services
from apps.workflows.models import Run, Step
from tests.monitoring.verify import verify_action
from tests.workflows.acting import (
    events,
    fail,
    finish,
    fresh,
    make_command,
    make_project,
    make_workflow,
    start,
    take,
)

pytestmark = pytest.mark.django_db

TWO: dict[str, dict[str, Any]] = {
    "a": {"retry": {"attempts": 2, "backoff_seconds": 0}},
    "b": {"needs": ["a"]},
}


@pytest.fixture
def project() -> Project:
    return make_project()


def test_starting_working_and_finishing_a_run(project: Project) -> None:
    workflow = make_workflow(project, TWO)
    with verify_action(project.pk):
        start(workflow)
    for key in ("a", "b"):
        with verify_action(project.pk):
            taken = take(project)
        with verify_action(project.pk):
            finish(taken[key])
    assert fresh(Run.objects.get()).status == "completed"


def test_a_run_that_is_over_as_soon_as_it_starts(project: Project) -> None:
    workflow = make_workflow(project, {"a": {"when": "false"}})
    with verify_action(project.pk):
        start(workflow)


def test_retrying_and_failing(project: Project) -> None:
    start(make_workflow(project, TWO))
    for _ in range(2):
        taken = take(project)
        with verify_action(project.pk):
            fail(taken["a"], retryable=True)
    assert Run.objects.get().status == "failed"


def test_cancelling(project: Project) -> None:
    run = start(make_workflow(project, {**TWO, "c": {}}))
    taken = take(project)
    with verify_action(project.pk):
        services.cancel_run(run, by="ada")
    with verify_action(project.pk, silent=True):
        services.cancel_run(run, by="ada")
    for claimed in taken.values():
        with verify_action(project.pk):
            lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
    assert fresh(run).status == "cancelled"


def test_missing_a_deadline_and_being_swept(project: Project) -> None:
    run = start(make_workflow(project, TWO, timeout_seconds=5))
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    with verify_action(project.pk):
        engine.sweep()
    assert fresh(run).status == "failed"
    with verify_action(project.pk, silent=True):
        engine.sweep()


def test_losing_a_worker_and_going_on(project: Project) -> None:
    run = start(make_workflow(project, TWO))
    claimed = take(project)["a"]
    with verify_action(project.pk):
        overdue.take_back(claimed.command_run_id, at=timezone.now() + timedelta(hours=1))
    step = Step.objects.get(run=run, key="a")
    assert (step.status, step.wait_reason) == ("queued", "its worker was lost; waiting for another")


def test_waiting_says_why_on_the_step_too(project: Project) -> None:
    make_command(project, "rare.thing", capability="rare")
    run = start(make_workflow(project, {"a": {"command": "rare.thing"}}))
    with verify_action(project.pk):
        explain.explain_waiting(project.pk)
    assert Step.objects.get(run=run).wait_reason == "no agent has the capability rare"
    assert CommandRun.objects.get().wait_reason == "no agent has the capability rare"


def test_every_change_of_a_run_tells_where_it_came_from(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    finish(take(project)["a"])
    finish(take(project)["b"])
    told = events(project, "run.started", "run.changed", "run.finished")
    assert [e["previous_status"] for e in told] == [None, *["running"] * (len(told) - 1)]
    assert [e["progress"] for e in told] == sorted(e["progress"] for e in told)
    assert told[-1]["status"] == "completed"
    assert told[0]["workflow_id"] == str(run.pk)
    steps = [
        (e["key"], e["previous_status"], e["status"]) for e in events(project) if e["type"] == "step_update"
    ]
    assert steps == [
        ("a", "pending", "queued"),
        ("a", "queued", "running"),
        ("a", "running", "completed"),
        ("b", "pending", "queued"),
        ("b", "queued", "running"),
        ("b", "running", "completed"),
    ]
