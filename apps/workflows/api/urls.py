"""Paths of workflows and runs, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.workflows.api import (
    approvals,
    bulk,
    control,
    definitions,
    project,
    schedules,
    steps,
    triggers,
    views,
)

urlpatterns: list[URLPattern] = [
    path("workflows/", definitions.WorkflowsView.as_view()),
    path("workflows/schema/", definitions.WorkflowSchemaView.as_view()),
    path("workflows/validation/", definitions.ValidationView.as_view()),
    path("workflows/<slug:slug>/", views.WorkflowView.as_view()),
    path("workflows/<slug:slug>/runs/", views.WorkflowRunsView.as_view()),
    path("workflows/<slug:slug>/versions/", definitions.VersionsView.as_view()),
    path("workflows/<slug:slug>/versions/<int:number>/", definitions.VersionView.as_view()),
    path("workflows/<slug:slug>/versions/<int:number>/diff/", definitions.VersionDiffView.as_view()),
    path("workflows/<slug:slug>/versions/<int:number>/current/", definitions.CurrentVersionView.as_view()),
    path("workflows/<slug:slug>/pause/", control.WorkflowPauseView.as_view()),
    path("pause/", control.ProjectPauseView.as_view()),
    path("project/", project.ProjectView.as_view()),
    path("runs/", views.RunsView.as_view()),
    path("runs/cancellations/", bulk.RunCancellationsView.as_view()),
    path("runs/pauses/", bulk.RunPausesView.as_view()),
    path("runs/resumes/", bulk.RunResumesView.as_view()),
    path("runs/retries/", bulk.RunRetriesView.as_view()),
    path("runs/reruns/", bulk.RunRerunsView.as_view()),
    path("runs/priorities/", bulk.RunPrioritiesView.as_view()),
    path("runs/<uuid:run_id>/", views.RunView.as_view()),
    path("runs/<uuid:run_id>/steps/", steps.RunStepsView.as_view()),
    path("runs/<uuid:run_id>/steps/<str:key>/", steps.RunStepView.as_view()),
    path("runs/<uuid:run_id>/cancellation/", views.RunCancellationView.as_view()),
    path("runs/<uuid:run_id>/pause/", control.RunPauseView.as_view()),
    path("runs/<uuid:run_id>/priority/", control.RunPriorityView.as_view()),
    path("runs/<uuid:run_id>/retry/", control.RunRetryView.as_view()),
    path("runs/<uuid:run_id>/rerun/", control.RunRerunView.as_view()),
    path("approvals/", approvals.ApprovalsView.as_view()),
    path("approvals/<uuid:approval_id>/", approvals.ApprovalView.as_view()),
    path("approvals/<uuid:approval_id>/decision/", approvals.ApprovalDecisionView.as_view()),
    path(
        "approvals/<uuid:approval_id>/notices/<uuid:notice_id>/delivery/",
        approvals.NoticeDeliveryView.as_view(),
    ),
    path("schedules/", schedules.SchedulesView.as_view()),
    path("schedules/preview/", schedules.SchedulePreviewView.as_view()),
    path("schedules/<uuid:schedule_id>/", schedules.ScheduleView.as_view()),
    path("schedules/<uuid:schedule_id>/run/", schedules.ScheduleRunView.as_view()),
    path("schedules/<uuid:schedule_id>/runs/", schedules.ScheduleRunsView.as_view()),
    path("triggers/", triggers.TriggersView.as_view()),
    path("triggers/<uuid:trigger_id>/", triggers.TriggerView.as_view()),
    path("triggers/<uuid:trigger_id>/secret/", triggers.TriggerSecretView.as_view()),
    path("hooks/<uuid:trigger_id>/", triggers.HookView.as_view()),
]
