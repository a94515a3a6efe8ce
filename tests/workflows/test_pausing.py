"""A human's hand on the flow of work: pause and resume of a run, a workflow and the project."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role, Scope
from apps.agents import dispatch, explain, lease, repair
from apps.agents.models import CommandRun, Hold
from apps.workflows import control, engine, services
from apps.workflows.models import Run, Step, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import (
    events,
    fail,
    finish,
    fresh,
    make_project,
    make_workflow,
    start,
    statuses,
    take,
    work_off,
)

pytestmark = pytest.mark.django_db

CHAIN: dict[str, dict[str, Any]] = {"a": {}, "b": {"needs": ["a"]}}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, CHAIN)


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def began_earlier(subject: Any, seconds: float) -> None:
    """Let a pause have begun that long ago."""
    Hold.objects.filter(subject_id=subject.pk).update(at=timezone.now() - timedelta(seconds=seconds))


def test_a_paused_run_finishes_what_runs_and_dispatches_nothing_more(
    project: Project, workflow: Workflow
) -> None:
    run = start(workflow)
    held = take(project)["a"]
    paused = control.pause_run(run, by="olga")
    assert (paused.status, paused.status_reason) == ("paused", "Paused by olga.")
    finish(held)
    assert statuses(run) == {"a": "completed", "b": "queued"}
    assert take(project) == {}
    explain.explain_waiting(project.pk)
    assert Step.objects.get(run=run, key="b").wait_reason == "run is paused"
    assert fresh(run).status == "paused"
    control.resume_run(run, by="olga")
    assert fresh(run).status == "running"
    assert Step.objects.get(run=run, key="b").wait_reason == "waiting to be dispatched"
    assert work_off(project) == ["b"]
    assert fresh(run).status == "completed"


def test_queued_work_says_at_once_that_its_run_is_paused(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    control.pause_run(run)
    assert Step.objects.get(run=run, key="a").wait_reason == "run is paused"
    assert CommandRun.objects.get(run_id=run.pk).wait_reason == "run is paused"


def test_an_attempt_that_fails_while_paused_is_repeated_only_after_the_resume(project: Project) -> None:
    retry = {"attempts": 2, "backoff_seconds": 0}
    run = start(make_workflow(project, {"a": {"retry": retry}}))
    held = take(project)["a"]
    control.pause_run(run)
    fail(held, retryable=True)
    assert take(project) == {}
    control.resume_run(run)
    assert work_off(project) == ["a"]


def test_what_was_dispatched_but_not_taken_goes_back_when_paused(
    project: Project, workflow: Workflow
) -> None:
    run = start(workflow)
    (given,) = dispatch.dispatch_ready(project.pk)
    control.pause_run(run)
    assert lease.claim(given.command_run_id, given.dispatch_id, worker="late") is None
    assert repair.recall_held() == 1
    assert CommandRun.objects.get(pk=given.command_run_id).status == "queued"
    repair.tick()
    assert statuses(run)["a"] == "queued"


@pytest.mark.parametrize("scope", ["run", "workflow", "project"])
def test_resuming_moves_deadline_and_queue_timeout_by_the_time_paused(project: Project, scope: str) -> None:
    workflow = make_workflow(project, CHAIN, timeout_seconds=600)
    other = start(make_workflow(project, CHAIN, timeout_seconds=600))
    run = start(workflow)
    deadline, other_deadline = fresh(run).deadline_at, fresh(other).deadline_at
    gives_up = CommandRun.objects.get(run_id=run.pk).gives_up_at
    assert deadline
    assert other_deadline
    pause(scope, run)
    began_earlier({"run": run, "workflow": workflow, "project": project}[scope], 100)
    resume(scope, run)
    hundred = timedelta(seconds=100)
    moved = fresh(run).deadline_at
    assert moved
    assert hundred <= moved - deadline < hundred * 2
    assert hundred <= CommandRun.objects.get(run_id=run.pk).gives_up_at - gives_up < hundred * 2
    other_moved = fresh(other).deadline_at
    assert other_moved
    assert (other_moved - other_deadline >= hundred) == (scope == "project")


def pause(scope: str, run: Run) -> None:
    match scope:
        case "run":
            control.pause_run(run)
        case "workflow":
            control.pause_workflow(run.workflow)
        case _:
            control.pause_project(run.project_id)


def resume(scope: str, run: Run) -> None:
    match scope:
        case "run":
            control.resume_run(run)
        case "workflow":
            control.resume_workflow(run.workflow)
        case _:
            control.resume_project(run.project_id)


@pytest.mark.parametrize("first", ["run", "project"])
def test_time_under_two_pauses_is_counted_once(project: Project, first: str) -> None:
    run = start(make_workflow(project, CHAIN, timeout_seconds=600))
    deadline = fresh(run).deadline_at
    assert deadline
    control.pause_run(run)
    control.pause_project(project.pk)
    began_earlier(run, 300)
    began_earlier(project, 100)
    resume(first, run)
    resume("project" if first == "run" else "run", run)
    moved = fresh(run).deadline_at
    assert moved
    assert timedelta(seconds=300) <= moved - deadline < timedelta(seconds=330)


def test_neither_deadline_nor_queue_timeout_strikes_while_paused(project: Project) -> None:
    run = start(make_workflow(project, CHAIN, timeout_seconds=600))
    past = timezone.now() - timedelta(minutes=1)
    for scope in ("run", "workflow", "project"):
        pause(scope, run)
        Run.objects.filter(pk=run.pk).update(deadline_at=past)
        CommandRun.objects.filter(run_id=run.pk).update(gives_up_at=past)
        repair.tick()
        engine.sweep()
        assert fresh(run).status in ("paused", "running")
        assert statuses(run)["a"] == "queued"
        resume(scope, run)
    CommandRun.objects.filter(run_id=run.pk).update(gives_up_at=timezone.now() + timedelta(minutes=1))
    Run.objects.filter(pk=run.pk).update(deadline_at=past)
    engine.sweep()
    assert fresh(run).error_code == "deadline"


def test_a_paused_workflow_holds_its_runs_and_those_started_meanwhile_but_no_others(
    project: Project, workflow: Workflow
) -> None:
    before = start(workflow)
    control.pause_workflow(workflow, by="olga")
    during = start(workflow)
    other = start(make_workflow(project, {"c": {}}))
    assert list(take(project)) == ["c"]
    explain.explain_waiting(project.pk)
    for run in (before, during):
        assert Step.objects.get(run=run, key="a").wait_reason == "workflow is paused"
        assert fresh(run).status == "running"
    assert fresh(other).status == "running"
    control.resume_workflow(workflow)
    assert sorted(take(project)) == ["a"]
    assert Step.objects.filter(key="a", status="running").count() == 2


def test_stop_everything_holds_the_whole_project(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    control.pause_project(project.pk, by="olga")
    assert take(project) == {}
    assert Step.objects.get(run=run, key="a").wait_reason == "project is paused"
    other = make_project()
    start(make_workflow(other, CHAIN))
    assert list(take(other)) == ["a"]
    control.resume_project(project.pk)
    assert work_off(project) == ["a", "b"]


def test_a_paused_run_can_be_cancelled_and_leaves_no_hold(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    control.pause_run(run)
    services.cancel_run(run)
    assert fresh(run).status == "cancelled"
    assert not Hold.objects.exists()


def test_a_paused_run_whose_last_step_finishes_is_over_and_leaves_no_hold(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}))
    held = take(project)["a"]
    control.pause_run(run)
    finish(held)
    assert fresh(run).status == "completed"
    assert not Hold.objects.exists()


def test_pausing_over_http_twice_is_the_same_and_after_the_end_is_refused(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow)
    for _ in range(2):
        answer = operator.post(f"runs/{run.pk}/pause/")
        assert answer.status_code == 200
        assert answer.json()["status"] == "paused"
    assert len([e for e in events(project, "run.changed") if e["status"] == "paused"]) == 1
    for _ in range(2):
        answer = operator.delete(f"runs/{run.pk}/pause/")
        assert (answer.status_code, answer.json()["status"]) == (200, "running")
    work_off(project)
    for answer in (operator.post(f"runs/{run.pk}/pause/"), operator.delete(f"runs/{run.pk}/pause/")):
        assert answer.status_code == 409
        assert "over (completed)" in answer.json()["detail"]


def test_workflow_and_project_are_paused_over_http_and_tell_by_whom(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    for path in (f"workflows/{workflow.slug}/pause/", "pause/"):
        assert operator.get(path).json() == {"paused": False, "by": None, "at": None}
        for _ in range(2):
            said = operator.post(path).json()
            assert (said["paused"], said["by"]) == (True, "olga")
        assert operator.get(path).json() == said
        assert operator.delete(path).json()["paused"] is False
        assert operator.delete(path).json()["paused"] is False
    operator.post(f"workflows/{workflow.slug}/pause/")
    assert operator.get("workflows/").json()["results"][0]["paused"] is True
    said = [(e["workflow"], e["paused"]) for e in events(project, "workflow.paused", "project.paused")]
    assert said == [(workflow.slug, True), (None, True), (workflow.slug, True)]
    assert len(events(project, "workflow.resumed", "project.resumed")) == 2


def test_who_may_only_look_cannot_pause(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    viewer = caller(make_user(Role.VIEWER, project))
    reader = Caller(make_key(Scope.READ, project=project).text)
    stranger = caller(make_user(Role.ADMIN, make_project()))
    paths = (f"runs/{run.pk}/pause/", f"workflows/{workflow.slug}/pause/", "pause/")
    for path in paths:
        for who in (viewer, reader):
            assert who.post(path).status_code == 403
            assert who.delete(path).status_code == 403
    for path in paths[:2]:
        assert stranger.post(path).status_code == 404
    assert viewer.get("pause/").status_code == 200
    assert caller(make_user(Role.ADMIN, project)).post("pause/").status_code == 200
    assert fresh(run).status == "running"
