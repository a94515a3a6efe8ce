"""Alerts and webhooks in the admin site, mostly to read: webhooks are made where their secret is shown."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.errors import Conflict, InvalidInput, NotFound
from apps.monitoring.models import Alert, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import endpoints


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


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(admin.ModelAdmin[WebhookEndpoint]):
    list_display = ("name", "project", "enabled", "failing_since", "last_success_at", "disabled_reason")
    list_filter = ("enabled", "project")
    search_fields = ("name", "url")
    actions = ("enable", "disable", "send_dead_again")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        return [field.name for field in WebhookEndpoint._meta.fields]

    def has_delete_permission(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> bool:
        return False  # its deliveries go along, which may be very many: the screen does it

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, found: QuerySet[WebhookEndpoint]) -> None:
        self._set(request, found, True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, found: QuerySet[WebhookEndpoint]) -> None:
        self._set(request, found, False)

    @admin.action(description="Send dead deliveries again", permissions=["change"])
    def send_dead_again(self, request: HttpRequest, found: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in found:
            try:
                count = endpoints.resend_dead(endpoint)
                self.message_user(request, f"{endpoint}: {count} are sent again.", messages.SUCCESS)
            except (Conflict, NotFound) as error:
                self.message_user(request, f"{endpoint}: {error}", messages.WARNING)

    def _set(self, request: HttpRequest, found: QuerySet[WebhookEndpoint], enabled: bool) -> None:
        for endpoint in found:
            try:
                endpoints.change_endpoint(endpoint, {"enabled": enabled})
            except (InvalidInput, NotFound) as error:
                self.message_user(request, f"{endpoint}: {error}", messages.WARNING)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(admin.ModelAdmin[WebhookDelivery]):
    list_display = ("type", "subject", "endpoint", "state", "attempts", "last_status", "created_at")
    list_filter = ("state", "type", "project")
    list_select_related = ("endpoint",)
    search_fields = ("subject", "event_id")
    date_hierarchy = "created_at"
    actions = ("send_again",)
    fields = readonly_fields = (
        *("type", "subject", "event_id", "endpoint", "state", "attempts", "next_at", "created_at", "sent_at"),
        *("last_status", "last_ms", "error", "last_answer", "said"),
    )

    @admin.display(description="body")
    def said(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(delivery.body, indent=2, ensure_ascii=False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> bool:
        return False

    @admin.action(description="Send again", permissions=["change"])
    def send_again(self, request: HttpRequest, found: QuerySet[WebhookDelivery]) -> None:
        for delivery in found.select_related("endpoint"):
            try:
                endpoints.resend(delivery.endpoint, delivery.pk)
                self.message_user(request, f"{delivery}: is sent again.", messages.SUCCESS)
            except (Conflict, NotFound) as error:
                self.message_user(request, f"{delivery}: {error}", messages.WARNING)
