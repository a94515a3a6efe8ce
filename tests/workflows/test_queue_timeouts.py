"""A step that nobody takes in time is timed out, says why it waited, and is followed as others are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from apps.accounts.models import Project, Role
from apps.agents import repair
from apps.agents.models import CommandRun
from apps.workflows.document import json_schema
from apps.workflows.models import Step
from tests.accounts.people import caller, make_user
from tests.workflows.acting import fresh, make_command, make_project, make_workflow, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_command(project, "paint.it", capability="painting")
    return project


def let_pass(seconds: float) -> None:
    """Let what is queued have waited so long."""
    CommandRun.objects.update(gives_up_at=F("gives_up_at") - timedelta(seconds=seconds))
    repair.tick()


def test_nobody_took_it_in_time_and_the_run_says_what_it_waited_for(project: Project) -> None:
    steps: dict[str, dict[str, Any]] = {"a": {"command": "paint.it", "queue_timeout_seconds": 7200}}
    run = start(make_workflow(project, steps))
    let_pass(3600)
    assert fresh(run).status == "running"
    let_pass(3600)
    step = Step.objects.get(run=run)
    assert (step.status, step.error_code) == ("timed_out", "queue_timeout")
    assert step.error.startswith("Nobody took it within 7200 s (")
    assert "painting" in step.error
    shown = caller(make_user(Role.VIEWER, project)).get(f"runs/{run.pk}/").json()
    assert shown["status"] == "failed"
    assert shown["status_reason"].startswith("Step “A” timed out: Nobody took it within 7200 s")
    assert shown["steps"][0]["error"]["code"] == "queue_timeout"


def test_a_step_that_nobody_took_is_handled_by_another(project: Project) -> None:
    told = "${{ steps.a.error.code + ': ' + steps.a.status }}"
    steps: dict[str, dict[str, Any]] = {
        "a": {"command": "paint.it", "queue_timeout_seconds": 1, "on_failure": {"go_to": "b"}},
        "b": {"with": {"text": told}},
    }
    run = start(make_workflow(project, steps))
    let_pass(10)
    handler = CommandRun.objects.get(step_id=Step.objects.get(run=run, key="b").pk)
    assert handler.data.input == {"text": "queue_timeout: timed_out"}


def test_the_published_schema_tells_editors_of_it() -> None:
    field = json_schema()["$defs"]["Step"]["properties"]["queue_timeout_seconds"]
    assert (field["default"], field["exclusiveMinimum"]) == (3600, 0)
