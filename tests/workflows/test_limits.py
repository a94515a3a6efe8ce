"""How many runs are at work at once: of the project, of a workflow, of each key; and what waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents import dispatch, lease
from apps.errors import Conflict
from apps.workflows import control, engine, limits, services
from apps.workflows.models import Origin, Run, Step, Workflow
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
)

pytestmark = pytest.mark.django_db

STEPS: dict[str, dict[str, Any]] = {"a": {}, "b": {"needs": ["a"]}}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def limited(project: Project, **concurrency: Any) -> Workflow:
    repo = {"type": "object", "properties": {"repo": {"type": "string"}}}
    return make_workflow(project, STEPS, input=repo, concurrency=concurrency)


def keyed(project: Project, **concurrency: Any) -> Workflow:
    return limited(project, key="${{ input.repo }}", **concurrency)


def state(run: Run) -> tuple[str, str]:
    run = fresh(run)
    return run.status, run.status_reason


def take_all(project: Project) -> list[lease.Claimed]:
    """Everything that is ready, claimed: also steps of one key of several runs."""
    taken = []
    while given := dispatch.dispatch_ready(project.pk):
        for one in given:
            claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="test")
            assert claimed is not None
            taken.append(claimed)
    return taken


def work_off(project: Project, *only: Run) -> int:
    """Do everything until nothing is ready, or the steps of `only` these runs."""
    done = 0
    while taken := [one for one in take_all(project) if not only or one.run_id in {run.pk for run in only}]:
        for claimed in taken:
            finish(claimed)
            done += 1
    return done


def test_a_run_over_the_limit_of_its_workflow_waits_and_says_what_for(project: Project) -> None:
    workflow = limited(project, limit=1)
    first, second = start(workflow), start(workflow)
    assert state(first) == ("running", "")
    assert state(second) == ("queued", "waiting for a place: 1 of 1 run of the workflow is at work")
    assert fresh(second).started_at is None
    assert statuses(second) == {"a": "pending", "b": "pending"}
    assert work_off(project) == 2
    engine.sweep()
    assert state(second) == ("running", "")
    assert work_off(project) == 2
    assert fresh(second).status == "completed"


def test_each_key_has_the_limit_for_itself(project: Project) -> None:
    workflow = keyed(project, limit=2)
    runs = [start(workflow, {"repo": repo}) for repo in ("x", "x", "x", "y")]
    assert [fresh(run).status for run in runs] == ["running", "running", "queued", "running"]
    assert state(runs[2])[1] == "waiting for a place: 2 of 2 runs with key “x” are at work"
    assert [run.concurrency_key for run in runs] == ["x", "x", "x", "y"]


def test_a_full_key_hides_no_run_of_another(project: Project) -> None:
    workflow = keyed(project, limit=1)
    for repo in ("x", *["x"] * (limits.STARTS + 5), "y"):
        start(workflow, {"repo": repo})
    last = start(workflow, {"repo": "y"})
    work_off(project, Run.objects.get(concurrency_key="y", status="running"))
    engine.sweep()
    assert fresh(last).status == "running"
    assert Run.objects.filter(concurrency_key="x", status="running").count() == 1


def test_the_next_is_chosen_by_priority_then_age(project: Project) -> None:
    workflow = limited(project, limit=1)
    start(workflow)
    low, old, high = (start(workflow, priority=priority) for priority in (-5, 0, 5))
    order = []
    for _ in range(3):
        work_off(project)
        engine.sweep()
        order.append(Run.objects.get(status="running").pk)
    assert order == [high.pk, old.pk, low.pk]


def test_the_project_has_no_more_runs_at_work_than_its_limit(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(max_runs=2)
    workflow = make_workflow(project, STEPS)
    runs = [start(workflow) for _ in range(4)]
    assert [fresh(run).status for run in runs] == ["running", "running", "queued", "queued"]
    assert state(runs[3])[1] == "waiting for a place: 2 of 2 runs of the project are at work"
    work_off(project)
    engine.sweep()
    assert [fresh(run).status for run in runs[2:]] == ["running", "running"]


def test_a_run_that_a_step_started_takes_no_place_of_the_project(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(max_runs=1)
    parent = start(make_workflow(project, STEPS))
    step = Step.objects.get(run=parent, key="a")
    nested = start(make_workflow(project, STEPS), origin=Origin.STEP, origin_id=step.pk)
    assert fresh(nested).status == "running"
    assert fresh(start(make_workflow(project, STEPS))).status == "queued"


def test_a_run_that_would_wait_for_the_one_it_is_nested_in_is_refused(project: Project) -> None:
    workflow = limited(project, limit=1)
    parent = start(workflow)
    step = Step.objects.get(run=parent, key="a")
    with pytest.raises(Conflict, match="in which it is nested"):
        start(workflow, origin=Origin.STEP, origin_id=step.pk)


def test_a_workflow_that_takes_no_more_answers_409_and_names_the_run(
    project: Project, operator: Caller
) -> None:
    workflow = keyed(project, limit=1, then="reject")
    holder = start(workflow, {"repo": "x"})
    path = f"workflows/{workflow.slug}/runs/"
    answer = operator.post(path, {"input": {"repo": "x"}})
    assert answer.status_code == 409
    assert f"“{holder}”" in answer.json()["detail"]
    assert answer.json()["runs"] == [str(holder.pk)]
    assert operator.post(path, {"input": {"repo": "y"}}).status_code == 201
    assert Run.objects.filter(workflow=workflow, concurrency_key="x").count() == 1
    work_off(project)
    assert operator.post(path, {"input": {"repo": "x"}}).status_code == 201


def test_the_newest_makes_room_for_itself(project: Project) -> None:
    workflow = keyed(project, limit=1, then="cancel_running")
    first = start(workflow, {"repo": "x"})
    other = start(workflow, {"repo": "y"})
    held = next(one for one in take_all(project) if one.run_id == first.pk)
    second = start(workflow, {"repo": "x"})
    third = start(workflow, {"repo": "x"})
    engine.sweep()
    assert state(second) == ("cancelled", f"Cancelled: {third} takes its place.")
    assert fresh(first).cancel_requested
    assert fresh(third).status == "queued"
    lease.confirm_cancelled(held.command_run_id, held.fence)
    engine.sweep()
    assert fresh(first).status == "cancelled"
    assert fresh(third).status == "running"
    assert fresh(other).status == "running"


def test_the_deadline_counts_from_the_start_and_not_from_queueing(project: Project) -> None:
    workflow = make_workflow(project, STEPS, timeout_seconds=60, concurrency={"limit": 1})
    start(workflow)
    second = start(workflow)
    assert second.deadline_at is None
    work_off(project)
    before = timezone.now()
    engine.sweep()
    deadline = fresh(second).deadline_at
    assert deadline is not None
    assert deadline >= before + timedelta(seconds=59)


def test_a_queued_run_can_be_paused_resumed_and_cancelled(project: Project) -> None:
    workflow = limited(project, limit=1)
    first, second, third = (start(workflow) for _ in range(3))
    control.pause_run(second, by="olga")
    work_off(project)
    engine.sweep()
    assert [fresh(run).status for run in (first, second, third)] == ["completed", "paused", "running"]
    control.resume_run(second, by="olga")
    engine.sweep()
    assert state(second) == ("queued", "waiting for a place: 1 of 1 run of the workflow is at work")
    services.cancel_run(second, by="olga")
    assert fresh(second).status == "cancelled"
    assert set(statuses(second).values()) == {"cancelled"}
    with pytest.raises(Conflict):
        control.pause_run(second)


def test_a_paused_or_waiting_run_keeps_its_place(project: Project) -> None:
    workflow = make_workflow(project, {"rest": {"wait": {"seconds": 60}}}, concurrency={"limit": 1})
    first, second = start(workflow), start(workflow)
    assert fresh(first).status == "waiting"
    control.pause_run(first)
    engine.sweep()
    assert fresh(second).status == "queued"
    services.cancel_run(first)
    engine.sweep()
    assert fresh(second).status == "waiting"


def test_a_retried_run_waits_for_a_place_too(project: Project) -> None:
    workflow = limited(project, limit=1)
    first, second = start(workflow), start(workflow)
    services.cancel_run(second)
    control.retry_run(second)
    assert state(second) == ("queued", "waiting for a place: 1 of 1 run of the workflow is at work")
    with pytest.raises(Conflict, match="not over"):
        control.retry_run(second)
    fail(take(project)["a"])
    engine.sweep()
    assert fresh(second).status == "running"
    control.retry_run(first)
    assert fresh(first).status == "queued"
    assert work_off(project) == 2
    engine.sweep()
    assert work_off(project) == 2
    assert {fresh(first).status, fresh(second).status} == {"completed"}


def test_a_paused_workflow_starts_no_queued_run(project: Project) -> None:
    workflow = limited(project, limit=1)
    _, second = start(workflow), start(workflow)
    held = take(project)["a"]
    control.pause_workflow(workflow)
    assert held.run_id is not None
    services.cancel_run(Run.objects.get(pk=held.run_id))
    lease.confirm_cancelled(held.command_run_id, held.fence)
    engine.sweep()
    assert fresh(second).status == "queued"
    control.resume_workflow(workflow)
    engine.sweep()
    assert fresh(second).status == "running"


def test_a_key_that_cannot_be_made_is_the_fault_of_the_input(project: Project) -> None:
    workflow = limited(project, limit=1, key="${{ input.missing.part }}")
    with pytest.raises(Exception, match=r"concurrency\.key"):
        start(workflow)
    assert not Run.objects.filter(workflow=workflow).exists()


def test_a_higher_limit_lets_more_runs_start(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(max_runs=1)
    workflow = make_workflow(project, STEPS)
    runs = [start(workflow) for _ in range(3)]
    Project.objects.filter(pk=project.pk).update(max_runs=2)
    engine.sweep()
    assert [fresh(run).status for run in runs] == ["running", "running", "queued"]
    assert state(runs[2])[1] == "waiting for a place: 2 of 2 runs of the project are at work"


def test_an_idle_sweep_says_nothing(project: Project) -> None:
    workflow = limited(project, limit=1)
    start(workflow)
    start(workflow)
    before = len(events(project))
    engine.sweep()
    assert len(events(project)) == before


def test_the_project_says_and_changes_its_limits_and_what_is_at_work(
    project: Project, operator: Caller
) -> None:
    admin = caller(make_user(Role.ADMIN, project, "ada"))
    workflow = make_workflow(project, STEPS)
    start(workflow)
    take_all(project)
    answer = admin.patch("project/", {"max_runs": 1, "max_command_runs": 5})
    assert answer.status_code == 200
    second = start(workflow)
    found = operator.get("project/").json()
    assert found == {
        "slug": project.slug, "name": project.name, "max_runs": 1, "max_command_runs": 5,
        "runs_at_work": 1, "runs_queued": 1, "command_runs_at_work": 1, "command_runs_queued": 0,
    }  # fmt: skip
    assert admin.patch("project/", {"max_runs": None}).json()["max_command_runs"] == 5
    engine.sweep()
    assert fresh(second).status == "running"
    said = [(event["max_runs"], event["by"]) for event in events(project, "project.limited")]
    assert said == [(1, "ada"), (None, "ada")]
    for wrong in ({"max_runs": 0}, {"max_runs": "few"}, {"max_runs": 100_001}):
        answer = admin.patch("project/", wrong)
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"max_runs"})
    assert operator.patch("project/", {"max_runs": 5}).status_code == 403
    assert caller(make_user(Role.VIEWER, project)).get("project/").status_code == 200
