"""`manage.py workflows`: definitions kept in files, compared with what is saved, and taken out again."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Project
from apps.agents.fleet import install_fleet
from apps.workflows import services
from apps.workflows.models import WorkflowVersion
from tests.workflows.acting import events, make_project

pytestmark = pytest.mark.django_db

SOURCE = "# Who mends\nname: N\nslug: n\nsteps:\n  - {key: a, command: do.it}  # by hand\n"


@pytest.fixture
def project() -> Project:
    return make_project()


def manage(project: Project, action: str, folder: Path) -> tuple[int, str]:
    """What the command printed, and the code it ended with."""
    out = StringIO()
    try:
        call_command("workflows", action, str(folder), project=project.slug, stdout=out, stderr=out)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def test_diff_shows_what_apply_would_change_and_changes_nothing(project: Project, tmp_path: Path) -> None:
    services.apply_definition(project, SOURCE)
    (tmp_path / "n.yaml").write_text(
        SOURCE.replace("name: N", "name: M").replace("do.it}", "do.it, when: 'true'}")
    )
    (tmp_path / "new.yaml").write_text(SOURCE.replace("slug: n", "slug: other"))
    code, said = manage(project, "diff", tmp_path)
    assert code == 1
    assert said.startswith("n v1 changed\n  name changed\n  step a: when added\n--- n v1\n+++ ")
    assert "\n-name: N\n+name: M\n" in said
    assert f"other new\n--- /dev/null\n+++ {tmp_path / 'new.yaml'}\n" in said
    assert "\n+slug: other\n" in said
    assert WorkflowVersion.objects.count() == 1
    assert manage(project, "apply", tmp_path) == (0, "n v2 changed\nother v1 new\n")
    assert manage(project, "diff", tmp_path) == (0, "")


def test_diff_tells_comments_and_layout_from_what_something_means(project: Project, tmp_path: Path) -> None:
    services.apply_definition(project, SOURCE)
    (tmp_path / "n.yml").write_text("# why\n" + SOURCE)
    code, said = manage(project, "diff", tmp_path)
    assert code == 1
    assert said.startswith("n v1 changed\n  comments or layout only\n")
    assert "\n+# why\n" in said
    assert manage(project, "apply", tmp_path) == (0, "n v2 changed\n")
    (tmp_path / "n.yml").write_bytes(b"# why\r\n" + SOURCE.replace("\n", "\r\n").encode())
    assert manage(project, "diff", tmp_path) == (0, ""), "how lines end does not matter"


def test_diff_of_something_wrong_is_neither_the_same_nor_different(project: Project, tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(SOURCE.replace("do.it", "do.at"))
    code, said = manage(project, "diff", tmp_path)
    assert code == 2
    assert f"{tmp_path / 'n.yaml'}:5: steps[0].command: there is no command 'do.at'" in said
    (tmp_path / "n.yaml").write_bytes(b"name: \xff")
    assert "is not UTF-8 text" in manage(project, "diff", tmp_path)[1]
    assert manage(project, "diff", tmp_path / "nowhere")[0] == 2
    assert manage(project, "validate", tmp_path)[0] == 1


def test_what_is_exported_is_applied_as_the_same(project: Project, tmp_path: Path) -> None:
    install_fleet(project)
    services.install_library(project)
    services.apply_definition(project, SOURCE)
    services.apply_definition(
        project, '{"name": "J", "slug": "j", "steps": [{"key": "a", "command": "do.it"}]}'
    )
    before = WorkflowVersion.objects.count()
    manage(project, "export", tmp_path)
    assert (tmp_path / "n.yaml").read_text() == SOURCE
    assert (tmp_path / "j.json").exists()
    told = len(events(project))
    code, said = manage(project, "apply", tmp_path)
    assert code == 0
    assert {line.split()[-1] for line in said.splitlines()} == {"unchanged"}
    assert WorkflowVersion.objects.count() == before
    assert len(events(project)) == told
    assert manage(project, "diff", tmp_path) == (0, "")


def test_an_export_brings_the_words_of_the_saved_text_too(project: Project, tmp_path: Path) -> None:
    services.apply_definition(project, "# my own words\n" + SOURCE)
    mine = tmp_path / "mine.yml"
    mine.write_text("# my own words\n" + SOURCE)
    assert manage(project, "export", tmp_path) == (0, f"{mine} unchanged\n")
    mine.write_text(SOURCE)
    assert manage(project, "export", tmp_path) == (0, f"{mine}\n")
    assert mine.read_text().startswith("# my own words")
    services.apply_definition(project, SOURCE.replace("key: a", "key: b"))
    assert manage(project, "export", tmp_path) == (0, f"{mine}\n")
    assert mine.read_text() == SOURCE.replace("key: a", "key: b")
    assert list(tmp_path.iterdir()) == [mine]


def test_files_are_applied_together_or_not_at_all(project: Project, tmp_path: Path) -> None:
    outer: dict[str, Any] = {"a.yaml": "name: A\nslug: a\nsteps: [{key: sub, workflow: b}]\n"}
    outer["b.yaml"] = "name: B\nslug: b\nsteps: [{key: a, command: do.it}]\n"
    for name, text in outer.items():
        (tmp_path / name).write_text(text)
    assert manage(project, "apply", tmp_path) == (0, "a v1 new\nb v1 new\n")
    (tmp_path / "b.yaml").write_text("name: B\nslug: b\nsteps: [{key: a, command: gone}]\n")
    (tmp_path / "a.yaml").write_text("name: A2\nslug: a\nsteps: [{key: sub, workflow: b}]\n")
    assert manage(project, "apply", tmp_path)[0] == 1
    assert WorkflowVersion.objects.count() == 2
