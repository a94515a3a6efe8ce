"""Doing it again: retry of what failed, rerun with other input, and cancelling many at once."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.agents.models import CommandRun
from apps.errors import Conflict, NotFound
from apps.workflows import approvals, control, services
from apps.workflows.models import Approval, Run, Step, Workflow
from tests.accounts.people import Caller, caller, make_user
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

DIAMOND: dict[str, dict[str, Any]] = {
    "plan": {},
    "code": {"needs": ["plan"]},
    "docs": {"needs": ["plan"]},
    "ship": {"needs": ["code", "docs"]},
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, DIAMOND, output={"said": "${{ steps.ship.output.text }}"})


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def failed_at_code(project: Project, workflow: Workflow) -> Run:
    run = start(workflow)
    finish(take(project)["plan"], {"text": "the plan"})
    taken = take(project)
    finish(taken["docs"], {"text": "the docs"})
    fail(taken["code"], "it broke")
    assert fresh(run).status == "failed"
    return run


def test_a_retry_does_what_failed_again_and_keeps_what_was_finished(
    project: Project, workflow: Workflow
) -> None:
    run = failed_at_code(project, workflow)
    control.retry_run(run, by="olga")
    assert statuses(run) == {
        **{"plan": "completed", "docs": "completed"},
        **{"code": "queued", "ship": "pending"},
    }
    code = Step.objects.get(run=run, key="code")
    assert (code.error_code, code.error, code.output, code.completed_at) == ("", "", None, None)
    now = fresh(run)
    assert (now.status, now.error_code, now.progress, now.completed_at) == ("running", "", 50, None)
    assert now.status_reason == "Retried by olga."
    assert work_off(project) == ["code", "ship"]
    now = fresh(run)
    assert (now.status, now.data.output, now.status_reason) == ("completed", {"said": "ship done"}, "")
    outputs = dict(Step.objects.filter(run=run).values_list("key", "output"))
    assert outputs["plan"] == {"text": "the plan"}
    assert outputs["docs"] == {"text": "the docs"}
    code.refresh_from_db()
    assert code.attempt == 2
    assert CommandRun.objects.filter(run_id=run.pk).count() == 5
    now.workflow.refresh_from_db()
    assert (now.workflow.completed_count, now.workflow.failed_count) == (1, 0)


def test_a_retry_from_a_step_does_it_and_everything_after_it_again(
    project: Project, workflow: Workflow
) -> None:
    run = start(workflow)
    work_off(project)
    control.retry_run(run, step="docs")
    assert fresh(run).data.output is None
    assert statuses(run)["code"] == "completed"
    assert work_off(project) == ["docs", "ship"]
    assert Step.objects.get(run=run, key="ship").attempt == 2
    assert fresh(run).status == "completed"
    fresh(run).workflow.refresh_from_db()
    assert Workflow.objects.get(pk=workflow.pk).completed_count == 1


def test_a_retry_starts_nothing_before_what_it_needs_is_done_again(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "a": {"on_failure": "continue"},
        "b": {"needs": ["a"]},
        "c": {"needs": ["b"]},
    }
    run = start(make_workflow(project, steps))
    fail(take(project)["a"])
    finish(take(project)["b"])
    fail(take(project)["c"])
    control.retry_run(run)
    assert work_off(project) == ["a", "b", "c"]
    assert fresh(run).status == "completed"


def test_a_cancelled_run_can_be_taken_up_again(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    finish(take(project)["plan"])
    services.cancel_run(run)
    assert fresh(run).status == "cancelled"
    control.retry_run(run)
    assert not fresh(run).cancel_requested
    assert sorted(work_off(project)) == ["code", "docs", "ship"]
    assert fresh(run).status == "completed"


def test_conditions_are_asked_again_behind_what_is_done_again(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "a": {"on_failure": "continue"},
        "b": {"needs": ["a"], "when": "steps.a.status == 'completed'"},
        "c": {"when": "false"},
    }
    run = start(make_workflow(project, steps))
    fail(take(project)["a"])
    assert statuses(run) == {"a": "failed", "b": "skipped", "c": "skipped"}
    control.retry_run(run)
    assert work_off(project) == ["a", "b"]
    assert statuses(run)["c"] == "skipped"


def test_a_rejected_question_is_asked_again(project: Project) -> None:
    run = start(make_workflow(project, {"ask": {"approval": {"title": "Go?"}}}))
    approvals.decide(Approval.objects.get(), approved=False, by="olga")
    control.retry_run(run)
    assert fresh(run).status == "waiting"
    approvals.decide(Approval.objects.get(state="open"), approved=True, by="olga")
    assert fresh(run).status == "completed"
    assert Approval.objects.count() == 2
    assert Step.objects.get(run=run).attempt == 2


def test_what_cannot_be_retried_is_said(project: Project, workflow: Workflow) -> None:
    run = start(workflow)
    with pytest.raises(Conflict, match="not over"):
        control.retry_run(run)
    work_off(project)
    with pytest.raises(Conflict, match="name the step"):
        control.retry_run(run)
    with pytest.raises(NotFound, match="no step 'nix'"):
        control.retry_run(run, step="nix")


def test_a_retry_over_http(project: Project, workflow: Workflow, operator: Caller) -> None:
    run = failed_at_code(project, workflow)
    viewer = caller(make_user(Role.VIEWER, project))
    stranger = caller(make_user(Role.ADMIN, make_project()))
    assert viewer.post(f"runs/{run.pk}/retry/").status_code == 403
    assert stranger.post(f"runs/{run.pk}/retry/").status_code == 404
    assert operator.post(f"runs/{run.pk}/retry/", {"step": "nix"}).status_code == 404
    answer = operator.post(f"runs/{run.pk}/retry/")
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    assert operator.post(f"runs/{run.pk}/retry/").status_code == 409
    assert len(events(project, "step.reset")) == 2


def test_a_run_is_run_again_with_the_same_or_another_input(project: Project, operator: Caller) -> None:
    schema = {"type": "object", "required": ["what"], "properties": {"what": {"type": "string"}}}
    workflow = make_workflow(project, {"a": {"with": {"text": "${{ input.what }}"}}}, input=schema)
    run = start(workflow, {"what": "this"})
    same = operator.post(f"runs/{run.pk}/rerun/")
    assert same.status_code == 201
    assert same["Location"] == f"/api/v1/runs/{same.json()['id']}/"
    assert (same.json()["number"], same.json()["input"]) == (2, {"what": "this"})
    assert same.json()["requested_by"] == "olga"
    other = operator.post(f"runs/{run.pk}/rerun/", {"input": {"what": "that"}})
    assert other.json()["input"] == {"what": "that"}
    wrong = operator.post(f"runs/{run.pk}/rerun/", {"input": {}})
    assert (wrong.status_code, set(wrong.json()["errors"])) == (400, {"input.what"})
    key = {"Idempotency-Key": "k1"}
    first, second = (operator.post(f"runs/{run.pk}/rerun/", headers=key).json()["id"] for _ in range(2))
    assert first == second
    body = {"input": {"what": "else"}}
    assert operator.post(f"runs/{run.pk}/rerun/", body, headers=key).status_code == 422
    assert caller(make_user(Role.VIEWER, project)).post(f"runs/{run.pk}/rerun/").status_code == 403
