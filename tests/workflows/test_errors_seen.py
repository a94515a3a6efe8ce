"""What went wrong is there to be read: by the steps that follow, and by whoever asks for the run."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.agents import dispatch, lease
from apps.workflows import control, document, seen
from apps.workflows.document import DocumentError
from apps.workflows.models import Run, Step
from tests.accounts.people import caller, make_user
from tests.workflows.acting import fail, finish, fresh, make_project, make_workflow, start, take

pytestmark = pytest.mark.django_db

CONTINUE: dict[str, Any] = {"map": {"over": [1, 2, 3], "limit": 3, "on_item_failure": "continue"}}


@pytest.fixture
def project() -> Project:
    return make_project()


def take_items(project: Project) -> dict[int, lease.Claimed]:
    """Everything that is ready, claimed; by its place in the list."""
    taken: dict[int, lease.Claimed] = {}
    while given := dispatch.dispatch_ready(project.pk):
        for one in given:
            claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="test")
            assert claimed is not None
            assert claimed.step_id is not None
            taken[Step.objects.get(pk=claimed.step_id).map_index] = claimed
    return taken


def shown(project: Project, run: Run, key: str) -> dict[str, Any]:
    asked = caller(make_user(Role.VIEWER, project), project.slug)
    answer = asked.get(f"runs/{run.pk}/steps/{key}/")
    assert answer.status_code == 200
    step: dict[str, Any] = answer.json()
    return step


def test_a_map_says_which_of_its_items_failed_and_why(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "each": CONTINUE,
        "after": {"needs": ["each"], "with": {"text": "${{ steps.each.errors.map(e, e.message).join() }}"}},
    }
    output = {"errors": "${{ steps.each.errors }}", "n": "${{ size(steps.each.errors) }}"}
    run = start(make_workflow(project, steps, output=output))
    taken = take_items(project)
    finish(taken[1])
    fail(taken[2], "three")
    fail(taken[0], "one")
    (after,) = take_items(project).values()
    assert after.work.input == {"text": "onethree"}
    finish(after)
    errors = [
        {"index": 0, "code": "test_failure", "message": "one"},
        {"index": 2, "code": "test_failure", "message": "three"},
    ]
    assert fresh(run).data.output == {"errors": errors, "n": 2}
    assert shown(project, run, "each")["item_errors"] == errors
    assert shown(project, run, "after")["item_errors"] == []


def test_a_map_that_a_failed_item_stopped_names_that_item(project: Project) -> None:
    each = {"map": {"over": [1, 2, 3], "limit": 3}, "on_failure": "continue"}
    output = {"at": "${{ steps.each.errors[0].index }}", "code": "${{ steps.each.error.code }}"}
    run = start(make_workflow(project, {"each": each}, output=output))
    fail(take_items(project)[1], "no good")
    assert fresh(run).data.output == {"at": 1, "code": "item_failed"}


def test_no_error_stays_when_the_items_are_done_again(project: Project) -> None:
    each = {"map": {"over": [1, 2], "limit": 2}}
    run = start(make_workflow(project, {"each": each}, output={"n": "${{ size(steps.each.errors) }}"}))
    fail(take_items(project)[0])
    assert fresh(run).status == "failed"
    control.retry_run(run)
    assert shown(project, run, "each")["item_errors"] == []
    for claimed in take_items(project).values():
        finish(claimed)
    assert fresh(run).data.output == {"n": 0}


def test_of_many_failed_items_the_first_are_told_and_long_messages_cut(project: Project) -> None:
    count = seen.MAX_ERRORS + 20
    each = {"map": {"over": list(range(count)), "limit": count, "on_item_failure": "continue"}}
    run = start(make_workflow(project, {"each": each}, output={"all": "${{ steps.each.errors }}"}))
    for claimed in take_items(project).values():
        fail(claimed, "x" * 5_000)
    output = fresh(run).data.output
    assert output is not None
    told = output["all"]
    assert [one["index"] for one in told] == list(range(seen.MAX_ERRORS))
    assert {len(one["message"]) for one in told} == {seen.MAX_MESSAGE}


def test_a_step_that_handles_a_failure_sees_code_message_and_attempt(project: Project) -> None:
    told = "${{ steps.a.error.code + ' ' + steps.a.error.message + ' ' + string(steps.a.error.attempt) }}"
    steps: dict[str, dict[str, Any]] = {
        "a": {"on_failure": {"go_to": "undo"}},
        "undo": {"with": {"text": told}},
    }
    start(make_workflow(project, steps))
    fail(take(project)["a"], "no disk")
    assert take(project)["undo"].work.input == {"text": "test_failure no disk 1"}


def test_a_step_that_is_gone_back_to_sees_why(project: Project) -> None:
    why = "${{ steps.test.error == null ? 'first' : steps.test.error.message }}"
    steps: dict[str, dict[str, Any]] = {
        "code": {"with": {"text": why}},
        "build": {"needs": ["code"], "with": {"text": why}},
        "test": {
            "needs": ["build"],
            "with": {"text": why},
            "on_failure": {"go_to": "code", "times": 2},
        },
    }
    run = start(make_workflow(project, steps))
    for said in ("first", "red 1", "red 2"):
        for key in ("code", "build"):
            claimed = take(project)[key]
            assert claimed.work.input == {"text": said}
            finish(claimed)
        tested = take(project)["test"]
        assert tested.work.input == {"text": said}
        assert (shown(project, run, "test")["sent_back"] is None) == (said == "first")
        fail(tested, f"red {int(said[-1]) + 1 if said != 'first' else 1}")
    assert fresh(run).status == "failed"
    sent_back = {"code": "test_failure", "message": "red 2", "attempt": 2}
    assert shown(project, run, "test")["sent_back"] == sent_back


def test_a_retry_by_hand_begins_without_the_old_reasons(project: Project) -> None:
    why = "${{ steps.b.error == null ? 'none' : steps.b.error.message }}"
    steps: dict[str, dict[str, Any]] = {
        "a": {"with": {"text": why}},
        "b": {"needs": ["a"], "on_failure": {"go_to": "a"}},
    }
    run = start(make_workflow(project, steps))
    finish(take(project)["a"])
    fail(take(project)["b"], "red")
    finish(take(project)["a"])
    fail(take(project)["b"], "red again")
    control.retry_run(run, step="a")
    assert take(project)["a"].work.input == {"text": "none"}


def test_only_what_lies_on_the_way_back_may_look_at_the_failed_step() -> None:
    text = """
name: Trial
slug: trial
steps:
  - {key: before, command: do.it, with: {text: "${{ steps.test.error.code }}"}}
  - {key: code, command: do.it, needs: [before]}
  - {key: test, command: do.it, needs: [code], on_failure: {go_to: code}}
"""
    with pytest.raises(DocumentError, match="may not be over before 'before'"):
        document.parse(text)
