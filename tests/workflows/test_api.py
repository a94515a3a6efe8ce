"""Workflows and runs through the HTTP door."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.accounts.models import Project, Role, Scope
from apps.workflows.models import Run, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import (
    fail,
    finish,
    make_agent,
    make_project,
    make_workflow,
    start,
    take,
    work_off,
)

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "required": ["report"],
    "properties": {"zebra": {"type": "integer", "default": 3}, "report": {"type": "string"}},
}
ROW = {
    *("id", "number", "name", "workflow", "workflow_name", "status", "status_reason", "progress"),
    *("current_step", "total_steps", "started_at", "completed_at", "created_at", "requested_by", "tokens"),
    "cost_usd",
    *("priority", "concurrency_key"),
}
STEP = {
    *("id", "key", "name", "index", "status", "wait_reason", "needs", "agent", "command", "command_run_id"),
    *("attempt", "max_attempts", "progress", "message", "input", "output", "error", "tokens", "model"),
    *("demo", "started_at", "completed_at", "kind", "wakes_at", "approval_id"),
    *("map_index", "parent_id", "item", "items", "goes_to", "workflow", "child_run_id"),
    *("item_errors", "sent_back"),
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    steps: dict[str, dict[str, Any]] = {
        "look": {"with": {"text": "${{ input.report }}"}},
        "mend": {"needs": ["look"], "agent": "hand"},
    }
    return make_workflow(project, steps, input=SCHEMA, output={"said": "${{ steps.mend.output.text }}"})


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project))


@pytest.fixture
def viewer(project: Project) -> Caller:
    return caller(make_user(Role.VIEWER, project))


def begin(who: Caller, workflow: Workflow, value: Any, **headers: str) -> Any:
    return who.post(f"workflows/{workflow.slug}/runs/", {"input": value}, headers=headers)


def test_a_workflow_tells_its_input_its_steps_and_how_its_runs_went(
    project: Project, workflow: Workflow, viewer: Caller
) -> None:
    start(workflow, {"report": "x"})
    work_off(project)
    start(workflow, {"report": "x"})
    fail(take(project)["look"])
    last = start(workflow, {"report": "x"})
    row = viewer.get("workflows/").json()["results"][0]
    assert set(row) == {
        "slug",
        "name",
        "description",
        "version",
        "input",
        "steps",
        "last_run",
        "counts",
        "paused",
    }
    assert list(row["input"]["properties"]) == ["zebra", "report"]
    assert row["steps"][1] == {
        "key": "mend",
        "name": "Mend",
        "kind": "command",
        "body": "command",
        "command": "do.it",
        "workflow": None,
        "agent": "hand",
        "needs": ["look"],
        "goes_to": None,
    }
    assert row["counts"] == {"running": 1, "completed": 1, "failed": 1}
    assert row["last_run"]["id"] == str(last.pk)
    detail = viewer.get(f"workflows/{workflow.slug}/").json()
    assert "name: Trial" in detail["source"]
    assert detail["slug"] == row["slug"]


def test_a_run_is_started_followed_and_finished_over_http(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    answer = begin(operator, workflow, {"report": "it rattles"})
    assert answer.status_code == 201
    run = answer.json()
    assert answer["Location"] == f"/api/v1/runs/{run['id']}/"
    assert set(run) == ROW | {
        *("version", "input", "output", "error", "steps", "cancel_requested", "deadline_at"),
        *("origin", "origin_id", "origin_name", "parent_run"),
    }
    assert run["input"] == {"report": "it rattles", "zebra": 3}
    assert set(run["steps"][0]) == STEP
    assert [step["status"] for step in run["steps"]] == ["queued", "pending"]
    assert run["steps"][0]["wait_reason"]
    assert run["steps"][1]["wait_reason"] == "waiting for Look"
    work_off(project)
    run = operator.get(f"runs/{run['id']}/").json()
    assert (run["status"], run["progress"], run["output"]) == ("completed", 100, {"said": "mend done"})
    look = run["steps"][0]
    assert look["input"] == {"text": "it rattles"}
    assert look["output"] == {"text": "look done"}
    assert look["tokens"] == {"input": 1, "output": 2}
    assert look["agent"]["name"] == "Hand"
    assert run["tokens"] == {"input": 2, "output": 4}
    assert run["started_at"].endswith("Z")


def test_the_same_key_and_body_give_the_same_run(workflow: Workflow, operator: Caller) -> None:
    first = begin(operator, workflow, {"report": "x"}, **{"Idempotency-Key": "k1"})
    again = begin(operator, workflow, {"report": "x"}, **{"Idempotency-Key": "k1"})
    other = begin(operator, workflow, {"report": "y"}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert other["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": {}}, "input.report"),
        ({}, "input.report"),
        ({"input": {"report": 1}}, "input.report"),
        ({"input": []}, "input"),
        ({"input": "text"}, "input"),
        ({"input": {"report": "x", "zebra": 2**63}}, "input.zebra"),
    ],
)
def test_a_wrong_body_names_the_field(workflow: Workflow, operator: Caller, body: Any, field: str) -> None:
    answer = operator.post(f"workflows/{workflow.slug}/runs/", body)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Run.objects.exists()


def test_a_viewer_reads_and_starts_nothing(workflow: Workflow, viewer: Caller) -> None:
    run = start(workflow, {"report": "x"})
    assert begin(viewer, workflow, {"report": "x"}).status_code == 403
    assert viewer.post(f"runs/{run.pk}/cancellation/").status_code == 403
    assert viewer.get(f"runs/{run.pk}/").status_code == 200


def test_keys_do_what_their_scopes_say(project: Project, workflow: Workflow) -> None:
    run = start(workflow, {"report": "x"})
    reader = Caller(make_key(Scope.READ, project=project).text)
    runner = Caller(make_key(Scope.RUN, project=project).text)
    assert reader.get("runs/").status_code == 200
    assert begin(reader, workflow, {"report": "x"}).status_code == 403
    assert begin(runner, workflow, {"report": "x"}).status_code == 201
    assert runner.post(f"runs/{run.pk}/cancellation/").status_code == 202


def test_another_project_sees_nothing(workflow: Workflow) -> None:
    run = start(workflow, {"report": "x"})
    stranger = caller(make_user(Role.ADMIN, make_project()))
    assert stranger.get("workflows/").json()["results"] == []
    assert stranger.get("runs/").json()["results"] == []
    for path in (f"workflows/{workflow.slug}/", f"workflows/{workflow.slug}/runs/", f"runs/{run.pk}/"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"runs/{run.pk}/cancellation/").status_code == 404
    assert begin(stranger, workflow, {"report": "x"}).status_code == 404
    assert stranger.get(f"runs/?workflow={workflow.slug}").status_code == 400


def test_runs_are_listed_newest_first_by_status_and_workflow(
    project: Project, workflow: Workflow, viewer: Caller
) -> None:
    other = make_workflow(project, {"a": {}})
    first = start(workflow, {"report": "x"})
    second = start(other)
    work_off(project)
    third = start(other)

    def ids(query: str) -> list[str]:
        found = viewer.get(f"runs/{query}").json()["results"]
        assert all(set(row) == ROW for row in found)
        return [row["id"] for row in found]

    assert ids("") == [str(third.pk), str(second.pk), str(first.pk)]
    assert ids("?status=running") == [str(third.pk)]
    assert ids(f"?workflow={workflow.slug}") == [str(first.pk)]
    assert ids(f"?workflow={other.slug}&status=completed") == [str(second.pk)]
    page = viewer.get("runs/?limit=2").json()
    assert len(page["results"]) == 2
    rest = viewer.get(page["next"].removeprefix("/api/v1/")).json()
    assert [row["id"] for row in rest["results"]] == [str(first.pk)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=nope", "status"),
        ("workflow=nope", "workflow"),
        ("limit=0", "limit"),
    ],
)
def test_a_wrong_filter_is_refused_by_name(viewer: Caller, query: str, field: str) -> None:
    answer = viewer.get(f"runs/?{query}")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_a_nul_in_a_filter_is_refused(viewer: Caller) -> None:
    assert viewer.get("runs/?workflow=%00").status_code == 400


def test_a_run_is_cancelled_once_and_not_when_it_is_over(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow, {"report": "x"})
    answer = operator.post(f"runs/{run.pk}/cancellation/")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert operator.post(f"runs/{run.pk}/cancellation/").status_code == 409
    running = start(workflow, {"report": "x"})
    taken = take(project)
    for _ in range(2):
        answer = operator.post(f"runs/{running.pk}/cancellation/")
        assert answer.status_code == 202
        assert answer.json() == {"id": str(running.pk), "status": "running", "cancel_requested": True}
    finish(taken["look"])
    detail = operator.get(f"runs/{running.pk}/").json()
    assert detail["status"] == "cancelled"
    assert detail["status_reason"].startswith("Cancelled by ")
    assert operator.post(f"runs/{uuid.uuid4()}/cancellation/").status_code == 404


def test_lists_cost_the_same_number_of_queries_whatever_they_hold(
    project: Project, workflow: Workflow, viewer: Caller, django_assert_max_num_queries: Any
) -> None:
    make_agent(project, "second")
    for _ in range(12):
        start(make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    work_off(project)
    run = start(make_workflow(project, {f"s{n}": {} for n in range(30)}))
    viewer.get("workflows/")
    with django_assert_max_num_queries(4):
        assert len(viewer.get("workflows/").json()["results"]) == 14
    with django_assert_max_num_queries(3):
        assert len(viewer.get("runs/").json()["results"]) == 13
    with django_assert_max_num_queries(5):
        assert len(viewer.get(f"runs/{run.pk}/").json()["steps"]) == 30


def test_nobody_is_let_in_without_a_credential(workflow: Workflow) -> None:
    nobody = Caller("nonsense")
    for path in ("workflows/", f"workflows/{workflow.slug}/", "runs/", f"runs/{uuid.uuid4()}/"):
        assert nobody.get(path).status_code == 401
