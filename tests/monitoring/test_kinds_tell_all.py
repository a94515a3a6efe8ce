"""Snapshot before + events == snapshot after, for maps, nested runs and failures that go elsewhere."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from apps.accounts.models import Project
from apps.agents import dispatch, lease
from apps.workflows import control, engine, nested, stopping
from apps.workflows import services as workflows
from apps.workflows.models import Run, Step
from tests.monitoring.verify import verify_action
from tests.workflows import acting

pytestmark = pytest.mark.django_db

PROVED = {
    *("nested.start_runs", "nested.tell_parents", "nested.stop_unwanted", "nested.pause_with_parents"),
    *("nested.wake", "nested.look_after", "nested.sweep", "nested.put_off", "nested.give_up"),
    *("stopping.stop_command_runs", "stopping.stop_unwanted"),
}
READS = {"nested.open_below"}


@pytest.fixture
def project() -> Project:
    return acting.make_project()


def take(project: Project) -> list[lease.Claimed]:
    found = []
    for one in dispatch.dispatch_ready(project.pk):
        claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="w")
        assert claimed is not None
        found.append(claimed)
    return found


def test_a_map_opens_goes_on_fails_and_is_retried(project: Project) -> None:
    workflow = acting.make_workflow(project, {"each": {"map": {"over": [1, 2, 3, 4], "limit": 2}}})
    with verify_action(project.pk):
        run = acting.start(workflow)
    first, second = take(project)
    with verify_action(project.pk):
        acting.finish(first)
    with verify_action(project.pk):
        acting.fail(second)
    with verify_action(project.pk):
        assert stopping.stop_unwanted() == 1
    with verify_action(project.pk):
        control.retry_run(run)
    with verify_action(project.pk):
        workflows.cancel_run(run)


def test_a_failure_goes_back_and_on(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"needs": ["a"], "on_failure": {"go_to": "a"}},
        "c": {"needs": ["b"], "on_failure": {"go_to": "d"}},
        "d": {},
    }
    acting.start(acting.make_workflow(project, steps))
    for ends in (acting.finish, acting.fail, acting.finish, acting.finish, acting.fail, acting.finish):
        (claimed,) = take(project)
        with verify_action(project.pk):
            ends(claimed)
    assert Run.objects.get().status == "completed"


def test_a_nested_run_starts_pauses_fails_is_tried_again_and_cancelled(project: Project) -> None:
    inner = acting.make_workflow(project, {"inside": {}})
    retry = {"attempts": 2, "backoff_seconds": 0}
    outer = acting.make_workflow(project, {"sub": {"workflow": inner.slug, "retry": retry}})
    with verify_action(project.pk):
        run = acting.start(outer)
    with verify_action(project.pk):
        assert nested.start_runs() == 1
    with verify_action(project.pk):
        control.pause_run(run)
    with verify_action(project.pk):
        control.resume_run(run)
    (claimed,) = take(project)
    with verify_action(project.pk):
        acting.fail(claimed)
    with verify_action(project.pk):
        assert nested.tell_parents() == 1
    with verify_action(project.pk):
        engine.sweep()
    with verify_action(project.pk):
        workflows.cancel_run(run)
    with verify_action(project.pk):
        nested.stop_unwanted()
    with verify_action(project.pk):
        engine.sweep()
    assert set(Run.objects.values_list("status", flat=True)) == {"cancelled", "failed"}


def test_a_nested_run_that_finds_no_place_is_put_off_by_a_pause_and_then_given_up(project: Project) -> None:
    busy = acting.make_workflow(project, {"inside": {}}, concurrency={"limit": 1})
    acting.start(busy)
    sub = {"workflow": busy.slug, "queue_timeout_seconds": 600}
    run = acting.start(acting.make_workflow(project, {"sub": sub}))
    with verify_action(project.pk):
        assert nested.start_runs() == 1
    step = Step.objects.get(run=run)
    with verify_action(project.pk):
        control.pause_run(run)
    with verify_action(project.pk):
        control.resume_run(run)
    resumed = Step.objects.get(run=run).wakes_at
    assert step.wakes_at
    assert resumed
    assert resumed > step.wakes_at
    Step.objects.filter(pk=step.pk).update(wakes_at=F("wakes_at") - timedelta(seconds=700))
    with verify_action(project.pk):
        assert nested.give_up() == 1
    assert Step.objects.get(pk=step.pk).status == "timed_out"


def test_no_verb_is_without_its_proof() -> None:
    found = set()
    for module in (nested, stopping):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                found.add(f"{module.__name__.rpartition('.')[2]}.{name}")
    assert found - READS == PROVED
