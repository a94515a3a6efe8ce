"""Many hands on one run at the same time, on a real database: each thing happens exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Project
from apps.agents import explain, lease, repair
from apps.agents.models import CommandRun
from apps.errors import Conflict
from apps.workflows import approvals, control, engine, services
from apps.workflows.models import Approval, ApprovalDecision, Run, Step
from tests.rig.together import at_once
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

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture(autouse=True)
def no_connection_is_left_behind() -> Iterator[None]:
    yield
    connection.close()


def test_of_fifty_cancels_at_once_one_wins_and_all_agree(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    take(project)
    ends = at_once(*[lambda: services.cancel_run(Run.objects.get(pk=run.pk), by="x")] * 50)
    assert ends == {"ok": 50}
    requested = [e for e in events(project, "run.changed") if e["cancel_requested"]]
    assert len(requested) == 1
    cancelled = [e for e in events(project, "step.finished") if e["status"] == "cancelled"]
    assert [e["key"] for e in cancelled] == ["b"]
    assert CommandRun.objects.filter(cancel_requested=True).count() == 1


def test_cancels_of_a_run_that_only_waits_end_it_once(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {}}))
    ends = at_once(*[lambda: services.cancel_run(Run.objects.get(pk=run.pk))] * 12)
    assert ends["ok"] >= 1
    assert set(ends) <= {"ok", "Conflict"}
    assert len(events(project, "run.finished")) == 1
    assert fresh(run).status == "cancelled"


@pytest.mark.parametrize("turn", range(3))
def test_the_last_two_siblings_finishing_at_once_end_the_run_once(project: Project, turn: int) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {}}, output={"n": "${{ run.number }}"}))
    taken = take(project)
    assert at_once(lambda: finish(taken["a"]), lambda: finish(taken["b"])) == {"ok": 2}
    assert len(events(project, "run.finished")) == 1
    run = fresh(run)
    assert (run.status, run.open_steps, run.data.output) == ("completed", 0, {"n": 1})
    run.workflow.refresh_from_db()
    assert run.workflow.completed_count == 1


def test_a_join_is_started_once_by_siblings_that_finish_at_once(project: Project) -> None:
    keys = [f"s{n}" for n in range(8)]
    run = start(make_workflow(project, {**{key: {} for key in keys}, "join": {"needs": keys}}))
    taken = take(project)
    assert at_once(*[lambda key=key: finish(taken[key]) for key in keys]) == {"ok": 8}
    assert Step.objects.get(run=run, key="join").waits_for == 0
    assert CommandRun.objects.filter(run_id=run.pk, title="Join").count() == 1
    assert work_off(project) == ["join"]
    assert fresh(run).status == "completed"


def test_a_result_delivered_many_times_at_once_counts_once(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    claimed = take(project)["a"]
    ends = at_once(*[lambda n=n: finish(claimed, {"text": str(n)}) for n in range(10)])
    assert ends == {"ok": 1, "StaleFence": 9}
    assert CommandRun.objects.filter(run_id=run.pk).count() == 2


def test_cancel_finish_failure_and_sweep_at_once_leave_one_truth(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {f"s{n}": {} for n in range(6)}
    run = start(make_workflow(project, {**steps, "join": {"needs": list(steps)}}))
    taken = take(project)
    at_once(
        lambda: finish(taken["s0"]),
        lambda: finish(taken["s1"]),
        lambda: fail(taken["s2"]),
        lambda: services.cancel_run(Run.objects.get(pk=run.pk)),
        engine.sweep,
        engine.sweep,
    )
    for key in ("s3", "s4", "s5"):
        lease.confirm_cancelled(taken[key].command_run_id, taken[key].fence)
    engine.sweep()
    assert fresh(run).status in ("failed", "cancelled")
    assert statuses(run)["join"] in ("skipped", "cancelled")
    assert fresh(run).open_steps == 0
    assert len(events(project, "run.finished")) == 1
    ended = Counter(event["key"] for event in events(project, "step.finished"))
    assert set(ended.values()) == {1}


def test_one_idempotency_key_sent_at_once_makes_one_run(project: Project) -> None:
    workflow = make_workflow(project, {"a": {}})
    ends = at_once(*[lambda: services.start_run(workflow, {}, idempotency_key="k")] * 8)
    assert ends == {"ok": 8}
    assert Run.objects.filter(project=project).count() == 1


def test_runs_started_at_once_get_numbers_without_a_gap(project: Project) -> None:
    workflow = make_workflow(project, {"a": {}})
    assert at_once(*[lambda: services.start_run(workflow, {})] * 8) == {"ok": 8}
    numbers = Run.objects.filter(workflow=workflow).values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, 9))


def test_a_definition_saved_at_once_by_many_is_one_version(project: Project) -> None:
    source = "name: N\nslug: n\nsteps: [{key: a, command: do.it}]\n"
    ends = at_once(*[lambda: services.apply_definition(project, source)] * 6)
    assert ends == {"ok": 6}
    assert project.workflows.get(slug="n").versions.count() == 1


def test_a_stale_worker_cannot_finish_a_cancelled_step(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}}))
    claimed = take(project)["a"]
    services.cancel_run(run)
    lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
    with pytest.raises(Conflict):
        finish(claimed)
    assert fresh(run).status == "cancelled"


def test_of_fifty_decisions_at_once_one_wins_and_the_others_are_told(project: Project) -> None:
    run = start(make_workflow(project, {"ask": {"approval": {"title": "Go?"}}, "go": {"needs": ["ask"]}}))
    asked = Approval.objects.get(run=run)
    ends = at_once(
        *[lambda n=n: approvals.decide(asked, approved=n % 2 == 0, by=f"user{n}") for n in range(50)]
    )
    assert ends == {"ok": 1, "Conflict": 49}
    assert ApprovalDecision.objects.count() == 1
    assert len(events(project, "approval.closed")) == 1
    assert len([e for e in events(project, "step.finished") if e["key"] == "ask"]) == 1


def test_as_many_decide_at_once_as_are_needed_and_no_more(project: Project) -> None:
    question = {"title": "Go?", "min_approvals": 3}
    run = start(make_workflow(project, {"ask": {"approval": question}, "go": {"needs": ["ask"]}}))
    asked = Approval.objects.get(run=run)
    ends = at_once(*[lambda n=n: approvals.decide(asked, approved=True, by=f"user{n}") for n in range(12)])
    assert ends == {"ok": 3, "Conflict": 9}
    assert statuses(run) == {"ask": "completed", "go": "queued"}


def test_approvals_of_many_runs_at_once_are_counted_right(project: Project) -> None:
    workflow = make_workflow(project, {"ask": {"approval": {"title": "Go?"}}})
    runs = [start(workflow) for _ in range(8)]
    asked = list(Approval.objects.filter(run__in=runs))
    acts = [lambda one=one: approvals.decide(one, approved=True, by="olga") for one in asked]
    assert at_once(*acts, lambda: services.start_run(workflow, {})) == {"ok": 9}
    counts = [e["open_approvals"] for e in events(project, "approval.opened", "approval.closed")]
    moves = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert set(moves) <= {1, -1}
    assert counts[-1] == 1


def test_pauses_resumes_finishes_and_sweeps_at_once_leave_one_truth(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {f"s{n}": {} for n in range(4)}
    steps |= {"rest": {"wait": {"seconds": 60}}, "join": {"needs": list(steps)}}
    workflow = make_workflow(project, steps, timeout_seconds=600)
    run = start(workflow)
    taken = take(project)

    def read() -> Run:
        return Run.objects.get(pk=run.pk)

    ends = at_once(
        *[lambda: control.pause_run(read()), lambda: control.resume_run(read())] * 3,
        *[lambda: control.pause_workflow(workflow), lambda: control.resume_workflow(workflow)] * 2,
        *[lambda: control.pause_project(project.pk), lambda: control.resume_project(project.pk)] * 2,
        *[lambda key=key: finish(taken[key]) for key in taken],
        lambda: explain.explain_waiting(project.pk),
        engine.sweep,
        repair.tick,
    )
    assert set(ends) == {"ok"}
    control.resume_run(read())
    control.resume_workflow(workflow)
    control.resume_project(project.pk)
    assert "join" in work_off(project) or statuses(run)["join"] in ("dispatched", "queued")
    assert statuses(run)["rest"] == "waiting"


def test_of_many_retries_at_once_one_wins(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    fail(take(project)["a"])
    assert at_once(*[lambda: control.retry_run(Run.objects.get(pk=run.pk))] * 12) == {"ok": 1, "Conflict": 11}
    assert CommandRun.objects.filter(run_id=run.pk).count() == 2
    assert work_off(project) == ["a", "b"]
