"""Many hands at the same place at the same time, on a real database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from apps.accounts.models import Project
from apps.agents import lease, repair
from apps.agents.models import CommandRun
from apps.workflows import control, engine, limits, services
from apps.workflows.models import Run
from tests.rig.together import at_once
from tests.workflows.acting import finish, make_project, make_workflow
from tests.workflows.test_limits import work_off

pytestmark = pytest.mark.django_db(transaction=True)

PARALLEL = 50


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture(autouse=True)
def no_connection_is_left_behind() -> Iterator[None]:
    yield
    connection.close()


def at_work(project: Project) -> int:
    return Run.objects.filter(limits.AT_WORK, project=project).count()


def test_of_fifty_starts_at_once_one_runs_and_the_others_wait_their_turn(project: Project) -> None:
    workflow = make_workflow(project, {"a": {}}, concurrency={"limit": 1})
    assert at_once(*[lambda: services.start_run(workflow, {})] * PARALLEL) == {"ok": PARALLEL}
    assert at_work(project) == 1
    assert Run.objects.filter(project=project, status="queued").count() == PARALLEL - 1


def test_of_fifty_starts_at_once_a_workflow_that_takes_one_refuses_the_others(project: Project) -> None:
    workflow = make_workflow(project, {"a": {}}, concurrency={"limit": 1, "then": "reject"})
    ends = at_once(*[lambda: services.start_run(workflow, {})] * PARALLEL)
    assert ends == {"ok": 1, "Conflict": PARALLEL - 1}
    assert Run.objects.filter(project=project).count() == 1


def test_many_starts_ends_and_sweeps_at_once_never_pass_the_projects_limit(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(max_runs=2)
    workflow = make_workflow(project, {"a": {}})
    seen: list[int] = []

    def look() -> None:
        seen.append(at_work(project))

    def cancel_one() -> None:
        run = Run.objects.filter(project=project).exclude(status__in=["completed", "cancelled"]).first()
        if run is not None:
            services.cancel_run(run)

    def pause_one() -> None:
        run = Run.objects.filter(project=project, status="queued").first()
        if run is not None:
            control.pause_run(run)
            control.resume_run(Run.objects.get(pk=run.pk))

    for _ in range(3):
        ends = at_once(
            *[lambda: services.start_run(workflow, {})] * 6,
            *[engine.sweep, repair.tick, look] * 2,
            *(cancel_one, cancel_one, pause_one),
            lambda: limits.change_limits(project.pk, {"max_runs": 2}),
        )
        assert set(ends) <= {"ok", "Conflict"}
    assert max(seen) <= 2
    for _ in range(40):
        engine.sweep()
        assert at_work(project) <= 2
        for command_run in CommandRun.objects.filter(project=project, status="dispatched"):
            dispatch_id = command_run.dispatch_id
            assert dispatch_id
            claimed = lease.claim(command_run.pk, dispatch_id, worker="test")
            assert claimed is not None
            finish(claimed)
        work_off(project)
    assert not Run.objects.filter(project=project).exclude(status__in=["completed", "cancelled"]).exists()
