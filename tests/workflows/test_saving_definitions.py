"""Definitions through the HTTP door: checked while they are written, saved as versions, used again."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role, Scope
from apps.agents.models import Command
from apps.workflows import services
from apps.workflows.marked import MAX_TEXT
from apps.workflows.models import Workflow, WorkflowVersion
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import events, make_project, start

pytestmark = pytest.mark.django_db

SOURCE = """\
name: Mend it
slug: mend-it
input:
  type: object
  properties: {report: {type: string}}
steps:
  - key: look
    command: do.it  # carefully
  - key: mend
    needs: [look]
    command: do.it
"""
WRONG = SOURCE.replace("needs: [look]", "needs: [lock]")
RENAMED = SOURCE.replace("name: Mend it", "name: Mend it well")


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


@pytest.fixture
def viewer(project: Project) -> Caller:
    return caller(make_user(Role.VIEWER, project))


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return services.apply_definition(project, SOURCE, by="ada").workflow


def save(who: Caller, source: str, **more: Any) -> Any:
    return who.post("workflows/mend-it/versions/", {"source": source, **more})


def check(who: Caller, source: str, **more: Any) -> Any:
    answer = who.post("workflows/validation/", {"source": source, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_workflow_is_made_from_a_text_and_can_be_run(project: Project, operator: Caller) -> None:
    answer = operator.post("workflows/", {"source": SOURCE})
    assert answer.status_code == 201
    assert answer["Location"] == "/api/v1/workflows/mend-it/versions/1/"
    saved = {"slug": "mend-it", "name": "Mend it", "version": 1, "is_new_version": True}
    assert answer.json() == saved
    assert operator.get("workflows/mend-it/").json()["created_by"] == "olga"
    assert start(Workflow.objects.get(project=project)).version.number == 1
    again = operator.post("workflows/", {"source": SOURCE})
    assert (again.status_code, again.json()) == (200, {**saved, "is_new_version": False})


def test_a_new_workflow_does_not_replace_one_with_its_slug(workflow: Workflow, operator: Caller) -> None:
    answer = operator.post("workflows/", {"source": RENAMED})
    assert answer.status_code == 409
    body = answer.json()
    assert "There already is a workflow 'mend-it': version 1, saved by ada at 20" in body["detail"]
    assert (body["current"]["number"], body["current"]["by"]) == (1, "ada")
    assert WorkflowVersion.objects.count() == 1


def test_what_is_wrong_is_said_by_line_column_and_path(workflow: Workflow, operator: Caller) -> None:
    for answer in (operator.post("workflows/", {"source": WRONG}), save(operator, WRONG)):
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        body = answer.json()
        (problem,) = body["problems"]
        assert (problem["path"], problem["line"], problem["column"]) == ("steps[1].needs[0]", 10, 13)
        assert body["errors"] == {
            "source.steps[1].needs[0]": [f"line 10, column 13: {problem['message']}"],
        }
        assert "look" in problem["message"]
    assert WorkflowVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "source"), ({"source": None}, "source"), ({"source": SOURCE, "base_version": 0}, "base_version")],
)
def test_a_wrong_body_names_the_field(workflow: Workflow, operator: Caller, body: Any, field: str) -> None:
    answer = operator.post("workflows/mend-it/versions/", body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_change_is_the_next_version_and_the_same_text_is_none(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    run = start(workflow)
    answer = save(operator, RENAMED, base_version=1)
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    assert operator.get("workflows/mend-it/").json()["name"] == "Mend it well"
    same = save(operator, RENAMED, base_version=2)
    assert (same.status_code, same.json()["is_new_version"], same.json()["version"]) == (200, False, 2)
    run.refresh_from_db()
    assert run.version.number == 1
    told = [event for event in events(project) if event["type"] == "workflow_saved"]
    assert [(e["workflow"], e["version"], e["by"]) for e in told] == [
        ("mend-it", 1, "ada"),
        ("mend-it", 2, "olga"),
    ]


def test_who_was_overtaken_is_told_by_whom_and_when(workflow: Workflow, operator: Caller) -> None:
    save(operator, RENAMED, base_version=1)
    answer = save(operator, SOURCE.replace("Mend it", "Mend it badly"), base_version=1)
    assert answer.status_code == 409
    body = answer.json()
    assert "written from version 1, but there is version 2, saved by olga at 20" in body["detail"]
    newest = operator.get("workflows/mend-it/versions/").json()["results"][0]
    assert body["current"]["number"] == newest["number"] == 2
    assert body["current"]["at"] == newest["at"]
    # What the other one saved meant the same: a lost answer can be asked for again.
    assert save(operator, RENAMED, base_version=1).status_code == 200
    assert save(operator, SOURCE, base_version=2).status_code == 201


def test_a_slug_stays(workflow: Workflow, operator: Caller) -> None:
    answer = save(operator, SOURCE.replace("mend-it", "mend-them"))
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert (problem["path"], problem["line"]) == ("slug", 2)
    assert "stays 'mend-it'" in problem["message"]
    reserved = operator.post("workflows/", {"source": SOURCE.replace("mend-it", "validation")})
    assert "taken by the product" in reserved.json()["problems"][0]["message"]


def test_a_text_is_checked_without_being_saved(project: Project, viewer: Caller) -> None:
    body = check(viewer, SOURCE)
    assert (body["valid"], body["problems"]) == (True, [])
    assert (body["slug"], body["name"]) == ("mend-it", "Mend it")
    assert body["input_schema"]["properties"] == {"report": {"type": "string"}}
    shown = [(step["key"], step["name"], step["needs"], step["index"]) for step in body["graph"]["steps"]]
    assert shown == [("look", "Look", [], 1), ("mend", "Mend", ["look"], 2)]
    assert not Workflow.objects.exists()
    assert events(project) == []


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("", 1, "the text is empty"),
        ("name: [\n", 2, "not YAML"),
        ("[]", 1, "a workflow is a mapping with name, slug and steps"),
        (WRONG, 10, "'lock'"),
        ("x: 'y'\n" * 80_000, None, f"longer than {MAX_TEXT:,} characters"),
        ("name: {}\n" + "a: " + "[" * 40, 2, "nested deeper than 32"),
        ("a: &a [*a]", 1, "anchors and aliases"),
    ],
)
def test_no_text_is_too_wrong_to_be_checked(viewer: Caller, source: str, line: int | None, said: str) -> None:
    body = check(viewer, source)
    assert not body["valid"]
    assert (body["graph"], body["input_schema"], body["slug"]) == (None, None, None)
    assert body["problems"][0]["line"] == line
    assert said in body["problems"][0]["message"]


def test_a_graph_is_drawn_of_what_only_names_unknown_things(workflow: Workflow, viewer: Caller) -> None:
    body = check(viewer, SOURCE.replace("do.it  #", "do.at  #"), workflow="mend-it")
    assert [problem["path"] for problem in body["problems"]] == ["steps[0].command"]
    assert len(body["graph"]["steps"]) == 2


@pytest.mark.parametrize(
    ("meant_for", "said"),
    [
        ({"workflow": "mend-it"}, None),
        ({"workflow": "other"}, "stays 'other'"),
        ({"workflow": ""}, "there already is a workflow 'mend-it'"),
        ({}, None),
    ],
)
def test_a_slug_is_checked_against_what_the_text_is_meant_for(
    workflow: Workflow, viewer: Caller, meant_for: dict[str, str], said: str | None
) -> None:
    problems = check(viewer, SOURCE, **meant_for)["problems"]
    assert bool(problems) == bool(said)
    assert not said or (said in problems[0]["message"] and problems[0]["line"] == 2)


def test_a_text_is_compared_with_the_current_version(workflow: Workflow, viewer: Caller) -> None:
    found = check(viewer, RENAMED, workflow="mend-it", compare=True)["difference"]
    assert found["changes"] == [
        {"path": "name", "kind": "changed", "before": "Mend it", "after": "Mend it well"}
    ]
    assert (found["current"]["number"], found["current"]["by"]) == (1, "ada")
    assert "\n-name: Mend it\n+name: Mend it well\n" in found["text"]
    comment = check(viewer, "# why\n" + SOURCE, workflow="mend-it", compare=True)["difference"]
    assert (comment["changes"], comment["steps"]) == ([], [])
    assert "+# why" in comment["text"]
    assert check(viewer, SOURCE, workflow="mend-it")["difference"] is None
    assert check(viewer, SOURCE.replace("mend-it", "x"), compare=True)["difference"] is None
    assert check(viewer, WRONG, compare=True)["difference"] is None


def test_versions_are_listed_read_and_compared(workflow: Workflow, operator: Caller, viewer: Caller) -> None:
    save(operator, RENAMED.replace("    needs: [look]\n", "").replace("key: look", "key: see"))
    page = viewer.get("workflows/mend-it/versions/?limit=1").json()
    assert [(row["number"], row["by"]) for row in page["results"]] == [(2, "olga")]
    rest = viewer.get(page["next"].removeprefix("/api/v1/")).json()
    assert [(row["number"], row["by"]) for row in rest["results"]] == [(1, "ada")]
    assert set(rest["results"][0]) == {"number", "by", "at", "checksum"}
    first = viewer.get("workflows/mend-it/versions/1/").json()
    assert first["source"] == SOURCE
    assert first["document"]["steps"][1] == {"key": "mend", "command": "do.it", "needs": ["look"]}
    diff = viewer.get("workflows/mend-it/versions/1/diff/").json()
    assert (diff["from_version"], diff["to_version"]) == (1, 2)
    assert diff["changes"] == [
        {"path": "name", "kind": "changed", "before": "Mend it", "after": "Mend it well"}
    ]
    assert [(step["key"], step["kind"]) for step in diff["steps"]] == [
        ("see", "added"),
        ("mend", "changed"),
        ("look", "removed"),
    ]
    assert diff["steps"][1]["changes"] == [
        {"path": "needs", "kind": "removed", "before": ["look"], "after": None}
    ]
    assert diff["text"].startswith("--- mend-it v1\n+++ mend-it v2\n@@ ")
    assert "\n-name: Mend it\n+name: Mend it well\n" in diff["text"]
    back = viewer.get("workflows/mend-it/versions/2/diff/?to=1").json()
    assert [(step["key"], step["kind"]) for step in back["steps"]][:1] == [("look", "added")]
    none = viewer.get("workflows/mend-it/versions/2/diff/?to=2").json()
    assert (none["changes"], none["steps"], none["text"]) == ([], [], "")


@pytest.mark.parametrize("to", ["9", "x", "-1", "9" * 30, "%c2%b2"])
def test_there_must_be_a_version_to_compare_with(workflow: Workflow, viewer: Caller, to: str) -> None:
    answer = viewer.get(f"workflows/mend-it/versions/1/diff/?to={to}")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["to"]


def test_an_old_version_used_again_is_the_next_version(workflow: Workflow, operator: Caller) -> None:
    save(operator, RENAMED)
    answer = operator.post("workflows/mend-it/versions/1/current/")
    assert (answer.status_code, answer.json()["version"]) == (201, 3)
    third = operator.get("workflows/mend-it/versions/3/").json()
    assert (third["source"], third["by"]) == (SOURCE, "olga")
    again = operator.post("workflows/mend-it/versions/3/current/")
    assert (again.status_code, again.json()["is_new_version"]) == (200, False)


def test_an_old_version_that_fits_no_more_is_not_used(
    project: Project, workflow: Workflow, operator: Caller
) -> None:
    Command.objects.create(project=project, name="do.more", title="More", capability="doing", parameters={})
    save(operator, SOURCE.replace("do.it", "do.more"))
    Command.objects.filter(name="do.it").delete()
    answer = operator.post("workflows/mend-it/versions/1/current/")
    assert answer.status_code == 400
    assert "there is no command 'do.it'" in answer.json()["problems"][0]["message"]
    assert WorkflowVersion.objects.count() == 2


def test_viewers_read_and_save_nothing(project: Project, workflow: Workflow, viewer: Caller) -> None:
    reader = Caller(make_key(Scope.READ, project=project).text)
    for who in (viewer, reader):
        assert save(who, RENAMED).status_code == 403
        assert who.post("workflows/", {"source": SOURCE}).status_code == 403
        assert who.post("workflows/mend-it/versions/1/current/").status_code == 403
        assert who.get("workflows/mend-it/versions/1/").status_code == 200
        assert who.get("workflows/schema/").json()["$id"] == "urn:mission-control:workflow:1"
    runner = Caller(make_key(Scope.RUN, project=project).text)
    assert save(runner, RENAMED).status_code == 201


def test_another_project_finds_no_version(workflow: Workflow) -> None:
    stranger = caller(make_user(Role.ADMIN, make_project()))
    for path in ("", "1/", "1/diff/"):
        assert stranger.get(f"workflows/mend-it/versions/{path}").status_code == 404
    assert save(stranger, RENAMED).status_code == 404
    assert stranger.post("workflows/mend-it/versions/1/current/").status_code == 404
    assert check(stranger, SOURCE, workflow="")["problems"] == []


@pytest.mark.parametrize("number", ["2", "0", "9" * 30])
def test_there_is_no_such_version(workflow: Workflow, viewer: Caller, number: str) -> None:
    assert viewer.get(f"workflows/mend-it/versions/{number}/").status_code == 404


def test_comments_are_saved_as_a_version_that_means_the_same(workflow: Workflow, operator: Caller) -> None:
    noted = "# why it is so\n" + SOURCE
    asked = {"source": noted, "workflow": "mend-it", "compare": True}
    difference = operator.post("workflows/validation/", asked).json()["difference"]
    assert (difference["text_only"], difference["changes"], difference["steps"]) == (True, [], [])
    answer = save(operator, noted, base_version=1)
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    assert operator.get("workflows/mend-it/").json()["source"] == noted
    first, second = (operator.get(f"workflows/mend-it/versions/{n}/").json() for n in (1, 2))
    assert first["checksum"] == second["checksum"]
    told = operator.get("workflows/mend-it/versions/1/diff/?to=2").json()
    assert (told["text_only"], told["changes"], told["steps"]) == (True, [], [])
    assert "+# why it is so" in told["text"]
    same = operator.get("workflows/mend-it/versions/2/diff/?to=2").json()
    assert (same["text_only"], same["text"]) == (False, "")
    save(operator, RENAMED)
    assert operator.get("workflows/mend-it/versions/2/diff/").json()["text_only"] is False


def test_comments_do_not_overwrite_those_of_somebody_else(workflow: Workflow, operator: Caller) -> None:
    assert save(operator, "# mine\n" + SOURCE, base_version=1).status_code == 201
    late = save(operator, "# theirs\n" + SOURCE, base_version=1)
    assert (late.status_code, late.json()["current"]["number"]) == (409, 2)
