"""Triggers: admins make them, other systems post signed requests to them, each starts one run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.agents import signatures
from apps.workflows.models import Run, Trigger, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import events, make_project, make_workflow
from tests.workflows.starting import deliver, patch, send, trigger_body

pytestmark = pytest.mark.django_db

INPUT = {
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string"}, "number": {"type": "integer"}, "from": {"type": "string"}},
}
MAPPING = {
    "title": "${{ body.issue.title }} by ${{ body.sender }}",
    "number": "${{ body.issue.number }}",
    "from": "${{ headers['x-github-event'] }} ${{ query.team }}",
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}}, name="Look into it", input=INPUT)


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project, "ada"))


@pytest.fixture
def trigger(admin: Caller, workflow: Workflow) -> dict[str, Any]:
    return make(admin, workflow)


def make(admin: Caller, workflow: Workflow, **given: Any) -> dict[str, Any]:
    made = admin.post("triggers/", trigger_body(workflow, given))
    assert made.status_code == 201, made.json()
    row: dict[str, Any] = made.json()
    return row


def test_an_admin_makes_reads_changes_and_deletes_a_trigger(
    project: Project, admin: Caller, workflow: Workflow
) -> None:
    made = admin.post("triggers/", trigger_body(workflow, {"name": "Issues"}))
    row = made.json()
    path = f"triggers/{row['id']}/"
    assert made.headers["Location"] == f"/api/v1/{path}"
    assert row["address"] == f"/api/v1/hooks/{row['id']}/"
    assert row["secret"].startswith("whsec_")
    shown = admin.get(path).json()
    assert shown == {name: said for name, said in row.items() if name != "secret"}
    assert (shown["owner"], shown["enabled"], shown["last_at"]) == ("ada", True, None)
    assert admin.get("triggers/").json()["results"] == [shown]
    assert admin.get(f"triggers/?workflow={workflow.slug}").json()["results"] == [shown]
    changed = patch(admin, path, {"condition": "body.go == true", "name": "Some issues"}).json()
    assert (changed["name"], changed["condition"]) == ("Some issues", "body.go == true")
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404
    kinds = [e["type"] for e in events(project, "trigger.changed", "trigger.deleted")]
    assert kinds == ["trigger_update"] * 3


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"condition": "body."}, "condition", "not a CEL expression"),
        ({"condition": "steps.a.output"}, "condition", "use body or headers or query"),
        ({"condition": "input.x == 1"}, "condition", "unknown name 'input'"),
        ({"input": {"title": "${{ run.id }}"}}, "input.title", "unknown name 'run'"),
        ({"input": {"a": [{"b": "${{ body.x"}]}}, "input.a[0].b", "no closing"),
        ({"input": ["x"]}, "input", "dictionary"),
        ({"name": ""}, "name", "blank"),
        ({"workflow": "nope"}, "workflow", "slug of a workflow"),
    ],
)
def test_what_is_wrong_is_named_by_field(
    admin: Caller, workflow: Workflow, wrong: dict[str, Any], field: str, said: str
) -> None:
    answer = admin.post("triggers/", trigger_body(workflow, wrong))
    assert answer.status_code == 400
    assert said in " ".join(answer.json()["errors"][field])


def test_members_read_admins_write_and_other_projects_see_nothing(
    project: Project, workflow: Workflow, trigger: dict[str, Any]
) -> None:
    path = f"triggers/{trigger['id']}/"
    operator = caller(make_user(Role.OPERATOR, project))
    viewer = caller(make_user(Role.VIEWER, project))
    stranger = caller(make_user(Role.ADMIN, make_project()))
    for who, status in ((operator, 403), (viewer, 403), (stranger, 404)):
        assert who.get(path).status_code == (200 if who is not stranger else 404)
        assert who.post(f"{path}secret/").status_code == status
        assert patch(who, path, {"enabled": False}).status_code == status
        assert who.delete(path).status_code == status
    assert operator.post("triggers/", trigger_body(workflow, {})).status_code == 403
    assert "secret" not in viewer.get("triggers/").json()["results"][0]


def test_the_body_is_the_input_where_nothing_is_mapped(
    admin: Caller, workflow: Workflow, trigger: dict[str, Any]
) -> None:
    answer = deliver(trigger, {"title": "It broke", "number": 7})
    assert answer.status_code == 201, answer.json()
    run = Run.objects.select_related("data").get()
    assert answer.json() == {"run_id": str(run.pk), "detail": "Look into it #1 started."}
    assert run.data.input == {"title": "It broke", "number": 7}
    assert (run.origin, str(run.origin_id), run.requested_by) == ("trigger", trigger["id"], "ada")
    shown = admin.get(f"triggers/{trigger['id']}/").json()
    assert shown["last_result"] == "started Look into it #1"
    assert shown["last_at"]
    assert admin.get(f"runs/{run.pk}/").json()["origin_name"] == trigger["name"]


def test_expressions_make_the_input_of_body_headers_and_query(admin: Caller, workflow: Workflow) -> None:
    mapped = make(admin, workflow, input=MAPPING, priority=4)
    body = {"issue": {"title": "It broke", "number": 7}, "sender": "olga"}
    answer = deliver(mapped, body, query="?team=core", x_github_event="issues")
    assert answer.status_code == 201, answer.json()
    run = Run.objects.select_related("data").get()
    assert run.data.input == {"title": "It broke by olga", "number": 7, "from": "issues core"}
    assert run.priority == 4


def test_expressions_see_no_header_that_is_not_allowed(admin: Caller, workflow: Workflow) -> None:
    mapped = make(admin, workflow, input={"title": "${{ string(size(headers)) }} ${{ headers.cookie }}"})
    answer = deliver(mapped, {}, cookie="a=b", authorization="Bearer x")
    assert answer.status_code == 400
    assert "there is no field" in answer.json()["errors"]["input"][0]


def test_a_request_for_which_the_condition_is_false_starts_nothing(admin: Caller, workflow: Workflow) -> None:
    picky = make(admin, workflow, condition="body.action == 'opened'", input={"title": "${{ body.action }}"})
    closed = deliver(picky, {"action": "closed"})
    assert (closed.status_code, closed.json()["run_id"]) == (202, None)
    assert Trigger.objects.get().last_result == "the condition was false"
    assert deliver(picky, {"action": "opened"}).status_code == 201
    assert Run.objects.count() == 1
    odd = deliver(picky, {"other": 1})
    assert odd.status_code == 400
    assert "there is no field" in odd.json()["errors"]["condition"][0]
    assert Trigger.objects.get().last_result.startswith("refused: condition: there is no field")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"number": 1}, "input.title"), ({"title": 1}, "input.title"), ([1], "body"), ("x", "body")],
)
def test_a_body_that_does_not_fit_is_refused_by_field(trigger: dict[str, Any], body: Any, field: str) -> None:
    answer = deliver(trigger, body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Run.objects.exists()


def test_a_delivery_that_is_sent_again_gives_the_same_run(
    admin: Caller, workflow: Workflow, trigger: dict[str, Any]
) -> None:
    first = deliver(trigger, {"title": "x"}, delivery_id="msg_1")
    again = deliver(trigger, {"title": "x"}, delivery_id="msg_1")
    assert (again.status_code, again.json()) == (201, first.json())
    patch(admin, f"triggers/{trigger['id']}/", {"input": {"title": "mapped now"}})
    assert deliver(trigger, {"title": "x"}, delivery_id="msg_1").json() == first.json()
    assert Run.objects.count() == 1
    assert deliver(trigger, {"title": "x"}, delivery_id="msg_2").json() != first.json()
    other = make(admin, workflow)
    assert deliver(other, {"title": "x"}, delivery_id="msg_1").json() != first.json()
    assert deliver(trigger, {"title": "x"}, delivery_id="m" * 255).status_code == 201
    assert Run.objects.count() == 4


def test_githubs_way_of_signing_is_known(trigger: dict[str, Any]) -> None:
    raw = json.dumps({"title": "x"}).encode()
    signed = {"X-Hub-Signature-256": signatures.sign_github(trigger["secret"], raw)}
    assert send(trigger["address"], raw, signed).status_code == 401  # nothing names the delivery
    named = {**signed, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "X-GitHub-Event": "ping"}
    first, again = send(trigger["address"], raw, named), send(trigger["address"], raw, named)
    assert first.status_code == 201
    assert again.json() == first.json()


def test_a_disabled_trigger_says_so_to_those_who_sign(admin: Caller, trigger: dict[str, Any]) -> None:
    patch(admin, f"triggers/{trigger['id']}/", {"enabled": False})
    answer = deliver(trigger, {"title": "x"})
    assert (answer.status_code, answer.json()["detail"]) == (403, "The trigger is disabled.")
    assert deliver(trigger, {"title": "x"}, secret="whsec_" + "A" * 44).status_code == 401


def test_every_delivery_is_told_live(project: Project, trigger: dict[str, Any]) -> None:
    run_id = deliver(trigger, {"title": "x"}).json()["run_id"]
    deliver(trigger, {})
    told = events(project, "trigger.fired")
    assert [e["run_id"] for e in told] == [run_id, None]
    assert told[1]["last_result"] == "refused: input.title: this field is required"
