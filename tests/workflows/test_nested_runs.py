"""Steps that run another workflow: started once, told of once, stopped and paused with their run."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents import lease
from apps.workflows import control, engine, nested, services
from apps.workflows.document import DocumentError
from apps.workflows.models import Run, Step, Workflow
from tests.accounts.people import caller, make_user
from tests.workflows.acting import (
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

INNER: dict[str, Any] = {
    "input": {"type": "object", "required": ["of"], "properties": {"of": {"type": "string"}}},
    "output": {"made": "${{ steps.inside.output.text }}"},
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def inner(project: Project) -> Workflow:
    return make_workflow(project, {"inside": {"with": {"text": "${{ input.of }}"}}}, **INNER)


def calling(inner: Workflow, **more: Any) -> dict[str, Any]:
    return {"workflow": inner.slug, "with": {"of": "${{ 'it' }}"}, **more}


def child_of(run: Run, key: str = "sub") -> Run:
    step = Step.objects.get(run=run, key=key, map_index=-1)
    assert step.child_run_id is not None
    return Run.objects.get(pk=step.child_run_id)


def test_a_step_runs_another_workflow_and_has_its_output(project: Project, inner: Workflow) -> None:
    steps = {
        "sub": calling(inner),
        "after": {"needs": ["sub"], "with": {"text": "${{ steps.sub.output.made }}"}},
    }
    run = start(make_workflow(project, steps), by="olga")
    assert statuses(run)["sub"] == "queued"
    engine.sweep()
    child = child_of(run)
    assert (child.origin, child.depth, child.requested_by, child.workflow_id) == ("step", 1, "olga", inner.pk)
    assert statuses(run)["sub"] == "running"
    finish(take(project)["inside"], {"text": "made"})
    assert fresh(child).status == "completed"
    engine.sweep()
    after = take(project)["after"]
    assert after.work.input == {"text": "made"}
    finish(after)
    assert fresh(run).status == "completed"
    assert engine.sweep() == 0


def test_both_runs_tell_of_each_other(project: Project, inner: Workflow) -> None:
    run = start(make_workflow(project, {"sub": calling(inner)}))
    engine.sweep()
    child = child_of(run)
    viewer = caller(make_user(Role.VIEWER, project))
    assert viewer.get(f"runs/{run.pk}/").json()["steps"][0]["child_run_id"] == str(child.pk)
    shown = viewer.get(f"runs/{child.pk}/").json()
    assert shown["parent_run"] == {
        "id": str(run.pk), "workflow": run.workflow.slug, "number": run.number, "step": "sub",
    }  # fmt: skip
    assert (shown["origin"], shown["origin_id"]) == ("step", str(Step.objects.get(run=run).pk))
    assert viewer.get(f"runs/{run.pk}/").json()["parent_run"] is None


def test_a_failed_run_fails_the_step_it_belongs_to(project: Project, inner: Workflow) -> None:
    run = start(make_workflow(project, {"sub": calling(inner)}))
    engine.sweep()
    fail(take(project)["inside"], "broken")
    engine.sweep()
    step = Step.objects.get(run=run)
    assert (step.status, step.error_code, fresh(run).status) == ("failed", "step_failed", "failed")
    assert "Step “Inside” failed: broken" in step.error
    first = child_of(run)
    control.retry_run(run)
    engine.sweep()
    assert child_of(run).pk != first.pk
    finish(take(project)["inside"])
    engine.sweep()
    assert fresh(run).status == "completed"
    assert Run.objects.filter(workflow=inner).count() == 2


def test_a_retry_policy_starts_another_run_after_a_pause(project: Project, inner: Workflow) -> None:
    retry = {"attempts": 2, "backoff_seconds": 60, "jitter": 0}
    run = start(make_workflow(project, {"sub": calling(inner, retry=retry)}))
    engine.sweep()
    fail(take(project)["inside"])
    engine.sweep()
    step = Step.objects.get(run=run)
    assert (step.status, step.wait_reason) == ("waiting", "attempt 2 of 2 in 60 s after step_failed")
    assert fresh(run).status == "waiting"
    Step.objects.filter(pk=step.pk).update(wakes_at=timezone.now() - timedelta(seconds=1))
    engine.sweep()
    engine.sweep()
    fail(take(project)["inside"])
    engine.sweep()
    assert fresh(run).status == "failed"
    assert Step.objects.get(run=run).attempt == 2


def test_cancelling_a_run_cancels_those_nested_in_it(project: Project, inner: Workflow) -> None:
    middle = make_workflow(project, {"sub": calling(inner)})
    run = start(make_workflow(project, {"sub": {"workflow": middle.slug}}))
    while engine.sweep():
        pass
    claimed = take(project)["inside"]
    services.cancel_run(run, by="olga")
    while engine.sweep():
        pass
    lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
    while engine.sweep():
        pass
    assert set(Run.objects.values_list("status", flat=True)) == {"cancelled"}
    assert fresh(run).status == "cancelled"
    assert child_of(run).status_reason == "Cancelled by the run it is part of."


def test_pausing_a_run_pauses_those_nested_in_it_and_resuming_resumes_them(
    project: Project, inner: Workflow
) -> None:
    workflow = make_workflow(project, {"sub": calling(inner)})
    run = start(workflow)
    engine.sweep()
    control.pause_run(run, by="olga")
    assert fresh(child_of(run)).status == "paused"
    assert take(project) == {}
    control.resume_run(run, by="olga")
    assert fresh(child_of(run)).status == "running"
    control.pause_workflow(workflow)
    assert fresh(child_of(run)).status == "paused"
    control.resume_workflow(workflow)
    assert fresh(child_of(run)).status == "running"
    control.pause_run(child_of(run), by="otto")
    control.pause_run(run)
    control.resume_run(run)
    assert fresh(child_of(run)).status == "paused", "what somebody paused by itself stays paused"
    control.resume_run(child_of(run))
    work_off(project)
    engine.sweep()
    assert fresh(run).status == "completed"


def test_a_paused_run_starts_no_other(project: Project, inner: Workflow) -> None:
    run = start(make_workflow(project, {"sub": calling(inner)}))
    control.pause_run(run)
    assert nested.start_runs() == 0
    control.resume_run(run)
    assert nested.start_runs() == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [({"of": "${{ 7 }}"}, "invalid_input"), ({"of": "${{ input.no }}"}, "expression_error")],
)
def test_a_run_that_cannot_be_started_fails_the_step(
    project: Project, inner: Workflow, given: dict[str, Any], code: str
) -> None:
    run = start(make_workflow(project, {"sub": {"workflow": inner.slug, "with": given}}))
    engine.sweep()
    assert Step.objects.get(run=run).error_code == code
    assert fresh(run).status == "failed"
    assert not Run.objects.filter(workflow=inner).exists()


def test_runs_are_nested_five_deep_at_most(project: Project) -> None:
    workflow = make_workflow(project, {"bottom": {}})
    for _ in range(6):
        workflow = make_workflow(project, {"sub": {"workflow": workflow.slug}})
    run = start(workflow)
    for _ in range(15):
        engine.sweep()
    assert fresh(run).status == "failed"
    assert Run.objects.count() == 6
    deepest = Run.objects.get(depth=5)
    assert Step.objects.get(run=deepest).error_code == "too_deep"


def test_a_map_runs_a_workflow_for_each_item(project: Project, inner: Workflow) -> None:
    each = {
        "workflow": inner.slug,
        "map": {"over": ["a", "b", "c"], "limit": 2},
        "with": {"of": "${{ item }}"},
    }
    run = start(make_workflow(project, {"each": each}, output={"all": "${{ steps.each.output }}"}))
    for _ in range(3):
        engine.sweep()
        for claimed in take_all(project):
            finish(claimed, {"text": claimed.work.input["text"].upper()})
    engine.sweep()
    assert fresh(run).data.output == {"all": [{"made": "A"}, {"made": "B"}, {"made": "C"}]}


def take_all(project: Project) -> list[lease.Claimed]:
    from apps.agents import dispatch

    found = []
    for one in dispatch.dispatch_ready(project.pk):
        claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="test")
        assert claimed is not None
        found.append(claimed)
    return found


def test_a_workflow_that_is_not_there_is_named_when_the_definition_is_saved(project: Project) -> None:
    inner = make_workflow(project, {"a": {}}, **INNER | {"output": {}})
    with pytest.raises(DocumentError, match=f"did you mean '{inner.slug}'"):
        make_workflow(project, {"sub": {"workflow": inner.slug[:-1] + "x"}})
    with pytest.raises(DocumentError, match="needs 'of'"):
        make_workflow(project, {"sub": {"workflow": inner.slug}})
    both = {"name": "N", "slug": "outer", "steps": [{"key": "s", "workflow": "new-one"}]}
    other = {"name": "M", "slug": "new-one", "steps": [{"key": "a", "command": "do.it"}]}
    from apps.workflows import document as documents

    beside = {"new-one": documents.parse(yaml.safe_dump(other))}
    assert services.apply_definition(project, yaml.safe_dump(both), beside=beside).is_new_workflow


@pytest.mark.django_db(transaction=True)
def test_a_run_is_started_once_by_many_hands_and_its_end_is_told_once() -> None:
    project = make_project()
    inner = make_workflow(project, {"inside": {"with": {"text": "${{ input.of }}"}}}, **INNER)
    run = start(make_workflow(project, {"sub": calling(inner)}))

    def at_once(act: Any) -> None:
        def one() -> None:
            try:
                act()
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)

    at_once(nested.start_runs)
    assert Run.objects.filter(workflow=inner).count() == 1
    finish(take(project)["inside"])
    at_once(nested.tell_parents)
    assert fresh(run).status == "completed"
    connection.close()
