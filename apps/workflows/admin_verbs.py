"""Verbs on many rows in the admin, and the project's page with its pause and its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.admin import ProjectAdmin
from apps.accounts.models import Project
from apps.agents import holds
from apps.agents.priorities import HIGHEST, LOWEST
from apps.errors import DomainError
from apps.workflows import control, limits
from apps.workflows.models import Run


class RunActionForm(ActionForm):
    """The choice of an action, with the number that one of them needs."""

    # Text, because the action itself says what is wrong with it; the admin would say nothing.
    priority = forms.CharField(
        required=False,
        widget=forms.NumberInput(attrs={"min": LOWEST, "max": HIGHEST}),
        label="Priority (for “Set priority”)",
    )


def on_each(
    page: admin.ModelAdmin[Run],
    request: HttpRequest,
    runs: QuerySet[Run],
    verb: Callable[..., object],
    done: str,
) -> None:
    """Do the verb on every run, say which refused it and how many it was done on."""
    count = 0
    for run in runs.select_related("workflow"):
        try:
            verb(run, by=request.user.get_username())
            count += 1
        except DomainError as error:
            page.message_user(request, f"{run}: {error}", messages.WARNING)
    if count:
        page.message_user(request, f"{count} runs {done}.", messages.SUCCESS)


def prioritise_each(page: admin.ModelAdmin[Run], request: HttpRequest, runs: QuerySet[Run]) -> None:
    """Give every run the priority that was typed beside the action."""
    try:
        number = forms.IntegerField(min_value=LOWEST, max_value=HIGHEST)
        priority = number.clean(request.POST.get("priority", ""))
    except ValidationError:
        said = f"Type a priority from {LOWEST} to {HIGHEST} beside the action; nothing was changed."
        page.message_user(request, said, messages.ERROR)
        return

    def prioritise(run: Run, *, by: str) -> object:
        return control.prioritise_run(run, priority, by=by)

    on_each(page, request, runs, prioritise, f"have priority {priority}")


admin.site.unregister(Project)


@admin.register(Project)
class ControlledProjectAdmin(ProjectAdmin):
    actions = ("pause", "resume")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), "paused", "max_runs", "max_command_runs"]

    @admin.display(boolean=True)
    def paused(self, project: Project) -> bool:
        return holds.of(project.pk) is not None

    @admin.action(description="Pause: dispatch nothing", permissions=["change"])
    def pause(self, request: HttpRequest, projects: QuerySet[Project]) -> None:
        for project in projects:
            control.pause_project(project.pk, by=request.user.get_username())
            self.message_user(request, f"{project} is paused.", messages.SUCCESS)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, projects: QuerySet[Project]) -> None:
        for project in projects:
            control.resume_project(project.pk, by=request.user.get_username())
            self.message_user(request, f"{project} goes on.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        asked = {name: getattr(obj, name) for name in ("max_runs", "max_command_runs")}
        if change:  # limits are changed by their own verb, which starts what may start now
            before = Project.objects.get(pk=obj.pk)
            obj.max_runs, obj.max_command_runs = before.max_runs, before.max_command_runs
        super().save_model(request, obj, form, change)
        if change:
            limits.change_limits(obj.pk, asked, by=request.user.get_username())
