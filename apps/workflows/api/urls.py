"""Paths of workflows and runs, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.workflows.api import views

urlpatterns: list[URLPattern] = [
    path("workflows/", views.WorkflowsView.as_view()),
    path("workflows/<slug:slug>/", views.WorkflowView.as_view()),
    path("workflows/<slug:slug>/runs/", views.WorkflowRunsView.as_view()),
    path("runs/", views.RunsView.as_view()),
    path("runs/<uuid:run_id>/", views.RunView.as_view()),
    path("runs/<uuid:run_id>/cancellation/", views.RunCancellationView.as_view()),
]
