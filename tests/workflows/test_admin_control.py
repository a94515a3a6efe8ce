"""The admin's hand on many runs and on whole projects."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Project, User
from apps.agents import dispatch, holds
from apps.workflows.models import Run, Workflow
from tests.workflows.acting import events, fresh, make_project, make_workflow, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}})


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def chosen(admin: Client, model: str, action: str, *rows: Any, **more: Any) -> str:
    """The page after an action on these rows."""
    answer = admin.post(
        reverse(f"admin:{model}_changelist"),
        {"action": action, "_selected_action": [str(row.pk) for row in rows], **more},
        follow=True,
    )
    return str(answer.content.decode())


def test_runs_are_started_again_and_put_before_others(
    project: Project, admin: Client, workflow: Workflow
) -> None:
    run = start(workflow)
    assert "1 runs started again" in chosen(admin, "workflows_run", "rerun", run)
    assert Run.objects.filter(workflow=workflow).count() == 2
    assert "have priority 9" in chosen(admin, "workflows_run", "prioritise", run, priority="9")
    assert fresh(run).priority == 9
    for wrong in ("", "many", "101"):
        said = chosen(admin, "workflows_run", "prioritise", run, priority=wrong)
        assert "Type a priority from -100 to 100" in said
    assert fresh(run).priority == 9


def test_a_project_is_paused_and_resumed(project: Project, admin: Client, workflow: Workflow) -> None:
    start(workflow)
    assert "is paused" in chosen(admin, "accounts_project", "pause", project)
    assert holds.of(project.pk) is not None
    assert dispatch.dispatch_ready(project.pk) == []
    assert "goes on" in chosen(admin, "accounts_project", "resume", project)
    assert len(dispatch.dispatch_ready(project.pk)) == 1


def test_a_projects_limits_are_changed_and_journalled(project: Project, admin: Client) -> None:
    url = reverse("admin:accounts_project_change", args=[project.pk])
    assert admin.get(url).status_code == 200
    body = {
        "name": project.name, "slug": project.slug, "max_runs": "3", "max_command_runs": "",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
        "membership_set-TOTAL_FORMS": "0", "membership_set-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert admin.post(url, body).status_code == 302
    project.refresh_from_db()
    assert (project.max_runs, project.max_command_runs) == (3, None)
    assert [event["max_runs"] for event in events(project, "project.limited")] == [3]
