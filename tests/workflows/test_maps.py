"""Maps: a step is done for each item of a list, so many at once, and what they make comes in order."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.agents import dispatch, lease
from apps.agents.models import CommandRun
from apps.workflows import control, engine, services, stopping
from apps.workflows.models import Run, Step
from tests.accounts.people import caller, make_user
from tests.workflows.acting import (
    events,
    fail,
    finish,
    fresh,
    make_project,
    make_workflow,
    start,
    statuses_of_definition,
    work_off,
)

pytestmark = pytest.mark.django_db

EACH: dict[str, Any] = {
    "map": {"over": "${{ input.names }}", "limit": 2},
    "with": {"text": "${{ string(item_index) + ' ' + item }}"},
}


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


def items(run: Run) -> list[str]:
    found = Step.objects.filter(run=run, map_index__gte=0).order_by("map_index")
    return list(found.values_list("status", flat=True))


def test_items_are_done_so_many_at_once_and_their_outputs_come_in_order(project: Project) -> None:
    workflow = make_workflow(
        project,
        {"each": EACH, "after": {"needs": ["each"], "with": {"text": "${{ steps.each.output[2].text }}"}}},
        input={"type": "object", "properties": {"names": {}}},
        output={"all": "${{ steps.each.output.map(o, o.text) }}"},
    )
    run = start(workflow, {"names": ["a", "b", "c", "d"]})
    assert items(run) == ["queued", "queued", "pending", "pending"]
    taken = take_items(project)
    assert set(taken) == {0, 1}
    assert taken[1].work.input == {"text": "1 b"}
    finish(taken[1], {"text": "B"})
    assert items(run) == ["running", "completed", "queued", "pending"]
    assert (fresh(run).total_steps, fresh(run).open_steps) == (6, 5)
    finish(taken[0], {"text": "A"})
    for place, claimed in take_items(project).items():
        finish(claimed, {"text": f"item {place}"})
    (after,) = take_items(project).values()
    assert after.work.input == {"text": "item 2"}
    finish(after)
    run = fresh(run)
    assert (run.status, run.progress, run.open_steps) == ("completed", 100, 0)
    assert run.data.output == {"all": ["A", "B", "item 2", "item 3"]}


def test_a_list_may_be_written_out_or_empty(project: Project) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": ["x", 1, None]}}}))
    assert work_off(project) == ["each"] * 3 or len(items(run)) == 3
    engine.sweep()
    empty = start(
        make_workflow(project, {"each": {"map": {"over": []}}}, output={"n": "${{ steps.each.output }}"})
    )
    assert (fresh(empty).status, fresh(empty).data.output) == ("completed", {"n": []})


@pytest.mark.parametrize("over", ["${{ 7 }}", "${{ {'a': 1} }}", "${{ null }}"])
def test_what_is_no_list_fails_the_step_in_words(project: Project, over: str) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": over}}}))
    step = Step.objects.get(run=run)
    assert (step.status, step.error_code, fresh(run).status) == ("failed", "invalid_input", "failed")
    assert "must be a list" in step.error


def test_the_first_failed_item_stops_the_others(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "each": {"map": {"over": [1, 2, 3, 4], "limit": 3}, "on_failure": "continue"},
        "z": {"needs": ["each"]},
    }
    run = start(make_workflow(project, steps))
    taken = take_items(project)
    fail(taken[1], "no good")
    step = Step.objects.get(run=run, key="each", map_index=-1)
    assert (step.status, step.error_code) == ("failed", "item_failed")
    assert step.error == "Item 2 failed: no good"
    assert items(run) == ["cancelled", "failed", "cancelled", "skipped"]
    assert stopping.stop_unwanted() == 2
    assert stopping.stop_unwanted() == 0
    for place in (0, 2):
        lease.confirm_cancelled(taken[place].command_run_id, taken[place].fence)
    (after,) = take_items(project).values()
    finish(after)
    assert fresh(run).status == "completed"
    assert engine.sweep() == 0


def test_items_may_fail_and_the_map_goes_on_with_nulls(project: Project) -> None:
    mapped = {"over": [1, 2, 3], "limit": 1, "on_item_failure": "continue"}
    run = start(make_workflow(project, {"each": {"map": mapped}}, output={"all": "${{ steps.each.output }}"}))
    for ends in (finish, fail, finish):
        (claimed,) = take_items(project).values()
        ends(claimed)
    assert fresh(run).data.output == {"all": [{"text": "done"}, None, {"text": "done"}]}


def test_expressions_that_fail_for_an_item_fail_that_item(project: Project) -> None:
    mapped = {"over": [{"a": 1}, {}], "on_item_failure": "continue"}
    each = {"map": mapped, "with": {"text": "${{ string(item.a) }}"}}
    run = start(make_workflow(project, {"each": each}))
    for claimed in take_items(project).values():
        finish(claimed)
    assert items(run) == ["completed", "failed"]
    assert fresh(run).status == "completed"


def test_a_condition_is_judged_once_for_the_whole_map(project: Project) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": [1, 2]}, "when": "false"}}))
    assert list(Step.objects.filter(run=run).values_list("status", flat=True)) == ["skipped"]


def test_cancelling_a_run_ends_its_map(project: Project) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": [1, 2, 3, 4], "limit": 2}}}))
    taken = take_items(project)
    services.cancel_run(run, by="olga")
    assert items(run) == ["running", "running", "cancelled", "cancelled"]
    for claimed in taken.values():
        lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
    assert statuses_of_definition(run) == {"each": "cancelled"}
    assert (fresh(run).status, fresh(run).open_steps) == ("cancelled", 0)


def test_a_failed_run_ends_the_map_beside_the_failure(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "each": {"map": {"over": [1, 2], "limit": 1}}}))
    taken = take_items(project)
    fail(taken[-1])
    engine.sweep()
    lease.confirm_cancelled(taken[0].command_run_id, taken[0].fence)
    assert statuses_of_definition(run) == {"a": "failed", "each": "cancelled"}
    assert fresh(run).status == "failed"


def test_a_retry_does_only_the_items_again_that_were_not_completed(project: Project) -> None:
    mapped = {"over": ["a", "b", "c"], "limit": 3, "on_item_failure": "fail"}
    run = start(make_workflow(project, {"each": {"map": mapped}}, output={"all": "${{ steps.each.output }}"}))
    taken = take_items(project)
    finish(taken[0], {"text": "A"})
    fail(taken[1])
    engine.sweep()
    lease.confirm_cancelled(taken[2].command_run_id, taken[2].fence)
    assert fresh(run).status == "failed"
    control.retry_run(run, by="olga")
    assert items(run) == ["completed", "queued", "queued"]
    assert (fresh(run).total_steps, fresh(run).open_steps) == (4, 3)
    for place, claimed in take_items(project).items():
        assert claimed.work.idempotency_key == f"{run.pk}:each:{place}:1"
        finish(claimed, {"text": f"again {place}"})
    run = fresh(run)
    assert run.data.output == {"all": [{"text": "A"}, {"text": "again 1"}, {"text": "again 2"}]}
    assert engine.sweep() == 0


def test_a_retry_from_the_map_itself_makes_its_list_anew(project: Project) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": [1, 2]}}}))
    for claimed in take_items(project).values():
        finish(claimed)
    before = set(Step.objects.filter(run=run, map_index__gte=0).values_list("id", flat=True))
    control.retry_run(run, step="each")
    now = set(Step.objects.filter(run=run, map_index__gte=0).values_list("id", flat=True))
    assert (len(now), now & before) == (2, set())
    for claimed in take_items(project).values():
        finish(claimed)
    assert (fresh(run).status, fresh(run).total_steps) == ("completed", 3)


def test_the_end_of_an_item_costs_the_same_whatever_the_number_of_the_others(
    project: Project, django_assert_max_num_queries: Any
) -> None:
    costs = []
    for n in (20, 500):
        start(make_workflow(project, {"each": {"map": {"over": list(range(n)), "limit": 2}}}))
        claimed = take_items(project)[0]
        with django_assert_max_num_queries(80) as counted:
            finish(claimed)
        costs.append(len(counted))
        for run in Run.objects.filter(project=project):
            services.cancel_run(run)
        CommandRun.objects.filter(project=project).update(status="cancelled")
    assert abs(costs[0] - costs[1]) <= 1  # one memory of the process or another may be asked anew


def test_thousands_of_items_make_thousands_of_rows_and_few_journal_lines(project: Project) -> None:
    run = start(make_workflow(project, {"each": {"map": {"over": list(range(5000)), "limit": 5}}}))
    assert Step.objects.filter(run=run).count() == 5001
    lines = events(project, "step.started", "step.queued")
    assert [one["items"] for one in lines if one["status"] == "running"] == [5000]
    assert len(lines) == 6
    services.cancel_run(run)
    assert fresh(run).open_steps == 0
    assert len(events(project)) < 60


def test_a_run_shows_counts_and_its_items_are_read_page_by_page(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "each": {"map": {"over": list("abc"), "limit": 2}}}))
    taken = take_items(project)
    finish(taken[0])
    viewer = caller(make_user(Role.VIEWER, project))
    shown = viewer.get(f"runs/{run.pk}/").json()
    assert [step["key"] for step in shown["steps"]] == ["a", "each"]
    each = shown["steps"][1]
    assert each["items"] == {
        "total": 3, "waiting": 1, "running": 1, "completed": 1, "failed": 0, "cancelled": 0,
    }  # fmt: skip
    assert each["progress"] == 33
    top = viewer.get(f"runs/{run.pk}/steps/").json()["results"]
    assert [step["key"] for step in top] == ["a", "each"]
    page = viewer.get(f"runs/{run.pk}/steps/?parent={each['id']}&limit=2").json()
    assert [(one["map_index"], one["item"]) for one in page["results"]] == [(0, "a"), (1, "b")]
    rest = viewer.get(page["next"].removeprefix("/api/v1/")).json()
    assert [one["map_index"] for one in rest["results"]] == [2]
    done = viewer.get(f"runs/{run.pk}/steps/?parent={each['id']}&status=completed").json()["results"]
    assert [one["map_index"] for one in done] == [0]
    assert viewer.get(f"runs/{run.pk}/steps/?parent=nonsense").status_code == 400
    assert viewer.get(f"runs/{run.pk}/steps/?parent={run.pk}").status_code == 400
    stranger = caller(make_user(Role.ADMIN, make_project()))
    assert stranger.get(f"runs/{run.pk}/steps/").status_code == 404
