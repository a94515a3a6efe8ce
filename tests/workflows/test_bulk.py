"""One verb on many runs by filter: what fits, what was done, what was refused and why."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import Project, Role, Scope
from apps.agents import priorities
from apps.agents.models import CommandRun
from apps.workflows import bulk, control, services
from apps.workflows.models import Origin, Run, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import fail, fresh, make_project, make_workflow, start, take, work_off

pytestmark = pytest.mark.django_db

VERBS = ("cancellations", "pauses", "resumes", "retries", "reruns", "priorities")


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}, "b": {"needs": ["a"]}})


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def done(answer: Any) -> tuple[int, int, int, list[str]]:
    assert answer.status_code == 200, answer.content
    said = answer.json()
    return said["matched"], said["done"], said["left"], [one["why"] for one in said["refused"]]


def test_many_runs_are_cancelled_by_filter(project: Project, workflow: Workflow, operator: Caller) -> None:
    kept = start(make_workflow(project, {"a": {}}))
    runs = [start(workflow) for _ in range(3)]
    control.pause_run(runs[0])
    path = "runs/cancellations/"
    answer = operator.post(path, {"filter": {"workflow": workflow.slug, "status": "paused"}})
    assert done(answer) == (1, 1, 0, [])
    assert fresh(runs[0]).status == "cancelled"
    answer = operator.post(path, {"filter": {"workflow": workflow.slug}, "limit": 1})
    assert done(answer) == (3, 1, 1, ["It is over (cancelled)."])
    answer = operator.post(path, {"filter": {"workflow": workflow.slug}})
    assert done(answer)[:3] == (3, 1, 0)
    assert fresh(kept).status == "running"
    assert done(operator.post(path, {"filter": {"origin": "schedule"}})) == (0, 0, 0, [])
    Run.objects.filter(pk=kept.pk).update(origin=Origin.SCHEDULE)
    assert done(operator.post(path, {"filter": {"origin": "schedule"}}))[:2] == (1, 1)


@pytest.mark.parametrize("origin", [Origin.SCHEDULE, Origin.TRIGGER])
def test_the_runs_of_one_schedule_or_trigger_are_meant_by_its_id(
    workflow: Workflow, operator: Caller, origin: Origin
) -> None:
    mine, theirs = uuid4(), uuid4()
    runs = [start(workflow) for _ in range(3)]
    for run, origin_id in zip(runs, (mine, theirs, mine), strict=True):
        Run.objects.filter(pk=run.pk).update(origin=origin, origin_id=origin_id)
    assert done(operator.post("runs/pauses/", {"filter": {origin: str(mine)}})) == (2, 2, 0, [])
    assert [fresh(run).status for run in runs] == ["paused", "running", "paused"]
    other = Origin.TRIGGER if origin == Origin.SCHEDULE else Origin.SCHEDULE
    assert done(operator.post("runs/pauses/", {"filter": {other: str(mine)}})) == (0, 0, 0, [])
    assert operator.post("runs/pauses/", {"filter": {origin: "no id"}}).status_code == 400


def test_a_dry_run_says_on_how_many_and_does_nothing(workflow: Workflow, operator: Caller) -> None:
    runs = [start(workflow) for _ in range(3)]
    control.pause_run(runs[0])
    answer = operator.post("runs/pauses/", {"filter": {}, "dry_run": True})
    assert done(answer) == (3, 2, 0, ["It is paused already."])
    assert [fresh(run).status for run in runs] == ["paused", "running", "running"]
    limited = operator.post("runs/pauses/", {"filter": {}, "dry_run": True, "limit": 1})
    assert done(limited)[:3] == (3, 1, 1)


def test_runs_are_paused_and_resumed_by_their_ids(workflow: Workflow, operator: Caller) -> None:
    runs = [start(workflow) for _ in range(3)]
    ids = [str(run.pk) for run in runs[:2]]
    assert done(operator.post("runs/pauses/", {"filter": {"ids": ids}})) == (2, 2, 0, [])
    assert [fresh(run).status for run in runs] == ["paused", "paused", "running"]
    answer = operator.post("runs/resumes/", {"filter": {"ids": [str(run.pk) for run in runs]}})
    assert done(answer) == (3, 2, 0, ["It is not paused (running)."])


def test_what_failed_is_retried_and_the_rest_is_refused_with_the_reason(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    completed = start(workflow)
    work_off(project)
    failed = start(workflow)
    fail(take(project)["a"])
    open_run = start(workflow)
    ids = [str(run.pk) for run in (completed, failed, open_run)]
    answer = operator.post("runs/retries/", {"filter": {"ids": ids}})
    assert done(answer) == (
        *(3, 1, 0),
        ["It is not over (running).", "It completed; retry it from a step on its own page."],
    )
    assert fresh(failed).status == "running"


def test_what_moves_between_the_look_and_the_verb_is_refused_not_an_error(
    project: Project, operator: Caller
) -> None:
    workflow = make_workflow(project, {"a": {}}, concurrency={"limit": 1, "then": "reject"})
    first = start(workflow)
    fail(take(project)["a"])
    start(workflow)
    answer = operator.post("runs/retries/", {"filter": {"ids": [str(first.pk)]}})
    matched, did, _, (why,) = done(answer)
    assert (matched, did) == (1, 0)
    assert "takes no other" in why


def test_runs_are_started_again_and_get_the_same_input(workflow: Workflow, operator: Caller) -> None:
    runs = [start(workflow) for _ in range(2)]
    answer = operator.post("runs/reruns/", {"filter": {"ids": [str(run.pk) for run in runs]}})
    assert done(answer) == (2, 2, 0, [])
    assert Run.objects.filter(workflow=workflow).count() == 4


def test_many_runs_get_another_priority(workflow: Workflow, operator: Caller) -> None:
    runs = [start(workflow) for _ in range(2)]
    services.cancel_run(runs[1])
    answer = operator.post("runs/priorities/", {"filter": {}, "priority": 20})
    assert done(answer) == (2, 1, 0, ["It is over (cancelled)."])
    assert fresh(runs[0]).priority == 20
    assert CommandRun.objects.get(run_id=runs[0].pk).priority == 20
    again = operator.post("runs/priorities/", {"filter": {"ids": [str(runs[0].pk)]}, "priority": 20})
    assert done(again) == (1, 0, 0, ["It has priority 20 already."])
    for wrong in (101, -101, "high", None):
        answer = operator.post("runs/priorities/", {"filter": {}, "priority": wrong})
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"priority"})


def test_command_runs_are_cancelled_by_filter(project: Project, workflow: Workflow, operator: Caller) -> None:
    start(workflow)
    held = take(project)["a"]
    start(workflow)
    path = "command-runs/cancellations/"
    assert done(operator.post(path, {"filter": {"status": "queued"}})) == (1, 1, 0, [])
    answer = operator.post(path, {"filter": {"command": "do.it"}, "dry_run": True})
    assert done(answer)[:3] == (2, 1, 0)
    answer = operator.post(path, {"filter": {"ids": [str(held.command_run_id)], "agent": str(held.agent_id)}})
    assert done(answer) == (1, 1, 0, [])
    assert CommandRun.objects.get(pk=held.command_run_id).cancel_requested
    assert done(operator.post(path, {"filter": {"agent": str(uuid4())}})) == (0, 0, 0, [])


def test_runs_of_another_project_are_neither_seen_nor_touched(workflow: Workflow, operator: Caller) -> None:
    foreign = start(make_workflow(make_project(), {"a": {}}))
    answer = operator.post("runs/cancellations/", {"filter": {"ids": [str(foreign.pk)]}})
    assert done(answer) == (0, 0, 0, ["There is no such run in this project."])
    assert done(operator.post("runs/cancellations/", {"filter": {}})) == (0, 0, 0, [])
    assert fresh(foreign).status == "running"


@pytest.mark.parametrize("verb", VERBS)
def test_a_filter_that_says_nonsense_is_refused_naming_the_field(operator: Caller, verb: str) -> None:
    path = f"runs/{verb}/"
    for body, field in (
        ({}, "filter"),
        ({"filter": {}, "limit": 501}, "limit"),
        ({"filter": {"status": "sleepy"}}, "filter.status"),
        ({"filter": {"ids": ["x"]}}, "filter.ids"),
        ({"filter": {"origin": "moon"}}, "filter.origin"),
        ({"filter": {"workflow": "nix"}}, "workflow"),
    ):
        answer = operator.post(path, {"priority": 1, **body})
        assert answer.status_code == 400, body
        assert any(name.startswith(field) for name in answer.json()["errors"]), answer.json()


@pytest.mark.parametrize("path", [*[f"runs/{verb}/" for verb in VERBS], "command-runs/cancellations/"])
def test_only_who_may_operate_changes_many(project: Project, operator: Caller, path: str) -> None:
    body = {"filter": {}, "dry_run": True, "priority": 1}
    assert operator.post(path, body).status_code == 200
    assert caller(make_user(Role.VIEWER, project)).post(path, body).status_code == 403
    assert Caller(make_key(Scope.READ, project=project).text).post(path, body).status_code == 403
    assert Caller(make_key(Scope.RUN, project=project).text).post(path, body).status_code == 200


def test_a_request_stops_after_some_seconds_and_says_what_is_left(
    workflow: Workflow, operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        start(workflow)
    monkeypatch.setattr(bulk, "BULK_SECONDS", 0.0)
    assert done(operator.post("runs/cancellations/", {"filter": {}}))[:3] == (3, 1, 2)


def test_refusals_are_named_up_to_twenty(project: Project, workflow: Workflow, operator: Caller) -> None:
    ids = [str(uuid4()) for _ in range(30)]
    answer = operator.post("runs/cancellations/", {"filter": {"ids": ids}})
    assert len(answer.json()["refused"]) == priorities.REFUSALS == 20
