"""Many runs started again by filter: in slices, each run once, and an end of it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.workflows import engine
from apps.workflows.models import Run, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import make_project, make_workflow, start

pytestmark = pytest.mark.django_db

PATH = "runs/reruns/"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    needs = {"type": "object", "properties": {"n": {"type": "integer"}}}
    return make_workflow(project, {"a": {}}, input=needs)


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def ask(operator: Caller, body: dict[str, Any] | None = None, *, key: str = "") -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = operator.post(PATH, {"filter": {}, "limit": 2, **(body or {})}, headers=headers)
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


def again(workflow: Workflow) -> list[int]:
    """What the runs that were started again were given, in their order."""
    found = Run.objects.filter(workflow=workflow, requested_by="olga").order_by("number")
    return [run.data.input["n"] for run in found.select_related("data")]


def test_slices_go_through_all_that_fit_and_come_to_an_end(workflow: Workflow, operator: Caller) -> None:
    for n in range(5):
        start(workflow, {"n": n})
    told, place = [], None
    for _ in range(3):
        said = ask(operator, {"next": place})
        told.append((said["matched"], said["done"], said["left"]))
        place = said["next"]
    assert told == [(5, 2, 3), (5, 2, 1), (5, 1, 0)]
    assert place is None
    assert again(workflow) == [0, 1, 2, 3, 4]


def test_a_slice_that_is_asked_for_twice_starts_nothing_twice(workflow: Workflow, operator: Caller) -> None:
    for n in range(3):
        start(workflow, {"n": n})
    first = ask(operator, key="nightly")
    assert ask(operator, key="nightly") | {"next": first["next"]} == first
    for _ in range(2):
        last = ask(operator, {"next": first["next"]})
        assert (last["done"], last["left"], last["next"]) == (1, 0, None)
    assert again(workflow) == [0, 1, 2]
    assert ask(operator, {"limit": 500}, key="nightly")["matched"] == 3
    assert again(workflow) == [0, 1, 2]
    assert ask(operator, {"limit": 500})["done"] == 6, "without the key it is another whole"


def test_what_is_started_meanwhile_is_left_out(project: Project, operator: Caller) -> None:
    inner = make_workflow(project, {"a": {}})
    outer = make_workflow(project, {"sub": {"workflow": inner.slug}})
    start(outer)
    engine.sweep()
    first = ask(operator, {"limit": 1})
    assert (first["matched"], first["left"]) == (2, 1)
    engine.sweep()
    start(inner)
    second = ask(operator, {"limit": 1, "next": first["next"]})
    assert (second["matched"], second["done"], second["left"], second["next"]) == (2, 1, 0, None)


def test_refused_runs_hold_up_nobody_behind_them(project: Project, operator: Caller) -> None:
    full = make_workflow(project, {"a": {}}, concurrency={"limit": 1, "then": "reject"})
    free = make_workflow(project, {"a": {}})
    start(full)
    start(free)
    first = ask(operator, {"limit": 1})
    assert (first["done"], first["left"], len(first["refused"])) == (0, 1, 1)
    second = ask(operator, {"limit": 1, "next": first["next"]})
    assert (second["done"], second["left"], second["refused"]) == (1, 0, [])


def test_a_dry_run_starts_nothing(workflow: Workflow, operator: Caller) -> None:
    for n in range(3):
        start(workflow, {"n": n})
    said = ask(operator, {"dry_run": True})
    assert (said["matched"], said["done"], said["left"], said["next"]) == (3, 2, 1, None)
    assert again(workflow) == []


@pytest.mark.parametrize(
    "place", ["x", "1.2.3.4", "a.b", f"{'0' * 32}.{'9' * 40}.1.{'0' * 32}", f"{'0' * 32}.1"]
)
def test_a_place_that_nobody_was_told_is_refused(workflow: Workflow, operator: Caller, place: str) -> None:
    answer = operator.post(PATH, {"filter": {}, "next": place})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["next"])


def test_a_place_leads_into_no_other_project(workflow: Workflow, operator: Caller) -> None:
    for n in range(3):
        start(workflow, {"n": n})
    place = ask(operator)["next"]
    stranger = make_project()
    other = caller(make_user(Role.OPERATOR, stranger, "otto"))
    said = ask(other, {"next": place})
    assert (said["matched"], said["done"]) == (0, 0)
