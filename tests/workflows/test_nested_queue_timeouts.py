"""A step whose run does not begin within its queue timeout is timed out, as one that nobody took."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from apps.accounts.models import Project
from apps.agents.models import CommandRun, Hold
from apps.events.models import Event
from apps.workflows import control, engine, limits, nested, services, waits
from apps.workflows.models import Run, Step, Workflow
from tests.monitoring.test_history_is_not_read import asked, scans
from tests.rig.together import at_once
from tests.workflows.acting import finish, fresh, make_project, make_workflow, start, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def waiting_for(
    project: Project, inner: Workflow, more: dict[str, dict[str, Any]] | None = None, **fields: Any
) -> Run:
    """A run whose step waits for a run of `inner`."""
    sub = {"workflow": inner.slug, "queue_timeout_seconds": 600, **fields}
    return start(make_workflow(project, {"sub": sub, **(more or {})}))


def let_steps_wait(seconds: float) -> None:
    """Let steps that wait for runs have waited so long, and the engine see it."""
    Step.objects.filter(kind="workflow").update(wakes_at=F("wakes_at") - timedelta(seconds=seconds))
    engine.sweep()


@pytest.fixture
def busy(project: Project) -> Workflow:
    """A workflow that has a run, and no place for another."""
    workflow = make_workflow(project, {"inside": {}}, concurrency={"limit": 1})
    start(workflow)
    return workflow


def sub_of(run: Run) -> Step:
    return Step.objects.get(run=run, key="sub")


def child_of(step: Step) -> Run:
    assert step.child_run_id is not None
    return Run.objects.get(pk=step.child_run_id)


def test_a_run_that_finds_no_place_in_time_is_cancelled_and_its_step_times_out(
    project: Project, busy: Workflow
) -> None:
    run = waiting_for(project, busy)
    engine.sweep()
    step = sub_of(run)
    child = child_of(step)
    assert (step.status, child.status, child.started_at) == ("running", "queued", None)
    assert step.wakes_at is not None
    assert step.wait_reason == (
        f"waiting for a place for its run of {busy.slug}, until {waits.readable(step.wakes_at)}"
    )
    let_steps_wait(590)
    assert sub_of(run).status == "running"
    let_steps_wait(20)
    step = sub_of(run)
    assert (step.status, step.error_code, step.wakes_at) == ("timed_out", "queue_timeout", None)
    assert step.error == (
        "Its run did not begin within 600 s "
        "(waiting for a place: 1 of 1 run of the workflow is at work)."
    )  # fmt: skip
    assert (fresh(child).status, fresh(run).status) == ("cancelled", "failed")
    assert fresh(child).status_reason == "Cancelled: it did not begin within 600 s."
    told = Event.objects.filter(entity_id=step.pk).order_by("seq").values_list("kind", flat=True)
    assert list(told) == ["step.queued", "step.started", "step.finished"]
    assert engine.sweep() == 0


def test_a_step_without_a_run_times_out_too_and_says_until_when_it_waited(
    project: Project, busy: Workflow
) -> None:
    run = waiting_for(project, busy)
    step = sub_of(run)
    assert (step.status, step.child_run_id) == ("queued", None)
    assert step.wakes_at is not None
    assert step.wait_reason == f"waiting for a run of {busy.slug}, until {waits.readable(step.wakes_at)}"
    let_steps_wait(601)
    step = sub_of(run)
    assert (step.status, step.error_code, step.child_run_id) == ("timed_out", "queue_timeout", None)
    assert Run.objects.filter(origin="step").count() == 0
    assert fresh(run).status == "failed"


def test_it_is_not_tried_again_and_another_step_handles_it(project: Project, busy: Workflow) -> None:
    handler = {"with": {"text": "${{ steps.sub.error.code + ': ' + steps.sub.status }}"}}
    run = waiting_for(
        project, busy, {"b": handler}, retry={"attempts": 3}, on_failure={"go_to": "b"}
    )  # fmt: skip
    engine.sweep()
    let_steps_wait(601)
    assert sub_of(run).status == "timed_out"
    handled = CommandRun.objects.get(step_id=Step.objects.get(run=run, key="b").pk)
    assert handled.data.input == {"text": "queue_timeout: timed_out"}


def test_a_run_that_began_is_not_given_up(project: Project, busy: Workflow) -> None:
    run = waiting_for(project, busy)
    engine.sweep()
    finish(take(project)["inside"])
    child = child_of(sub_of(run))
    limits.start_waiting(project.pk)
    assert fresh(child).started_at is not None
    let_steps_wait(601)
    step = sub_of(run)
    assert (step.status, step.wait_reason, step.wakes_at) == ("running", "", None)
    finish(take(project)["inside"])
    engine.sweep()
    assert fresh(run).status == "completed"


def test_a_run_that_begins_at_once_lets_its_step_wait_for_nothing(project: Project) -> None:
    run = waiting_for(project, make_workflow(project, {"inside": {}}))
    engine.sweep()
    step = sub_of(run)
    assert (step.status, step.wait_reason, step.wakes_at) == ("running", "", None)


@pytest.mark.parametrize("paused", ["outer", "inner", "project"])
def test_time_paused_does_not_count(project: Project, busy: Workflow, paused: str) -> None:
    run = waiting_for(project, busy)
    engine.sweep()
    child = child_of(sub_of(run))
    subject = child if paused == "inner" else run
    if paused == "project":
        control.pause_project(project.pk, by="olga")
    else:
        control.pause_run(subject, by="olga")
    before = sub_of(run).wakes_at
    let_steps_wait(601)
    assert sub_of(run).status == "running"
    let_steps_wait(-601)
    assert sub_of(run).wakes_at == before
    Hold.objects.update(at=F("at") - timedelta(seconds=300))
    Step.objects.filter(pk=sub_of(run).pk).update(wakes_at=F("wakes_at") - timedelta(seconds=400))
    if paused == "project":
        control.resume_project(project.pk)
    else:
        control.resume_run(subject)
    step = sub_of(run)
    assert before is not None
    assert step.wakes_at is not None
    assert timedelta(seconds=95) < before - step.wakes_at < timedelta(seconds=105)
    assert step.wait_reason.endswith(f"until {waits.readable(step.wakes_at)}")
    let_steps_wait(501)
    assert sub_of(run).status == "timed_out"


@pytest.mark.django_db(transaction=True)
def test_of_many_engines_one_gives_up_a_run_unless_it_begins_just_then() -> None:
    project = make_project()
    busy = make_workflow(project, {"inside": {}}, concurrency={"limit": 1})
    first = start(busy)
    run = waiting_for(project, busy)
    nested.sweep()
    Step.objects.filter(kind="workflow").update(wakes_at=F("wakes_at") - timedelta(seconds=601))
    services.cancel_run(first)
    acts = [nested.give_up] * 4 + [lambda: limits.start_waiting(project.pk)] * 4
    assert at_once(*acts) == {"ok": 8}
    step = sub_of(run)
    child = child_of(step)
    if child.started_at is None:
        assert (step.status, child.status) == ("timed_out", "cancelled")
        assert Event.objects.filter(entity_id=step.pk, kind="step.finished").count() == 1
    else:
        assert (step.status, child.status) == ("running", "running")
    connection.close()


def test_a_wait_for_a_run_reads_no_history(project: Project, busy: Workflow) -> None:
    run = waiting_for(project, busy)
    engine.sweep()
    control.pause_project(project.pk)
    with asked() as statements:
        control.resume_project(project.pk)
    Step.objects.filter(kind="workflow").update(wakes_at=F("wakes_at") - timedelta(seconds=601))
    with asked() as more:
        engine.sweep()
    assert sub_of(run).status == "timed_out"
    assert "\n\n".join(scans(statements + more)) == ""
