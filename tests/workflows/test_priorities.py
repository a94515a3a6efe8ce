"""Putting accepted work before or after other work: a run with what it has queued, one command run."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role, Scope
from apps.agents import dispatch
from apps.agents.models import Agent, CommandRun
from apps.workflows import services
from apps.workflows.models import Run, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import events, fresh, make_project, make_workflow, start, take, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make_project()
    Agent.objects.filter(project=project).update(max_parallel=1)
    return project


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}, "b": {}, "c": {"needs": ["a", "b"]}})


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def first(project: Project) -> Any:
    (given,) = dispatch.dispatch_ready(project.pk)
    return CommandRun.objects.get(pk=given.command_run_id).run_id


def test_a_run_with_a_higher_priority_goes_first_with_what_it_has_queued(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    older, newer = start(workflow), start(workflow)
    answer = operator.put(f"runs/{newer.pk}/priority/", {"priority": 10})
    assert (answer.status_code, answer.json()["priority"]) == (200, 10)
    assert first(project) == newer.pk
    queued = CommandRun.objects.filter(run_id=newer.pk).values_list("priority", flat=True)
    assert set(queued) == {10}
    assert set(CommandRun.objects.filter(run_id=older.pk).values_list("priority", flat=True)) == {0}


def test_what_a_run_does_later_has_its_new_priority_too(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow)
    operator.put(f"runs/{run.pk}/priority/", {"priority": -7})
    work_off(project)
    assert set(CommandRun.objects.filter(run_id=run.pk).values_list("priority", flat=True)) == {-7}


def test_a_long_queue_that_is_moved_takes_turns_with_what_was_there(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {f"s{number}": {} for number in range(6)}
    many = start(make_workflow(project, steps))
    for _ in range(2):
        few = start(make_workflow(project, {"a": {}}), priority=5)
    services.cancel_run(few)
    services.start_run(few.workflow, {}, priority=5)
    from apps.workflows import control

    control.prioritise_run(many, 5)
    turns = list(CommandRun.objects.filter(run_id=many.pk, status="queued").values_list("turn", flat=True))
    assert sorted(turns) == list(range(min(turns), min(turns) + 6))


def test_a_change_of_priority_is_journalled_and_shown(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow)
    operator.put(f"runs/{run.pk}/priority/", {"priority": 3})
    assert [event["priority"] for event in events(project, "run.changed")][-1] == 3
    assert {event["priority"] for event in events(project, "command_run.changed")} == {3}
    assert operator.get("runs/").json()["results"][0]["priority"] == 3
    before = len(events(project))
    operator.put(f"runs/{run.pk}/priority/", {"priority": 3})
    assert len(events(project)) == before


def test_one_command_run_is_put_before_others(project: Project, workflow: Workflow, operator: Caller) -> None:
    start(workflow)
    last = CommandRun.objects.filter(project=project, status="queued").latest("turn")
    answer = operator.put(f"command-runs/{last.pk}/priority/", {"priority": 50})
    assert (answer.status_code, answer.json()["priority"]) == (200, 50)
    (given,) = dispatch.dispatch_ready(project.pk)
    assert given.command_run_id == last.pk


def test_what_is_over_has_no_order_any_more(project: Project, workflow: Workflow, operator: Caller) -> None:
    run = start(workflow)
    services.cancel_run(run)
    command_run = CommandRun.objects.filter(run_id=run.pk).first()
    assert command_run
    assert operator.put(f"runs/{run.pk}/priority/", {"priority": 1}).status_code == 409
    assert operator.put(f"command-runs/{command_run.pk}/priority/", {"priority": 1}).status_code == 409


def test_a_priority_is_a_number_from_minus_100_to_100_set_by_operators(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow)
    command_run = CommandRun.objects.filter(run_id=run.pk).first()
    assert command_run
    for path in (f"runs/{run.pk}/priority/", f"command-runs/{command_run.pk}/priority/"):
        for wrong in ({}, {"priority": 101}, {"priority": -101}, {"priority": "x"}, {"priority": None}):
            answer = operator.put(path, wrong)
            assert (answer.status_code, set(answer.json()["errors"])) == (400, {"priority"})
        assert caller(make_user(Role.VIEWER, project)).put(path, {"priority": 1}).status_code == 403
        assert (
            Caller(make_key(Scope.RUN, project=project).text).put(path, {"priority": -100}).status_code == 200
        )
        stranger = caller(make_user(Role.OPERATOR, make_project()))
        assert stranger.put(path, {"priority": 1}).status_code == 404


def test_a_waiting_run_that_is_put_first_starts_first(project: Project) -> None:
    from apps.workflows import control, engine

    workflow = make_workflow(project, {"a": {}}, concurrency={"limit": 1})
    start(workflow)
    second, third = start(workflow), start(workflow)
    control.prioritise_run(third, 1)
    work_off(project)
    engine.sweep()
    assert (fresh(third).status, fresh(second).status) == ("running", "queued")
    assert Run.objects.filter(status="running").count() == 1
    assert take(project)
