"""Paths of monitoring under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from apps.monitoring.api import views, webhooks
from apps.monitoring.dashboard import views as dashboard

urlpatterns = [
    path("monitoring/dashboard/stats/", dashboard.StatsView.as_view()),
    path("monitoring/dashboard/agents/", dashboard.AgentsView.as_view()),
    path("monitoring/dashboard/workflows/", dashboard.WorkflowsView.as_view()),
    path("monitoring/dashboard/snapshot/", dashboard.SnapshotView.as_view()),
    path("monitoring/dashboard/health/", dashboard.HealthView.as_view()),
    path("monitoring/metrics/", views.MetricsView.as_view()),
    path("monitoring/attention/", views.AttentionView.as_view()),
    path("monitoring/alerts/", views.AlertsView.as_view()),
    path("monitoring/alerts/<uuid:alert_id>/acknowledgement/", views.AcknowledgementView.as_view()),
    path("events/", views.EventsView.as_view()),
    path("webhooks/", webhooks.WebhooksView.as_view()),
    path("webhooks/kinds/", webhooks.WebhookKindsView.as_view()),
    path("webhooks/<uuid:webhook_id>/", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:webhook_id>/secret/", webhooks.WebhookSecretView.as_view()),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.WebhookTestView.as_view()),
    path("webhooks/<uuid:webhook_id>/resend/", webhooks.WebhookResendView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/", webhooks.WebhookDeliveriesView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/", webhooks.WebhookDeliveryView.as_view()),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend/",
        webhooks.DeliveryResendView.as_view(),
    ),
]
