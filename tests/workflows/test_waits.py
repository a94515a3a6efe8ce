"""Steps that wait for time: some seconds, or until a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents.models import CommandRun, Hold
from apps.workflows import control, engine
from apps.workflows.models import Run, Step
from tests.workflows.acting import finish, fresh, make_project, make_workflow, start, statuses, take, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def resting(project: Project, wait: dict[str, Any], **fields: Any) -> Run:
    return start(make_workflow(project, {"rest": {"wait": wait}, "go": {"needs": ["rest"]}}, **fields))


def rest_of(run: Run) -> Step:
    return Step.objects.get(run=run, key="rest")


def test_a_wait_of_seconds_is_ended_by_the_engine_and_needs_no_worker(project: Project) -> None:
    run = resting(project, {"seconds": 30})
    step = rest_of(run)
    assert step.wakes_at
    assert timedelta(seconds=28) < step.wakes_at - timezone.now() <= timedelta(seconds=30)
    assert step.wait_reason == f"until {step.wakes_at:%Y-%m-%dT%H:%M:%SZ}"
    assert (fresh(run).status, step.status) == ("waiting", "waiting")
    assert not CommandRun.objects.filter(run_id=run.pk).exists()
    assert engine.sweep() == 0
    Step.objects.filter(pk=step.pk).update(wakes_at=timezone.now())
    assert engine.sweep() == 1
    assert statuses(run) == {"rest": "completed", "go": "queued"}
    assert fresh(run).status == "running"
    assert engine.sweep() == 0


def test_a_wait_until_a_moment_takes_it_from_an_expression(project: Project) -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    workflow = make_workflow(project, {"rest": {"wait": {"until": "${{ input.at }}"}}}, input=schema)
    run = start(workflow, {"at": "2199-01-01T12:00:00+02:00"})
    assert rest_of(run).wait_reason == "until 2199-01-01T10:00:00Z"
    past = start(workflow, {"at": "2020-01-01T00:00:00Z"})
    assert rest_of(past).output == {"until": "2020-01-01T00:00:00.000000Z"}
    assert fresh(past).status == "completed"
    for nonsense in ("tomorrow", "2030-01-01T00:00:00", "9999-12-31T23:59:59-23:00"):
        failed = start(workflow, {"at": nonsense})
        assert rest_of(failed).error_code == "invalid_input"
        assert fresh(failed).status == "failed"


def test_a_run_that_works_beside_a_wait_is_running_and_then_waits(project: Project) -> None:
    run = start(make_workflow(project, {"rest": {"wait": {"seconds": 60}}, "work": {}}))
    assert fresh(run).status == "running"
    finish(take(project)["work"])
    assert fresh(run).status == "waiting"


@pytest.mark.parametrize("fixed", [False, True])
def test_a_pause_stops_a_wait_and_moves_only_its_seconds(project: Project, fixed: bool) -> None:
    run = resting(project, {"until": "2199-01-01T00:00:00Z"} if fixed else {"seconds": 60})
    Step.objects.filter(run=run).update(started_at=timezone.now() - timedelta(hours=1))
    before = rest_of(run).wakes_at
    control.pause_project(project.pk)
    Hold.objects.update(at=timezone.now() - timedelta(seconds=100))
    control.resume_project(project.pk)
    after = rest_of(run).wakes_at
    assert before
    assert after
    assert (after - before >= timedelta(seconds=100)) == (not fixed)


def test_a_wait_that_is_over_during_a_pause_ends_after_it(project: Project) -> None:
    run = resting(project, {"seconds": 60})
    control.pause_run(run)
    Step.objects.filter(run=run, key="rest").update(wakes_at=timezone.now() - timedelta(seconds=9))
    assert engine.sweep() == 0
    control.resume_run(run)
    assert engine.sweep() == 1
    assert work_off(project) == ["go"]
    assert fresh(run).status == "completed"


def test_the_run_s_own_deadline_ends_a_wait(project: Project) -> None:
    run = resting(project, {"seconds": 60}, timeout_seconds=10)
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    engine.sweep()
    assert (fresh(run).status, fresh(run).error_code) == ("failed", "deadline")
    assert statuses(run) == {"rest": "cancelled", "go": "skipped"}
