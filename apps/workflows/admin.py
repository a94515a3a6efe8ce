"""Workflows, their versions and runs in the admin: read everything, save a definition as a new
version, start and cancel runs."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.models import Project
from apps.agents.admin import ReadOnly, badge
from apps.errors import Conflict, Forbidden, InvalidInput
from apps.workflows import (
    admin_starts,  # noqa: F401  (registers schedules and triggers)
    approvals,
    control,
    inputs,
    services,
)
from apps.workflows import document as documents
from apps.workflows.admin_verbs import RunActionForm, on_each, prioritise_each
from apps.workflows.advance import document_of
from apps.workflows.document import DocumentError
from apps.workflows.models import (
    Approval,
    ApprovalDecision,
    Notice,
    Run,
    RunData,
    Step,
    Workflow,
    WorkflowVersion,
)

CODE = {"rows": 32, "cols": 100, "spellcheck": "false", "style": "font-family: monospace"}


class DefinitionForm(forms.ModelForm[Workflow]):
    """A workflow as its text; what is wrong is said by line."""

    source = forms.CharField(
        label="Definition",
        widget=forms.Textarea(attrs=CODE),
        help_text="YAML or JSON. Saving makes a new version; runs that have begun keep theirs.",
        strip=False,
        max_length=600_000,
    )

    class Meta:
        model = Workflow
        fields = ("project",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.current is not None:
            self.fields["source"].initial = self.instance.current.source

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        project = cleaned.get("project") or (None if self.instance._state.adding else self.instance.project)
        source = cleaned.get("source")
        if isinstance(project, Project) and source:
            self._check(project, source)
        return cleaned

    def _check(self, project: Project, source: str) -> None:
        try:
            document = documents.parse(source)
            services.check_catalogue(project, document, source)
        except DocumentError as error:
            for problem in error.problems:
                self.add_error("source", str(problem))
            return
        if self.instance.slug and document.slug != self.instance.slug:
            self.add_error("source", f"slug: stays {self.instance.slug!r}; add a workflow for another slug")
        elif not self.instance.slug and Workflow.objects.filter(project=project, slug=document.slug).exists():
            self.add_error("source", f"slug: there already is a workflow {document.slug!r}; change that one")


class StartForm(forms.Form):
    input = forms.JSONField(
        widget=forms.Textarea(attrs={**CODE, "rows": 14}),
        required=False,
        help_text="A JSON object that fits the schema below.",
    )

    def clean_input(self) -> dict[str, Any]:
        value = self.cleaned_data["input"]
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise forms.ValidationError("Must be a JSON object.")
        return value


class VersionInline(admin.TabularInline[WorkflowVersion, Workflow]):
    model = WorkflowVersion
    fk_name = "workflow"
    fields = readonly_fields = ("number", "created_at", "created_by", "checksum")
    ordering = ("-number",)
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Workflow)
class WorkflowAdmin(admin.ModelAdmin[Workflow]):
    form = DefinitionForm
    list_display = ("name", "slug", "version", "run_count", "completed_count", "failed_count", "project")
    list_filter = ("project",)
    search_fields = ("name", "slug", "description")
    list_select_related = ("project", "current")
    inlines = (VersionInline,)
    actions = ("pause", "resume")
    change_form_template = "admin/workflows/workflow/change_form.html"

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, workflows: QuerySet[Workflow]) -> None:
        for workflow in workflows:
            control.pause_workflow(workflow, by=request.user.get_username())
            self.message_user(request, f"{workflow} is paused.", messages.SUCCESS)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, workflows: QuerySet[Workflow]) -> None:
        for workflow in workflows:
            control.resume_workflow(workflow, by=request.user.get_username())
            self.message_user(request, f"{workflow} goes on.", messages.SUCCESS)

    @admin.display(description="version", ordering="current__number")
    def version(self, workflow: Workflow) -> str:
        return f"v{workflow.current.number}" if workflow.current else ""

    def get_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        return ("project", "source") if obj is None else ("name", "description", "project", "source")

    def get_readonly_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        return () if obj is None else ("name", "description", "project")

    def get_inlines(self, request: HttpRequest, obj: Workflow | None) -> Any:
        return self.inlines if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Workflow, form: Any, change: bool) -> None:
        by = request.user.get_username()
        applied = services.apply_definition(obj.project, form.cleaned_data["source"], by=by)
        obj.pk = applied.workflow.pk
        obj.refresh_from_db()
        if not applied.is_new_version:
            self.message_user(request, "Nothing in it changed: no new version was made.", messages.INFO)

    def has_delete_permission(self, request: HttpRequest, obj: Workflow | None = None) -> bool:
        # A workflow with runs is part of their history.
        return obj is not None and not obj.runs.exists() and super().has_delete_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(self.start_view)
        return [
            path("<uuid:workflow_id>/start/", start, name="workflows_workflow_start"),
            *super().get_urls(),
        ]

    def start_view(self, request: HttpRequest, workflow_id: UUID) -> HttpResponseBase:
        """A page that starts a run with an input typed as JSON."""
        if not request.user.has_perm("workflows.add_run"):
            raise PermissionDenied
        workflow = get_object_or_404(Workflow.objects.select_related("current"), pk=workflow_id)
        form = StartForm(request.POST or None, initial={"input": self._example(workflow)})
        if request.method == "POST" and form.is_valid():
            answer = self._start(request, workflow, form)
            if answer is not None:
                return answer
        schema = document_of(workflow.current).input if workflow.current else {}
        context = {
            **self.admin_site.each_context(request),
            "title": f"Start {workflow.name}",
            "workflow": workflow,
            "form": form,
            "opts": self.opts,
            "schema": json.dumps(schema, indent=2, ensure_ascii=False),
        }
        return TemplateResponse(request, "admin/workflows/workflow/start.html", context)

    def _start(self, request: HttpRequest, workflow: Workflow, form: StartForm) -> HttpResponse | None:
        by = request.user.get_username()
        try:
            run, _ = services.start_run(workflow, form.cleaned_data["input"], by=by)
        except InvalidInput as error:
            for name, said in error.errors.items():
                form.add_error("input", f"{name}: {' '.join(said)}")
        except Conflict as error:
            form.add_error(None, str(error))
        else:
            self.message_user(request, f"{run} started.", messages.SUCCESS)
            return redirect(reverse("admin:workflows_run_change", args=[run.pk]))
        return None

    def _example(self, workflow: Workflow) -> dict[str, Any]:
        schema = document_of(workflow.current).input if workflow.current else {}
        value = inputs.with_defaults(schema, {})
        for name, part in schema.get("properties", {}).items():
            if name not in value and isinstance(part, dict) and part.get("examples"):
                value[name] = part["examples"][0]
        return value


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnly):
    list_display = ("workflow", "number", "created_at", "created_by")
    list_filter = (("workflow", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("workflow",)
    search_fields = ("workflow__name", "workflow__slug", "checksum")
    fields = ("workflow", "number", "created_at", "created_by", "checksum", "definition")

    @admin.display
    def definition(self, version: WorkflowVersion) -> SafeString:
        return format_html("<pre>{}</pre>", version.source)


class RunDataInline(admin.StackedInline[RunData, Run]):
    model = RunData
    fields = readonly_fields = ("input_text", "output_text")
    can_delete = False

    @admin.display(description="input")
    def input_text(self, data: RunData) -> SafeString:
        return pretty(data.input)

    @admin.display(description="output")
    def output_text(self, data: RunData) -> SafeString:
        return pretty(data.output)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StepInline(admin.TabularInline[Step, Run]):
    model = Step
    fields = readonly_fields = (
        *("index", "name", "state", "agent_name", "attempt", "reason"),
        *("started_at", "completed_at", "result"),
    )
    ordering = ("index",)
    extra = 0
    can_delete = False

    @admin.display(description="status")
    def state(self, step: Step) -> SafeString:
        return badge(step.status, step.get_status_display())

    @admin.display(description="why")
    def reason(self, step: Step) -> str:
        return step.error or step.wait_reason

    @admin.display(description="output")
    def result(self, step: Step) -> SafeString | str:
        return pretty(step.output) if step.output is not None else ""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = (
        "label",
        "state",
        "bar",
        "priority",
        "workflow",
        "requested_by",
        "created_at",
        "completed_at",
    )
    list_filter = ("status", ("workflow", admin.RelatedOnlyFieldListFilter), "project")
    search_fields = ("id", "name", "requested_by")
    list_select_related = ("workflow", "project")
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (RunDataInline, StepInline)
    action_form = RunActionForm
    actions = ("pause", "resume", "retry", "rerun", "prioritise", "cancel")
    fieldsets = (
        (None, {"fields": ("label", "state", "status_reason", "bar", "priority", "cancel_requested")}),
        ("What", {"fields": ("project", "workflow", "version", "requested_by", "idempotency_key")}),
        ("When", {"fields": ("created_at", "started_at", "completed_at", "deadline_at")}),
    )

    @admin.display(description="run", ordering="-created_at")
    def label(self, run: Run) -> str:
        return str(run)

    @admin.display(description="status", ordering="status")
    def state(self, run: Run) -> SafeString:
        return badge(run.status, run.get_status_display())

    @admin.display(description="progress", ordering="progress")
    def bar(self, run: Run) -> SafeString:
        return format_html(
            '<progress max="100" value="{}"></progress> {} % (step {} of {})',
            *(run.progress, run.progress, run.current_step, run.total_steps),
        )

    def has_control_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workflows.change_run")

    @admin.action(description="Cancel", permissions=["control"])
    def cancel(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        on_each(self, request, runs, services.cancel_run, "cancelled")

    @admin.action(description="Pause", permissions=["control"])
    def pause(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        on_each(self, request, runs, control.pause_run, "paused")

    @admin.action(description="Resume", permissions=["control"])
    def resume(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        on_each(self, request, runs, control.resume_run, "resumed")

    @admin.action(description="Retry what failed", permissions=["control"])
    def retry(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        on_each(self, request, runs, control.retry_run, "retried")

    @admin.action(description="Run again", permissions=["control"])
    def rerun(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        on_each(self, request, runs, control.rerun, "started again")

    @admin.action(description="Set priority", permissions=["control"])
    def prioritise(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        prioritise_each(self, request, runs)


class DecisionInline(admin.TabularInline[ApprovalDecision, Approval]):
    model = ApprovalDecision
    fields = readonly_fields = ("by", "approved", "option", "comment", "at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NoticeInline(admin.TabularInline[Notice, Approval]):
    model = Notice
    fields = readonly_fields = ("kind", "target", "state", "attempts", "error", "next_at", "sent_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Approval)
class ApprovalAdmin(ReadOnly):
    list_display = (
        "title", "status", "asker", "requested_by", "created_at", "expires_at", "decided_at",
    )  # fmt: skip
    list_filter = ("state", "project")
    search_fields = ("title", "run__name", "agent_name", "requested_by")
    list_select_related = ("run",)
    fields = (
        "title",
        "details",
        "options",
        "status",
        "run",
        "agent_name",
        "min_approvals",
        "allow_requester",
        *list_display[3:],
        "escalated_at",
    )
    inlines = (DecisionInline, NoticeInline)
    actions = ("approve", "reject")

    @admin.display(description="state", ordering="state")
    def status(self, approval: Approval) -> SafeString:
        return badge(approval.state, approval.get_state_display())

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workflows.change_approval")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, asked: QuerySet[Approval]) -> None:
        self._decide(request, asked, approved=True)

    @admin.action(description="Reject", permissions=["decide"])
    def reject(self, request: HttpRequest, asked: QuerySet[Approval]) -> None:
        self._decide(request, asked, approved=False)

    def _decide(self, request: HttpRequest, asked: QuerySet[Approval], *, approved: bool) -> None:
        for approval in asked.select_related("run__version", "step"):
            try:
                approvals.decide(approval, approved=approved, by=request.user.get_username())
                self.message_user(request, f"{approval.title}: decided.", messages.SUCCESS)
            except (Conflict, Forbidden, InvalidInput) as error:
                self.message_user(request, f"{approval.title}: {error}", messages.WARNING)


def pretty(value: Any) -> SafeString:
    """A JSON value as text, at most 20,000 characters of it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html("<pre>{}</pre>", text if len(text) <= 20_000 else text[:20_000] + "…")
