"""The admin: definitions are read and saved as versions, runs are looked at, started and cancelled."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Project, User
from apps.workflows.models import Run, Workflow, WorkflowVersion
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
    assert admin.post(url, {"source": changed + "\n# a remark", **management}).status_code == 302
    assert workflow.versions.count() == 2


def test_a_wrong_definition_is_refused_by_line(admin: Client, workflow: Workflow) -> None:
    url = reverse("admin:workflows_workflow_change", args=[workflow.pk])
    management = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    answer = admin.post(url, {"source": "name: x\nslug: y\nsteps:\n  - kei: a\n", **management})
    assert answer.status_code == 200
    assert "line 4: steps[0].kei: unknown field" in answer.content.decode()
    assert workflow.versions.count() == 1


def test_a_workflow_is_added_as_text(project: Project, admin: Client) -> None:
    url = reverse("admin:workflows_workflow_add")
    source = "name: New\nslug: new\nsteps: [{key: a, command: do.it}]\n"
    assert admin.post(url, {"project": str(project.pk), "source": source}).status_code == 302
    added = Workflow.objects.get(slug="new")
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


def test_who_may_only_look_cannot_start(workflow: Workflow) -> None:
    client = Client()
    client.force_login(User.objects.create_user("looker", password="x", is_staff=True))
    assert client.get(reverse("admin:workflows_workflow_start", args=[workflow.pk])).status_code == 403
