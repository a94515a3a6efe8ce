"""Paths of agents, commands and command runs, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.agents.api import (
    agents,
    bulk,
    command_runs,
    endpoints,
    giving_back,
    lines,
    pull,
    telemetry,
    updates,
)

urlpatterns: list[URLPattern] = [
    path("agents/", agents.AgentsView.as_view()),
    path("agents/updates/", updates.UpdatesView.as_view()),
    path("agents/register/", pull.RegisterView.as_view()),
    path("agents/<uuid:agent_id>/", agents.AgentView.as_view()),
    path("agents/<uuid:agent_id>/pause/", agents.AgentPauseView.as_view()),
    path("agents/<uuid:agent_id>/secret/", endpoints.AgentSecretView.as_view()),
    path("agents/<uuid:agent_id>/test/", endpoints.AgentTestView.as_view()),
    path("agents/<uuid:agent_id>/command-runs/", agents.AgentCommandRunsView.as_view()),
    path("agents/<uuid:agent_id>/heartbeat/", pull.HeartbeatView.as_view()),
    path("agents/<uuid:agent_id>/claims/", pull.ClaimView.as_view()),
    path("agents/<uuid:agent_id>/activities/", telemetry.AgentActivitiesView.as_view()),
    path("activities/<str:trace_id>/<str:span_id>/", telemetry.ActivityView.as_view()),
    path("spans/", telemetry.SpansView.as_view()),
    path("spans/<int:span_id>/", telemetry.SpanView.as_view()),
    path("sessions/", telemetry.SessionsView.as_view()),
    path("sessions/<path:session>/", telemetry.SessionView.as_view()),
    path("commands/", agents.CommandsView.as_view()),
    path("commands/<str:name>/", agents.CommandView.as_view()),
    path("command-runs/", command_runs.CommandRunsView.as_view()),
    path("command-runs/cancellations/", bulk.CommandRunCancellationsView.as_view()),
    path("command-runs/<uuid:command_run_id>/", command_runs.CommandRunView.as_view()),
    path(
        "command-runs/<uuid:command_run_id>/cancellation/", command_runs.CommandRunCancellationView.as_view()
    ),
    path("command-runs/<uuid:command_run_id>/priority/", bulk.CommandRunPriorityView.as_view()),
    path("command-runs/<uuid:command_run_id>/logs/", lines.CommandRunLogsView.as_view()),
    path(
        "command-runs/<uuid:command_run_id>/acknowledgement/",
        command_runs.CommandRunAcknowledgementView.as_view(),
    ),
    path("command-runs/<uuid:command_run_id>/progress/", command_runs.CommandRunProgressView.as_view()),
    path("command-runs/<uuid:command_run_id>/return/", giving_back.CommandRunReturnView.as_view()),
    path("command-runs/<uuid:command_run_id>/result/", command_runs.CommandRunResultView.as_view()),
]
