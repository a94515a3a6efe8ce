"""Agents, commands and command runs in the admin: what to look at, and the verbs that are safe."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.agents import credentials, endpoints, lease, services
from apps.agents.models import (
    Agent,
    Command,
    CommandRun,
    CommandRunAttempt,
    CommandRunData,
    Connector,
    Worker,
)
from apps.errors import Conflict, InvalidInput
from apps.events import journal


class ReadOnly(admin.ModelAdmin[Any]):
    """Rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def badge(status: str, label: str) -> SafeString:
    """A status as a word with a mark; the mark's colour comes from the admin's style sheet."""
    return format_html('<span class="mc-status" data-status="{}">{}</span>', status, label)


class AgentForm(forms.ModelForm[Agent]):
    """An agent that is reached at an endpoint needs one that may be called."""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("connector") == Connector.HTTP:
            try:
                endpoints.check(given.get("endpoint") or "")
            except InvalidInput as error:
                self.add_error("endpoint", list(error.errors["endpoint"]))
        return given


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin[Agent]):
    list_display = ("name", "type", "state", "current_task", "connector", "last_active", "project")
    list_filter = ("status", "connector", "type", "project")
    search_fields = ("name", "slug", "description")
    list_select_related = ("project",)
    readonly_fields = (
        "state", "status_reason", "current_task", "last_error", "last_active", "heartbeat_at", "created_at",
    )  # fmt: skip
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("project", "name", "slug", "type", "description")}),
        (
            "Work",
            {"fields": ("capabilities", "connector", "endpoint", "model", "max_parallel", "instructions")},
        ),
        ("Now", {"fields": readonly_fields}),
    )
    form = AgentForm
    actions = ("pause", "resume", "rotate_secret")

    @admin.display(description="status", ordering="status")
    def state(self, agent: Agent) -> SafeString:
        return badge(agent.status, agent.get_status_display())

    @admin.action(description="Pause: give no new work")
    def pause(self, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        for agent in agents:
            services.pause_agent(agent)
        self.message_user(request, f"{len(agents)} agents paused.")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        for agent in agents:
            services.resume_agent(agent)
        self.message_user(request, f"{len(agents)} agents resumed.")

    @admin.action(description="New secret for calls to the endpoint", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        for agent in agents:
            try:
                self._show_secret(request, endpoints.rotate_secret(agent))
            except Conflict as error:
                self.message_user(request, f"{agent}: {error}", messages.ERROR)

    def _show_secret(self, request: HttpRequest, agent: Agent) -> None:
        secret = credentials.secret_of(agent.pk, agent.secret_version)
        self.message_user(request, f"{agent}: calls are signed with {secret} (shown this once).")

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        services.save_agent(obj)
        if obj.connector == Connector.HTTP and not change:
            self._show_secret(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        # An agent with history is protected by its command runs; pausing keeps the history.
        return obj is None or not CommandRun.objects.filter(agent=obj).exists()

    def delete_model(self, request: HttpRequest, obj: Agent) -> None:
        services.remove_agent(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in queryset:
            try:
                services.remove_agent(agent)
            except Conflict as error:
                self.message_user(request, f"{agent}: {error}", messages.ERROR)


@admin.register(Command)
class CommandAdmin(admin.ModelAdmin[Command]):
    list_display = ("name", "title", "capability", "timeout_seconds", "max_attempts", "project")
    list_filter = ("capability", "project")
    search_fields = ("name", "title", "description")
    list_select_related = ("project",)
    fieldsets = (
        (None, {"fields": ("project", "name", "title", "description", "capability")}),
        ("Input and prompt", {"fields": ("parameters", "prompt", "offline")}),
        ("Limits", {"fields": ("timeout_seconds", "max_attempts")}),
    )

    def save_model(self, request: HttpRequest, obj: Command, form: Any, change: bool) -> None:
        with journal.changes(obj.project_id) as journalled:
            obj.save()
            services.announce_catalogue(journalled)

    def has_delete_permission(self, request: HttpRequest, obj: Command | None = None) -> bool:
        return obj is None or not obj.runs.exists()

    def delete_model(self, request: HttpRequest, obj: Command) -> None:
        with journal.changes(obj.project_id) as journalled:
            obj.delete()
            services.announce_catalogue(journalled)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Command]) -> None:
        for command in queryset:
            self.delete_model(request, command)


class AttemptInline(admin.TabularInline[CommandRunAttempt, CommandRun]):
    model = CommandRunAttempt
    fields = ("number", "worker", "started_at", "ended_at", "outcome", "error")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DataInline(admin.StackedInline[CommandRunData, CommandRun]):
    model = CommandRunData
    fields = ("input", "output", "error")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CommandRun)
class CommandRunAdmin(ReadOnly):
    list_display = ("title", "state", "agent", "progress", "attempt", "queued_at", "finished_at")
    list_filter = ("status", "demo", "project", ("agent", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "title", "command__name")
    list_select_related = ("agent", "project")
    date_hierarchy = "queued_at"
    show_full_result_count = False
    inlines = (DataInline, AttemptInline)
    actions = ("cancel",)

    @admin.display(description="status", ordering="status")
    def state(self, run: CommandRun) -> SafeString:
        return badge(run.status, run.get_status_display())

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("agents.change_commandrun")

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, runs: QuerySet[CommandRun]) -> None:
        done = 0
        for run in runs:
            try:
                lease.cancel(run.pk)
                done += 1
            except Conflict as error:
                self.message_user(request, f"{run}: {error}", messages.WARNING)
        self.message_user(request, f"{done} command runs cancelled or told to stop.")


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    list_display = ("name", "slots", "started_at", "heartbeat_at", "stopping")
