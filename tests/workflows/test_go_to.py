"""A failure that sends the run back to an earlier step, or on to the step that handles it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project
from apps.agents import lease
from apps.agents.models import CommandRun
from apps.workflows import control, engine, stopping
from apps.workflows.models import Approval, Step
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
)

pytestmark = pytest.mark.django_db

LOOP: dict[str, dict[str, Any]] = {
    "before": {},
    "code": {"needs": ["before"]},
    "test": {"needs": ["code"], "on_failure": {"go_to": "code", "times": 2}},
    "ship": {"needs": ["test"]},
}


@pytest.fixture
def project() -> Project:
    return make_project()


def do(project: Project, *keys: str) -> dict[str, lease.Claimed]:
    taken = take(project)
    assert set(taken) == set(keys)
    return taken


def test_a_run_goes_back_and_does_again_what_comes_after(project: Project) -> None:
    run = start(make_workflow(project, LOOP))
    finish(do(project, "before")["before"])
    finish(do(project, "code")["code"], {"text": "first"})
    fail(do(project, "test")["test"], "red")
    assert statuses(run) == {"before": "completed", "code": "queued", "test": "pending", "ship": "pending"}
    assert fresh(run).status_reason == "Step “Test” failed: red Going back to “Code”."
    again = do(project, "code")["code"]
    assert again.work.idempotency_key == f"{run.pk}:code:-1:1"
    finish(again, {"text": "second"})
    finish(do(project, "test")["test"])
    finish(do(project, "ship")["ship"])
    assert (fresh(run).status, fresh(run).open_steps, fresh(run).progress) == ("completed", 0, 100)
    assert [e["key"] for e in events(project, "step.reset")] == ["code", "test", "ship"]
    assert Step.objects.get(run=run, key="code").attempt == 2


def test_a_run_that_went_back_often_enough_fails(project: Project) -> None:
    run = start(make_workflow(project, LOOP))
    finish(do(project, "before")["before"])
    for turn in range(3):
        finish(do(project, "code")["code"])
        fail(do(project, "test")["test"], f"red {turn}")
    assert fresh(run).status == "failed"
    assert fresh(run).status_reason == "Step “Test” failed: red 2 The run had gone back 2 times."
    control.retry_run(run)
    fail(do(project, "test")["test"])
    assert fresh(run).status == "running", "somebody's retry gives it its times again"


def test_a_step_may_go_back_to_itself(project: Project) -> None:
    run = start(make_workflow(project, {"a": {"on_failure": {"go_to": "a"}}}))
    fail(do(project, "a")["a"])
    finish(do(project, "a")["a"])
    assert fresh(run).status == "completed"


def test_what_was_at_work_after_the_target_is_stopped_and_done_again(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "a": {},
        "slow": {"needs": ["a"]},
        "ask": {"needs": ["a"], "approval": {"title": "Go?"}},
        "bad": {"needs": ["a"], "on_failure": {"go_to": "a"}},
        "aside": {},
    }
    run = start(make_workflow(project, steps))
    first = do(project, "a", "aside")
    finish(first["a"])
    second = do(project, "slow", "bad")
    fail(second["bad"])
    assert statuses(run) == {
        "a": "queued", "slow": "pending", "ask": "pending", "bad": "pending", "aside": "running",
    }  # fmt: skip
    assert Approval.objects.get().state == "cancelled"
    assert stopping.stop_unwanted(project.pk) == 1
    lease.confirm_cancelled(second["slow"].command_run_id, second["slow"].fence)
    assert statuses(run)["slow"] == "pending", "the end of what was stopped ends nothing"
    finish(do(project, "a")["a"])
    finish(first["aside"])
    for claimed in do(project, "slow", "bad").values():
        finish(claimed)
    assert fresh(run).status == "waiting"
    assert fresh(run).open_steps == 1
    assert engine.sweep() == 0


def test_a_map_makes_its_list_anew_when_the_run_goes_back_over_it(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "list": {},
        "each": {"needs": ["list"], "map": {"over": [1, 2, 3], "limit": 1}},
        "join": {"needs": ["each"], "on_failure": {"go_to": "list"}},
    }
    run = start(make_workflow(project, steps))
    for ends in (finish, finish, finish, finish, fail, finish, finish, finish, finish, finish):
        (claimed,) = take(project).values()
        ends(claimed)
    assert (fresh(run).status, fresh(run).total_steps, fresh(run).open_steps) == ("completed", 6, 0)


HANDLED: dict[str, dict[str, Any]] = {
    "deploy": {"on_failure": {"go_to": "undo"}},
    "announce": {"needs": ["deploy"]},
    "thank": {"needs": ["announce"]},
    "undo": {"with": {"text": "${{ steps.deploy.error.message }}"}, "when": "steps.deploy.error != null"},
    "tell": {"needs": ["undo"]},
    "end": {"needs": ["thank", "tell"]},
}


def test_a_step_that_handles_a_failure_runs_instead_of_what_would_have_followed(project: Project) -> None:
    run = start(make_workflow(project, HANDLED))
    fail(do(project, "deploy")["deploy"], "no room")
    undo = do(project, "undo")["undo"]
    assert undo.work.input == {"text": "no room"}
    finish(undo)
    finish(do(project, "tell")["tell"])
    finish(do(project, "end")["end"])
    assert statuses(run) == {
        "deploy": "failed", "announce": "skipped", "thank": "skipped",
        "undo": "completed", "tell": "completed", "end": "completed",
    }  # fmt: skip
    assert fresh(run).status == "completed"


def test_a_step_that_handles_failures_is_left_out_when_nothing_failed(project: Project) -> None:
    run = start(make_workflow(project, HANDLED))
    for key in ("deploy", "announce", "thank", "end"):
        finish(do(project, key)[key])
    assert statuses(run)["undo"] == statuses(run)["tell"] == "skipped"
    assert Step.objects.get(run=run, key="tell").wait_reason == "no step went to it"
    assert fresh(run).status == "completed"


def test_one_step_may_handle_the_failures_of_several(project: Project) -> None:
    steps = {
        "a": {"on_failure": {"go_to": "mend"}},
        "b": {"on_failure": {"go_to": "mend"}},
        "mend": {},
    }
    run = start(make_workflow(project, steps))
    taken = do(project, "a", "b")
    fail(taken["a"])
    assert statuses(run)["mend"] == "pending"
    finish(taken["b"])
    finish(do(project, "mend")["mend"])
    assert fresh(run).status == "completed"


def test_a_retry_does_the_handler_again_only_if_it_is_gone_to_again(project: Project) -> None:
    run = start(make_workflow(project, HANDLED))
    fail(do(project, "deploy")["deploy"])
    for key in ("undo", "tell", "end"):
        finish(do(project, key)[key])
    control.retry_run(run)
    for key in ("deploy", "announce", "thank", "end"):
        finish(do(project, key)[key])
    assert statuses(run)["undo"] == "skipped"
    assert fresh(run).status == "completed"
    assert not CommandRun.objects.exclude(status__in=["completed", "failed"]).exists()
