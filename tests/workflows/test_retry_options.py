"""What a step says about retrying: which errors, how random the pauses, and by which key the outside
world knows a repetition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import overdue
from apps.agents.models import CommandRun
from apps.agents.moves import backoff
from apps.workflows import control, engine
from apps.workflows.models import Run, Step
from tests.workflows.acting import fail, fresh, make_project, make_workflow, start, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def start_with(project: Project, **retry: Any) -> Run:
    return start(make_workflow(project, {"a": {"retry": {"attempts": 3, "backoff_seconds": 0, **retry}}}))


def test_only_the_errors_that_are_named_are_worth_another_attempt(project: Project) -> None:
    run = start_with(project, on=["other"])
    fail(take(project)["a"], retryable=True)
    assert fresh(run).status == "failed"


def test_an_error_that_is_named_is_tried_again_whatever_the_body_thinks_of_it(project: Project) -> None:
    run = start_with(project, on=["other", "test_failure"])
    for _ in range(3):
        fail(take(project)["a"], retryable=False)
    assert fresh(run).status == "failed"
    assert Step.objects.get(run=run).attempt == 3


def test_an_attempt_that_ran_out_of_time_is_tried_again_only_if_that_is_named(project: Project) -> None:
    for on, left in ((["test_failure"], "timed_out"), (["timeout"], "queued"), (None, "queued")):
        run = start_with(project, **({"on": on} if on else {}))
        claimed = take(project)["a"]
        assert overdue.time_out(claimed.command_run_id, at=timezone.now() + timedelta(days=1))
        assert Step.objects.get(run=run).status == left


def test_pauses_are_as_random_as_the_step_says(project: Project) -> None:
    for jitter, least in ((0, 8.0), (0.25, 6.0), (1, 0.0)):
        run = start_with(project, jitter=jitter, backoff_seconds=8)
        command_run = CommandRun.objects.get(run_id=run.pk)
        command_run.attempt = 1
        pauses = [backoff(command_run, None) for _ in range(200)]
        assert least <= min(pauses) <= max(pauses) <= 8.0
        assert (len(set(pauses)) > 1) == (jitter > 0)
    assert backoff(command_run, 30) == 30


def test_every_attempt_has_the_same_key_and_what_is_done_anew_another(project: Project) -> None:
    run = start_with(project)
    keys = []
    for _ in range(3):
        claimed = take(project)["a"]
        keys.append(claimed.work.idempotency_key)
        fail(claimed, retryable=True)
    assert keys == [f"{run.pk}:a:-1"] * 3
    control.retry_run(run)
    assert take(project)["a"].work.idempotency_key == f"{run.pk}:a:-1:3"


def test_a_nested_run_ends_in_the_time_its_step_gives_it(project: Project) -> None:
    inner = make_workflow(project, {"inside": {}}, timeout_seconds=9000)
    run = start(make_workflow(project, {"sub": {"workflow": inner.slug, "timeout_seconds": 60}}))
    engine.sweep()
    child = Run.objects.get(workflow=inner)
    assert child.deadline_at is not None
    assert child.deadline_at < timezone.now() + timedelta(seconds=61)
    Run.objects.filter(pk=child.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    for _ in range(3):
        engine.sweep()
    step = Step.objects.get(run=run)
    assert (step.status, step.error_code) == ("timed_out", "timeout")
    assert fresh(run).status == "failed"
