"""Schedules and triggers in the admin, saved through their verbs so that every screen hears of it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.agents.admin import badge
from apps.errors import Conflict, InvalidInput
from apps.workflows import cron, schedules, triggers
from apps.workflows.models import Schedule, ScheduleTick, Trigger

OUTCOMES = {"started": "completed", "missed": "timed_out", "refused": "failed"}


class VerbForm(forms.ModelForm[Any]):
    """Asks the verb's own check, so that what is wrong stands beside its field."""

    verbs: ModuleType  # where EDITABLE and check are

    def clean_input(self) -> dict[str, Any]:
        value = self.cleaned_data["input"]
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise forms.ValidationError("Must be a JSON object.")
        return value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        workflow = cleaned.get("workflow") or (self.instance.workflow if self.instance.workflow_id else None)
        if workflow is None or self.errors:
            return cleaned
        given = {name: cleaned[name] for name in self.verbs.EDITABLE if name in cleaned}
        try:
            self.verbs.check(self.instance, workflow, given)
        except InvalidInput as error:
            for name, said in error.errors.items():
                field = name.split(".")[0].split("[")[0]
                self.add_error(field if field in self.fields else None, f"{name}: {' '.join(said)}")
        except Conflict as error:
            self.add_error(None, str(error))
        return cleaned


class ScheduleForm(VerbForm):
    verbs = schedules
    input = forms.JSONField(required=False, initial=dict, help_text="Must fit the workflow's input schema")

    class Meta:
        model = Schedule
        fields = ("workflow", *schedules.EDITABLE)


class TriggerForm(VerbForm):
    verbs = triggers
    input = forms.JSONField(required=False, initial=dict, help_text="Texts may hold ${{ CEL }}")

    class Meta:
        model = Trigger
        fields = ("workflow", *triggers.EDITABLE)


class TickInline(admin.TabularInline[ScheduleTick, Schedule]):
    model = ScheduleTick
    fields = readonly_fields = ("scheduled_for", "result", "run", "detail", "at")
    ordering = ("-scheduled_for",)
    extra = 0
    max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduleTick]:
        match = request.resolver_match
        mine = ScheduleTick.objects.filter(schedule=match.kwargs["object_id"] if match else None)
        newest = mine.order_by("-scheduled_for").values("pk")
        shown = super().get_queryset(request).select_related("run")
        return shown.filter(pk__in=newest[:500])

    @admin.display(description="outcome")
    def result(self, tick: ScheduleTick) -> SafeString:
        return badge(OUTCOMES.get(tick.outcome, "queued"), tick.outcome)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin[Schedule]):
    form = ScheduleForm
    list_display = ("name", "workflow", "enabled", "cron", "time_zone", "next_at", "last_at", "last_problem")
    list_filter = ("enabled", "project", ("workflow", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("workflow",)
    search_fields = ("name", "workflow__name")
    readonly_fields = ("said", "next_at", "last_at", "last_problem", "created_by", "created_at")
    inlines = (TickInline,)
    actions = ("enable", "disable", "run_now")

    @admin.display(description="in words")
    def said(self, schedule: Schedule) -> str:
        try:
            return cron.describe(schedule.cron)
        except cron.CronError as error:
            return str(error)

    def get_fields(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        return (*ScheduleForm.Meta.fields, *(() if obj is None else self.readonly_fields))

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        return () if obj is None else ("workflow", *self.readonly_fields)

    def get_inlines(self, request: HttpRequest, obj: Schedule | None) -> Any:
        return self.inlines if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        by = request.user.get_username()
        given = {name: form.cleaned_data[name] for name in schedules.EDITABLE}
        if change:
            schedules.change_schedule(Schedule.objects.get(pk=obj.pk), given, by=by)
        else:
            obj.pk = schedules.create_schedule(obj.workflow, given, by=by).pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        schedules.delete_schedule(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        for schedule in queryset:
            schedules.delete_schedule(schedule)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, found: QuerySet[Schedule]) -> None:
        self._set(request, found, True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, found: QuerySet[Schedule]) -> None:
        self._set(request, found, False)

    @admin.action(description="Run now", permissions=["change"])
    def run_now(self, request: HttpRequest, found: QuerySet[Schedule]) -> None:
        for schedule in found.select_related("workflow"):
            try:
                run = schedules.run_now(schedule, by=request.user.get_username())
                self.message_user(request, f"{run} started.", messages.SUCCESS)
            except (InvalidInput, Conflict) as error:
                self.message_user(request, f"{schedule}: {error}", messages.WARNING)

    def _set(self, request: HttpRequest, found: QuerySet[Schedule], enabled: bool) -> None:
        for schedule in found:
            try:
                schedules.change_schedule(schedule, {"enabled": enabled}, by=request.user.get_username())
            except InvalidInput as error:
                self.message_user(request, f"{schedule}: {error}", messages.WARNING)


@admin.register(Trigger)
class TriggerAdmin(admin.ModelAdmin[Trigger]):
    form = TriggerForm
    list_display = ("name", "workflow", "enabled", "last_at", "last_result", "created_by")
    list_filter = ("enabled", "project", ("workflow", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("workflow",)
    search_fields = ("name", "workflow__name")
    readonly_fields = (
        "address",
        "secret_version",
        "old_secret_until",
        "last_at",
        "last_result",
        "created_by",
        "created_at",
    )
    actions = ("new_secret",)

    @admin.display
    def address(self, trigger: Trigger) -> SafeString:
        return format_html("<code>/api/v1/hooks/{}/</code>", trigger.pk)

    def get_fields(self, request: HttpRequest, obj: Trigger | None = None) -> Any:
        return (*TriggerForm.Meta.fields, *(() if obj is None else self.readonly_fields))

    def get_readonly_fields(self, request: HttpRequest, obj: Trigger | None = None) -> Any:
        return () if obj is None else ("workflow", *self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Trigger, form: Any, change: bool) -> None:
        by = request.user.get_username()
        given = {name: form.cleaned_data[name] for name in triggers.EDITABLE}
        if change:
            triggers.change_trigger(Trigger.objects.get(pk=obj.pk), given, by=by)
        else:
            made = triggers.create_trigger(obj.workflow, given, by=by)
            obj.pk = made.pk
            self._tell(request, made)
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Trigger) -> None:
        triggers.delete_trigger(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        for trigger in queryset:
            triggers.delete_trigger(trigger)

    @admin.action(description="New secret", permissions=["change"])
    def new_secret(self, request: HttpRequest, found: QuerySet[Trigger]) -> None:
        for trigger in found:
            self._tell(request, triggers.rotate_secret(trigger))

    def _tell(self, request: HttpRequest, trigger: Trigger) -> None:
        said = format_html(
            "The secret of {}, shown this once: <code>{}</code>", trigger.name, triggers.secret_of(trigger)
        )
        self.message_user(request, said, messages.SUCCESS)
