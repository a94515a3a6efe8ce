"""Saving definitions: versions, the library, and definitions kept in files."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Project
from apps.agents.fleet import install_fleet
from apps.workflows import services
from apps.workflows.document import DocumentError
from apps.workflows.models import Workflow, WorkflowVersion
from tests.workflows.acting import fresh, make_agent, make_command, make_project, start, statuses, work_off

pytestmark = pytest.mark.django_db

SOURCE = "name: N\nslug: n\nsteps:\n  - {key: a, command: do.it, agent: hand}\n"


@pytest.fixture
def project() -> Project:
    return make_project()


def manage(*args: Any, **options: Any) -> str:
    out = StringIO()
    call_command("workflows", *map(str, args), stdout=out, stderr=out, **options)
    return out.getvalue()


def test_each_change_of_the_text_is_a_version_and_the_same_text_is_none(project: Project) -> None:
    first = services.apply_definition(project, SOURCE, by="ada")
    same = services.apply_definition(project, SOURCE.replace("\n", "\r\n"))
    second = services.apply_definition(project, SOURCE.replace("key: a", "key: b"))
    back = services.apply_definition(project, SOURCE)
    assert (first.is_new_workflow, first.is_new_version) == (True, True)
    assert (same.is_new_workflow, same.is_new_version) == (False, False)
    assert [first.version.number, second.version.number, back.version.number] == [1, 2, 3]
    assert back.workflow.current == back.version
    assert first.version.created_by == "ada"


def test_a_run_keeps_the_version_it_began_with(project: Project) -> None:
    workflow = services.apply_definition(project, SOURCE).workflow
    run = start(workflow)
    services.apply_definition(project, SOURCE + "  - {key: z, command: do.it, needs: [a]}\n")
    work_off(project)
    assert statuses(run) == {"a": "completed"}
    assert fresh(run).version.number == 1
    assert start(workflow).version.number == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("do.it", "do.if", "line 4: steps[0].command: there is no command 'do.if'; did you mean 'do.it'?"),
        ("hand", "hend", "line 4: steps[0].agent: there is no agent 'hend'; did you mean 'hand'?"),
        ("hand", "other", "'other' lacks the capability 'doing' that 'do.it' needs"),
        ("do.it, agent: hand", "strict.one, with: {}", "steps[0].with: 'strict.one' needs 'text'"),
        ("do.it, agent: hand", "strict.one, with: {text: a, b: c}", "has no parameter 'b'; it has: text"),
    ],
)
def test_commands_and_agents_that_do_not_fit_are_named(
    project: Project, old: str, new: str, said: str
) -> None:
    make_agent(project, "other", ["else"])
    strict = {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    make_command(project, "strict.one", parameters=strict)
    with pytest.raises(DocumentError) as caught:
        services.apply_definition(project, SOURCE.replace(old, new))
    assert said in str(caught.value)
    assert not Workflow.objects.exists()


def test_the_library_is_installed_once_and_leaves_changes_alone(project: Project) -> None:
    install_fleet(project)
    installed = services.install_library(project)
    assert {workflow.slug for workflow in installed} >= {
        *("bug-lifecycle", "feature-development", "release", "incident-response"),
    }
    changed = Workflow.objects.get(slug="release")
    assert changed.current is not None
    services.apply_definition(project, changed.current.source.replace("name: ", "name: My ", 1))
    assert services.install_library(project) == []
    assert WorkflowVersion.objects.filter(workflow=changed).count() == 2
    assert Workflow.objects.get(slug="release").name.startswith("My ")


def test_definitions_go_to_files_and_back(project: Project, tmp_path: Path) -> None:
    services.apply_definition(project, SOURCE)
    assert "n.yaml" in manage("export", tmp_path, project=project.slug)
    assert (tmp_path / "n.yaml").read_text() == SOURCE
    assert manage("apply", tmp_path, project=project.slug) == "n v1 unchanged\n"
    (tmp_path / "n.yaml").write_text(SOURCE.replace("key: a", "key: b"))
    (tmp_path / "m.yaml").write_text(SOURCE.replace("slug: n", "slug: m"))
    assert manage("apply", tmp_path, project=project.slug) == "m v1 new\nn v2 changed\n"


def test_one_wrong_file_stops_all_of_them_and_is_named_by_line(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOURCE)
    (tmp_path / "b.yaml").write_text(SOURCE.replace("slug: n", "slug: b").replace("do.it", "no.such"))
    (tmp_path / "c.yaml").write_text(SOURCE)
    out = StringIO()
    with pytest.raises(CommandError, match="2 of 3 definitions are wrong; nothing was changed"):
        call_command("workflows", "apply", str(tmp_path), project=project.slug, stderr=out)
    assert f"{tmp_path / 'b.yaml'}:4: steps[0].command: there is no command 'no.such'" in out.getvalue()
    assert "is already the slug of" in out.getvalue()
    assert not Workflow.objects.exists()


def test_validating_needs_no_project_and_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOURCE)
    assert manage("validate", tmp_path) == "1 valid\n"
    with pytest.raises(CommandError, match="no project 'nowhere'"):
        manage("apply", tmp_path, project="nowhere")
    with pytest.raises(CommandError, match="is not a directory"):
        manage("validate", tmp_path / "missing")
    assert '"$id": "urn:mission-control:workflow:1"' in manage("schema")
