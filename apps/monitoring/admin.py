"""Alerts in the admin site, to read; their verbs are elsewhere."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from apps.monitoring.models import Alert


@admin.register(Alert)
class AlertAdmin(admin.ModelAdmin[Alert]):
    list_display = ("message", "level", "rule", "state", "count", "opened_at", "project")
    list_filter = ("state", "level", "rule", "project")
    search_fields = ("message",)
    date_hierarchy = "opened_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False
