"""Runs move from step to step, and every way a step can end has its stated consequence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import lease
from apps.agents.models import CommandRun, CommandRunData
from apps.errors import Conflict, InvalidInput, KeyReused
from apps.workflows import engine, services
from apps.workflows.models import Run, Step
from tests.workflows.acting import (
    events,
    fail,
    finish,
    fresh,
    make_command,
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


def test_a_run_starts_with_its_roots_queued_and_the_rest_waiting_with_a_reason(project: Project) -> None:
    run = start(make_workflow(project, DIAMOND))
    assert statuses(run) == {"plan": "queued", "code": "pending", "docs": "pending", "ship": "pending"}
    assert (run.status, run.progress, run.current_step, run.total_steps) == ("running", 0, 1, 4)
    assert Step.objects.get(run=run, key="ship").wait_reason == "waiting for Code, Docs"
    assert CommandRun.objects.filter(run_id=run.pk).count() == 1


def test_a_run_is_worked_off_in_the_order_of_its_needs(project: Project) -> None:
    run = start(make_workflow(project, DIAMOND))
    done = work_off(project)
    assert done[0] == "plan"
    assert sorted(done[1:3]) == ["code", "docs"]
    assert done[3] == "ship"
    run = fresh(run)
    assert (run.status, run.progress, run.current_step, run.open_steps) == ("completed", 100, 4, 0)
    assert run.completed_at is not None


def test_progress_and_current_step_tell_how_far_the_run_is(project: Project) -> None:
    run = start(make_workflow(project, DIAMOND))
    finish(take(project)["plan"])
    assert fresh(run).progress == 25
    taken = take(project)
    assert fresh(run).current_step == 3
    finish(taken["docs"])
    assert (fresh(run).current_step, fresh(run).progress) == (2, 50)
    finish(taken["code"])
    assert (fresh(run).current_step, fresh(run).progress) == (2, 75)


def test_steps_are_given_the_run_s_input_and_the_outputs_before_them(project: Project) -> None:
    workflow = make_workflow(
        project,
        {
            "first": {"with": {"text": "Look at ${{ input.what }}"}},
            "second": {"needs": ["first"], "with": {"text": "${{ steps.first.output.text }}"}},
        },
        input={"type": "object", "properties": {"what": {"type": "string", "default": "the moon"}}},
        output={"answer": "${{ steps.second.output.text }}", "run": "${{ run.number }}"},
    )
    run = start(workflow)
    finish(take(project)["first"], {"text": "it is round"})
    second = take(project)["second"]
    assert second.work.input == {"text": "it is round"}
    finish(second, {"text": "yes"})
    first = CommandRunData.objects.get(command_run__run_id=run.pk, command_run__title="First")
    assert first.input == {"text": "Look at the moon"}
    assert fresh(run).data.output == {"answer": "yes", "run": 1}
    assert fresh(run).data.input == {"what": "the moon"}


def test_a_step_whose_condition_is_false_is_skipped_and_what_needs_it_goes_on(project: Project) -> None:
    workflow = make_workflow(
        project,
        {
            "look": {},
            "mend": {"needs": ["look"], "when": "steps.look.output.text == 'broken'"},
            "tell": {"needs": ["mend"], "with": {"text": "${{ steps.mend.status }}"}},
        },
    )
    run = start(workflow)
    finish(take(project)["look"], {"text": "fine"})
    assert statuses(run) == {"look": "completed", "mend": "skipped", "tell": "queued"}
    assert Step.objects.get(run=run, key="mend").wait_reason == "its condition was not met"
    assert take(project)["tell"].work.input == {"text": "skipped"}


def test_a_run_whose_steps_are_all_skipped_completes_at_once(project: Project) -> None:
    run = start(make_workflow(project, {"a": {"when": "false"}, "b": {"needs": ["a"], "when": "false"}}))
    assert (run.status, run.progress) == ("completed", 100)
    assert [e["status"] for e in events(project, "run.started", "run.finished")] == ["running", "completed"]


def test_a_failed_step_fails_the_run_and_nothing_behind_it_starts(project: Project) -> None:
    run = start(make_workflow(project, DIAMOND))
    fail(take(project)["plan"], "no idea")
    run = fresh(run)
    assert statuses(run) == {"plan": "failed", "code": "skipped", "docs": "skipped", "ship": "skipped"}
    assert (run.status, run.error_code) == ("failed", "step_failed")
    assert run.status_reason == "Step “Plan” failed: no idea"
    assert run.progress == 0  # steps that were given up are no progress


def test_a_failed_step_stops_the_siblings_that_run_and_then_the_run_is_over(project: Project) -> None:
    run = start(make_workflow(project, {"good": {}, "bad": {}, "late": {"needs": ["good"]}}))
    taken = take(project)
    fail(taken["bad"])
    assert fresh(run).status == "running"
    assert statuses(run) == {"good": "running", "bad": "failed", "late": "skipped"}
    assert engine.sweep() == 1
    assert CommandRun.objects.get(pk=taken["good"].command_run_id).cancel_requested
    lease.confirm_cancelled(taken["good"].command_run_id, taken["good"].fence)
    assert statuses(run)["good"] == "cancelled"
    assert fresh(run).status == "failed"


def test_a_failed_run_cancels_what_is_queued_beside_it(project: Project) -> None:
    make_command(project, "never.taken", capability="rare")
    run = start(make_workflow(project, {"bad": {}, "other": {"command": "never.taken"}}))
    fail(take(project)["bad"])
    engine.sweep()
    assert statuses(run) == {"bad": "failed", "other": "cancelled"}
    assert fresh(run).status == "failed"


def test_a_failure_that_may_be_passed_over_leaves_null_to_its_successors(project: Project) -> None:
    workflow = make_workflow(
        project,
        {
            "risky": {"on_failure": "continue"},
            "after": {
                "needs": ["risky"],
                "with": {"text": "${{ steps.risky.output == null ? steps.risky.error.code : 'fine' }}"},
            },
        },
    )
    run = start(workflow)
    fail(take(project)["risky"])
    after = take(project)["after"]
    assert after.work.input == {"text": "test_failure"}
    finish(after)
    assert fresh(run).status == "completed"


def test_a_step_is_tried_again_as_its_retry_says(project: Project) -> None:
    workflow = make_workflow(project, {"a": {"retry": {"attempts": 2, "backoff_seconds": 0}}})
    run = start(workflow)
    fail(take(project)["a"], retryable=True)
    step = Step.objects.get(run=run)
    assert (step.status, step.attempt) == ("queued", 1)
    assert "attempt 2 of 2" in step.wait_reason
    fail(take(project)["a"], retryable=True)
    assert statuses(run) == {"a": "failed"}
    assert fresh(run).status == "failed"


def test_an_expression_that_cannot_be_evaluated_fails_its_step_by_name(project: Project) -> None:
    workflow = make_workflow(
        project, {"a": {}, "b": {"needs": ["a"], "with": {"text": "${{ steps.a.output.nothing }}"}}}
    )
    run = start(workflow)
    finish(take(project)["a"])
    step = Step.objects.get(run=run, key="b")
    assert (step.status, step.error_code) == ("failed", "expression_error")
    assert "steps.a.output.nothing" in step.error
    assert fresh(run).status == "failed"


def test_an_input_that_the_command_does_not_take_fails_the_step(project: Project) -> None:
    workflow = make_workflow(project, {"a": {"with": {"text": "${{ 1 + 1 }}"}}})
    run = start(workflow)
    step = Step.objects.get(run=run)
    assert (step.status, step.error_code) == ("failed", "invalid_input")
    assert "input.text" in step.error
    assert run.status == "failed"


def test_an_output_of_the_run_that_cannot_be_made_fails_the_run(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}, output={"x": "${{ steps.a.output.zz }}"}))
    work_off(project)
    assert (fresh(run).status, fresh(run).error_code) == ("failed", "expression_error")


def test_a_run_past_its_deadline_fails_and_stops_what_runs(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}, timeout_seconds=60))
    taken = take(project)["a"]
    assert engine.sweep() == 0
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    engine.sweep()
    assert statuses(run) == {"a": "running", "b": "skipped"}
    lease.confirm_cancelled(taken.command_run_id, taken.fence)
    assert (fresh(run).status, fresh(run).error_code) == ("failed", "deadline")


def test_the_sweep_finishes_a_step_that_nobody_told(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    claimed = take(project)["a"]
    CommandRun.objects.filter(pk=claimed.command_run_id).update(status="completed")
    CommandRunData.objects.filter(pk=claimed.command_run_id).update(output={"text": "kept"})
    assert engine.sweep() == 1
    assert statuses(run) == {"a": "completed", "b": "queued"}
    assert Step.objects.get(run=run, key="a").output == {"text": "kept"}
    assert engine.sweep() == 0


def test_the_sweep_starts_a_ready_step_that_was_forgotten(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}))
    CommandRun.objects.filter(run_id=run.pk).delete()
    Step.objects.filter(run=run).update(status="pending", command_run_id=None)
    assert engine.sweep() == 1
    assert work_off(project) == ["a"]
    assert fresh(run).status == "completed"


def test_a_result_that_comes_twice_changes_nothing(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}))
    claimed = take(project)["a"]
    finish(claimed)
    before = len(events(project))
    with pytest.raises(Conflict):
        finish(claimed, {"text": "again"})
    assert len(events(project)) == before
    assert Step.objects.get(run=run).output == {"text": "done"}


def test_cancelling_stops_what_waits_now_and_tells_what_runs(project: Project) -> None:
    run = start(make_workflow(project, {**DIAMOND, "alone": {}}))
    taken = take(project)
    finish(taken["plan"])
    services.cancel_run(run, by="ada")
    assert statuses(run) == {
        "plan": "completed",
        "alone": "running",
        "code": "cancelled",
        "docs": "cancelled",
        "ship": "cancelled",
    }
    assert (run.status, run.cancel_requested, run.status_reason) == ("running", True, "Cancelled by ada.")
    lease.confirm_cancelled(taken["alone"].command_run_id, taken["alone"].fence)
    assert fresh(run).status == "cancelled"


def test_cancelling_twice_is_the_same_and_a_run_that_is_over_cannot_be_cancelled(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}))
    taken = take(project)["a"]
    services.cancel_run(run)
    before = len(events(project))
    services.cancel_run(run)
    assert len(events(project)) == before
    lease.confirm_cancelled(taken.command_run_id, taken.fence)
    with pytest.raises(Conflict, match="cancelled"):
        services.cancel_run(run)


def test_one_key_and_body_make_one_run(project: Project) -> None:
    workflow = make_workflow(project, {"a": {}}, input={"properties": {"x": {"type": "integer"}}})
    first, is_new = services.start_run(workflow, {"x": 1}, idempotency_key="k")
    again, is_new_again = services.start_run(workflow, {"x": 1}, idempotency_key="k")
    assert (first.pk, is_new, is_new_again) == (again.pk, True, False)
    with pytest.raises(KeyReused):
        services.start_run(workflow, {"x": 2}, idempotency_key="k")
    with pytest.raises(KeyReused):
        services.start_run(make_workflow(project, {"a": {}}), {"x": 1}, idempotency_key="k")
    assert Run.objects.filter(project=project).count() == 1


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "input.report"),
        ({"report": 7}, "input.report"),
        ({"report": "x", "more": 1}, "input"),
        ({"report": "a\0b"}, "input.report"),
        ({"report": 2**70}, "input.report"),
        ({"report": "\ud800"}, "input.report"),
        ({"report": "x", "deep": {"list": ["x", 1]}}, "input.deep.list[1]"),
    ],
)
def test_a_wrong_input_names_its_field(project: Project, value: dict[str, Any], field: str) -> None:
    schema = {
        "type": "object",
        "required": ["report"],
        "additionalProperties": False,
        "properties": {
            "report": {"type": "string"},
            "deep": {"properties": {"list": {"items": {"type": "string"}}}},
        },
    }
    workflow = make_workflow(project, {"a": {}}, input=schema)
    with pytest.raises(InvalidInput) as caught:
        services.start_run(workflow, value)
    assert list(caught.value.errors) == [field]
    assert not Run.objects.exists()


def test_runs_are_numbered_by_workflow(project: Project) -> None:
    one, other = make_workflow(project, {"a": {}}), make_workflow(project, {"a": {}})
    assert [start(one).number, start(one).number, start(other).number] == [1, 2, 1]


def test_a_fan_out_costs_the_same_number_of_queries_for_each_finish(
    project: Project, django_assert_max_num_queries: Any
) -> None:
    steps: dict[str, dict[str, Any]] = {f"s{n}": {} for n in range(60)}
    run = start(make_workflow(project, {**steps, "join": {"needs": list(steps)}}))
    taken = take(project)
    for key in list(taken)[:-1]:
        with django_assert_max_num_queries(32):
            finish(taken.pop(key))
    assert statuses(run)["join"] == "pending"
    finish(taken.popitem()[1])
    assert statuses(run)["join"] == "queued"
