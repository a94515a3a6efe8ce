"""A run and the runs nested in it: one priority, and one sum of what they used."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Project, Role
from apps.agents.models import CommandRun
from apps.workflows import control, engine
from apps.workflows.models import Run, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import fail, finish, fresh, make_project, make_workflow, start, take, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def nest(project: Project) -> Workflow:
    """A workflow with a step of its own and one that runs a workflow that does the same."""
    innermost = make_workflow(project, {"work": {}, "last": {"needs": ["work"]}})
    middle = make_workflow(project, {"own": {}, "sub": {"workflow": innermost.slug}})
    return make_workflow(project, {"mine": {}, "sub": {"workflow": middle.slug}})


def begin(project: Project) -> tuple[Run, Run, Run]:
    """The three runs, each with something queued."""
    top = start(nest(project))
    engine.sweep()
    engine.sweep()
    middle = Run.objects.get(parent_run_id=top.pk)
    return top, middle, Run.objects.get(parent_run_id=middle.pk)


def test_a_priority_reaches_the_nested_runs_and_what_they_have_queued(
    project: Project, operator: Caller
) -> None:
    runs = begin(project)
    answer = operator.put(f"runs/{runs[0].pk}/priority/", {"priority": 9})
    assert answer.status_code == 200
    assert [fresh(run).priority for run in runs] == [9, 9, 9]
    assert set(CommandRun.objects.values_list("priority", flat=True)) == {9}
    work_off(project)
    assert set(CommandRun.objects.values_list("priority", flat=True)) == {9}, "also what they do later"


def test_a_nested_run_that_is_moved_by_itself_moves_nobody_above_it(
    project: Project, operator: Caller
) -> None:
    top, middle, inner = begin(project)
    operator.put(f"runs/{middle.pk}/priority/", {"priority": 5})
    assert [fresh(run).priority for run in (top, middle, inner)] == [0, 5, 5]


def test_nested_runs_that_are_over_keep_theirs(project: Project, operator: Caller) -> None:
    top, middle, inner = begin(project)
    while inner.status != "completed":
        finish(take(project)["work" if inner.open_steps == 2 else "last"])
        inner = fresh(inner)
    operator.put(f"runs/{top.pk}/priority/", {"priority": 5})
    assert [fresh(run).priority for run in (top, middle, inner)] == [5, 5, 0]


def test_many_runs_by_filter_take_their_nested_ones_along(project: Project, operator: Caller) -> None:
    runs = begin(project)
    body = {"filter": {"ids": [str(runs[0].pk)]}, "priority": -3}
    assert operator.post("runs/priorities/", body).json()["done"] == 1
    assert [fresh(run).priority for run in runs] == [-3, -3, -3]


def used(operator: Caller, run: Run) -> tuple[Any, Any]:
    row = operator.get(f"runs/{run.pk}/").json()
    listed = {one["id"]: one for one in operator.get("runs/").json()["results"]}
    assert listed[str(run.pk)]["tokens"] == row["tokens"]
    assert listed[str(run.pk)]["cost_usd"] == row["cost_usd"]
    return (row["tokens"]["input"], row["tokens"]["output"]), row["cost_usd"]


def test_what_nested_runs_used_is_in_the_totals_of_those_above(project: Project, operator: Caller) -> None:
    top, middle, inner = begin(project)
    assert used(operator, top) == ((None, None), None), "nothing is known yet"
    work_off(project)  # 1 and 2 tokens for each of four command runs
    engine.sweep()
    engine.sweep()
    assert fresh(top).status == "completed"
    CommandRun.objects.filter(run_id=inner.pk).update(cost_usd=Decimal("0.25"))
    assert used(operator, inner) == ((2, 4), 0.5)
    assert used(operator, middle) == ((3, 6), 0.5)
    assert used(operator, top) == ((4, 8), 0.5)
    steps = {step["key"]: step for step in operator.get(f"runs/{top.pk}/").json()["steps"]}
    assert steps["sub"]["tokens"] == {"input": 3, "output": 6}
    assert steps["mine"]["tokens"] == {"input": 1, "output": 2}


def test_runs_of_earlier_attempts_count_too(project: Project, operator: Caller) -> None:
    inner = make_workflow(project, {"work": {}, "bad": {"needs": ["work"]}})
    retry = {"attempts": 2, "backoff_seconds": 0}
    top = start(make_workflow(project, {"sub": {"workflow": inner.slug, "retry": retry}}))
    for _ in range(2):
        engine.sweep()
        engine.sweep()
        finish(take(project)["work"])
        fail(take(project)["bad"])
    engine.sweep()
    assert fresh(top).status == "failed"
    assert Run.objects.filter(parent_run_id=top.pk).count() == 2
    assert used(operator, top)[0] == (2, 4)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_started_while_the_priority_changes_has_the_new_one(project: Project) -> None:
    inner = make_workflow(project, {"work": {}})
    each = {"map": {"over": list(range(12)), "limit": 12}, "workflow": inner.slug}
    top = start(make_workflow(project, {"each": each}))

    def sweep() -> None:
        try:
            engine.sweep()
        finally:
            connection.close()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for priority in (1, 2, 3):
        control.prioritise_run(top, priority)
    sweeper.join()
    engine.sweep()
    assert Run.objects.filter(parent_run_id=top.pk).count() == 12
    assert set(Run.objects.filter(parent_run_id=top.pk).values_list("priority", flat=True)) == {3}
