"""The admin: definitions are read and saved as versions, runs are looked at, started and cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Project, User
from apps.workflows.models import Approval, Run, Workflow, WorkflowVersion
from tests.workflows.acting import fail, fresh, make_project, make_workflow, start, take, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def admin(project: Project) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


@pytest.fixture
def workflow(project: Project) -> Workflow:
    schema = {"type": "object", "required": ["what"], "properties": {"what": {"type": "string"}}}
    return make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}, input=schema)


def page(client: Client, name: str, *args: object) -> str:
    answer = client.get(reverse(f"admin:workflows_{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_page_of_the_app_opens(project: Project, admin: Client, workflow: Workflow) -> None:
    start(workflow, {"what": "<script>alert(1)</script>"})
    work_off(project)
    start(workflow, {"what": "x"})
    fail(take(project)["a"], "<b>bold</b>")
    for model in ("workflow", "workflowversion", "run"):
        page(admin, f"{model}_changelist")
    assert "name: Trial" in page(admin, "workflow_change", workflow.pk)
    assert "name: Trial" in page(admin, "workflowversion_change", WorkflowVersion.objects.get().pk)
    for run in Run.objects.all():
        shown = page(admin, "run_change", run.pk)
        assert "<script>alert(1)" not in shown
        assert "<b>bold</b>" not in shown


def test_saving_a_changed_definition_makes_a_version(admin: Client, workflow: Workflow) -> None:
    assert workflow.current is not None
    url = reverse("admin:workflows_workflow_change", args=[workflow.pk])
    management = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    changed = workflow.current.source.replace("name: Trial", "name: Better")
    assert admin.post(url, {"source": changed, **management}).status_code == 302
    workflow.refresh_from_db()
    assert workflow.current is not None
    assert (workflow.name, workflow.current.number) == ("Better", 2)
    assert admin.post(url, {"source": changed, **management}).status_code == 302
    assert workflow.versions.count() == 2
    assert admin.post(url, {"source": changed + "\n# a remark", **management}).status_code == 302
    assert workflow.versions.count() == 3


def test_a_wrong_definition_is_refused_by_line(admin: Client, workflow: Workflow) -> None:
    url = reverse("admin:workflows_workflow_change", args=[workflow.pk])
    management = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    answer = admin.post(url, {"source": "name: x\nslug: y\nsteps:\n  - kei: a\n", **management})
    assert answer.status_code == 200
    assert "line 4: steps[0].kei: unknown field" in answer.content.decode()
    assert workflow.versions.count() == 1


def test_a_workflow_is_added_as_text(project: Project, admin: Client) -> None:
    url = reverse("admin:workflows_workflow_add")
    source = "name: New\nslug: brand-new\nsteps: [{key: a, command: do.it}]\n"
    assert admin.post(url, {"project": str(project.pk), "source": source}).status_code == 302
    added = Workflow.objects.get(slug="brand-new")
    assert added.current is not None
    assert added.current.created_by == "root"
    again = admin.post(url, {"project": str(project.pk), "source": source})
    assert "there already is a workflow" in again.content.decode()


def test_a_run_is_started_with_an_input_that_fits(admin: Client, workflow: Workflow) -> None:
    url = reverse("admin:workflows_workflow_start", args=[workflow.pk])
    assert "required" in admin.get(url).content.decode()
    refused = admin.post(url, {"input": "{}"})
    assert "input.what: this field is required" in refused.content.decode()
    assert "JSON object" in admin.post(url, {"input": "[]"}).content.decode()
    assert admin.post(url, {"input": '{"what": "x"}'}).status_code == 302
    run = Run.objects.get()
    assert (run.requested_by, run.status) == ("root", "running")


def test_runs_are_cancelled_together(project: Project, admin: Client, workflow: Workflow) -> None:
    over, waiting = start(workflow, {"what": "x"}), start(workflow, {"what": "y"})
    fail(take(project)["a"])
    Run.objects.filter(pk=over.pk).update(status="completed")
    answer = admin.post(
        reverse("admin:workflows_run_changelist"),
        {"action": "cancel", "_selected_action": [str(over.pk), str(waiting.pk)]},
        follow=True,
    )
    assert "The run is over" in answer.content.decode()
    assert fresh(waiting).status in ("cancelled", "failed")


def chosen(admin: Client, model: str, action: str, *rows: Any) -> str:
    """The page after an action on these rows."""
    answer = admin.post(
        reverse(f"admin:workflows_{model}_changelist"),
        {"action": action, "_selected_action": [str(row.pk) for row in rows]},
        follow=True,
    )
    return str(answer.content.decode())


def test_runs_and_workflows_are_paused_resumed_and_retried(
    project: Project, admin: Client, workflow: Workflow
) -> None:
    run = start(workflow, {"what": "x"})
    assert "1 runs paused" in chosen(admin, "run", "pause", run)
    assert fresh(run).status_reason == "Paused by root."
    assert "1 runs resumed" in chosen(admin, "run", "resume", run)
    assert "is paused" in chosen(admin, "workflow", "pause", workflow)
    assert take(project) == {}
    assert "goes on" in chosen(admin, "workflow", "resume", workflow)
    assert "not over" in chosen(admin, "run", "retry", run)
    fail(take(project)["a"])
    assert "1 runs retried" in chosen(admin, "run", "retry", run)
    assert fresh(run).status == "running"


def test_approvals_are_decided(project: Project, admin: Client) -> None:
    start(make_workflow(project, {"ask": {"approval": {"title": "Ship it?"}}}))
    asked = Approval.objects.get()
    assert "Ship it?" in admin.get(reverse("admin:workflows_approval_changelist")).content.decode()
    assert admin.get(reverse("admin:workflows_approval_change", args=[asked.pk])).status_code == 200
    assert "decided" in chosen(admin, "approval", "approve", asked)
    assert "Already approved by root" in chosen(admin, "approval", "reject", asked)
    asked.refresh_from_db()
    assert asked.state == "approved"


def test_who_may_only_look_cannot_start(workflow: Workflow) -> None:
    client = Client()
    client.force_login(User.objects.create_user("looker", password="x", is_staff=True))
    assert client.get(reverse("admin:workflows_workflow_start", args=[workflow.pk])).status_code == 403
