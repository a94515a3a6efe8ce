"""What is read of workflows and runs, ready for the API: a fixed number of queries for any page."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery

from apps.agents.models import CommandRun, Hold
from apps.workflows import totals
from apps.workflows.advance import document_of
from apps.workflows.document import Document
from apps.workflows.models import (
    RUN_OPEN,
    Approval,
    Origin,
    Run,
    Schedule,
    Step,
    Trigger,
    Workflow,
    WorkflowVersion,
)
from apps.workflows.step_queries import Row, failure, step_rows, top_steps


def workflows(project_id: UUID) -> QuerySet[Workflow]:
    """The project's workflows that can be run."""
    return (
        Workflow.objects.filter(project=project_id, current__isnull=False)
        .select_related("current")
        .defer("current__document", "current__source")
    )


def workflow_rows(found: Sequence[Workflow]) -> list[Row]:
    """Workflows as the list shows them, with their last run and how their runs went."""
    ids = [workflow.pk for workflow in found]
    open_runs = Run.objects.filter(workflow__in=ids, status__in=RUN_OPEN).order_by()
    running = dict(open_runs.values_list("workflow").annotate(n=Count("id")))
    newest = Run.objects.filter(workflow=OuterRef("pk")).order_by("-created_at", "-id").values("id")[:1]
    last = Workflow.objects.filter(pk__in=ids).annotate(last=Subquery(newest)).values("last")
    last_runs = {run.workflow_id: run for run in Run.objects.filter(pk__in=last)}
    held = set(Hold.objects.filter(subject_id__in=ids).values_list("subject_id", flat=True))
    return [
        _workflow_row(w, running.get(w.pk, 0), last_runs.get(w.pk)) | {"paused": w.pk in held} for w in found
    ]


def workflow_detail(workflow: Workflow) -> Row:
    """One workflow with its definition as it was written."""
    version = workflow.current
    assert version is not None
    detail = workflow_rows([workflow])[0]
    return detail | {
        "source": version.source,
        "created_by": version.created_by,
        "saved_at": version.created_at,
    }


def versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """The versions of a workflow without their texts."""
    found = WorkflowVersion.objects.filter(workflow=workflow).select_related("workflow__project")
    return found.order_by("-number").defer("document", "source")


def defined_steps(document: Document) -> list[Row]:
    """The steps of a definition, each after those it needs."""
    return [
        {
            "key": key,
            "name": step.title,
            "kind": step.kind,
            "body": step.body,
            "command": step.command,
            "workflow": step.workflow,
            "agent": step.agent,
            "needs": list(document.graph.needs[key]),
            "goes_to": step.goes_to.go_to if step.goes_to else None,
            "index": document.graph.index[key],
        }
        for key, step in ((key, document.by_key[key]) for key in document.graph.order)
    ]


def runs(project_id: UUID) -> QuerySet[Run]:
    """The project's runs with what a row needs."""
    return Run.objects.filter(project=project_id).select_related("workflow")


def run_rows(found: Sequence[Run]) -> list[Row]:
    """Runs as lists show them, with what they and the runs nested in them used."""
    used = totals.of([run.pk for run in found])
    return [_run_row(run) | used.get(run.pk, totals.NOTHING).shown for run in found]


def run_detail(project_id: UUID, run_id: UUID) -> Row | None:
    """One run with its steps; None when the project has none of that id."""
    found = runs(project_id).select_related("version", "data").defer("version__document", "version__source")
    run = found.filter(pk=run_id).first()
    if run is None:
        return None
    document = document_of(run.version)
    return run_rows([run])[0] | {
        "version": run.version.number,
        "origin": run.origin,
        "origin_id": run.origin_id,
        "origin_name": _origin_name(run),
        "parent_run": _parent_run(run),
        "cancel_requested": run.cancel_requested,
        "deadline_at": run.deadline_at,
        "input": run.data.input,
        "output": run.data.output,
        "error": failure(run.error_code, run.status_reason),
        "steps": step_rows(run, document, list(top_steps(run, document).order_by("index"))),
    }


def approvals(project_id: UUID) -> QuerySet[Approval]:
    """The project's approvals with what a row needs."""
    titles = CommandRun.objects.filter(pk=OuterRef("command_run_id")).values("title")[:1]
    return (
        Approval.objects.filter(project=project_id)
        .select_related("run__workflow", "run__version", "step")
        .defer("run__version__document", "run__version__source")
        .prefetch_related("decisions", "notices")
        .annotate(command_run_title=Subquery(titles))
    )


def _workflow_row(workflow: Workflow, running: int, last: Run | None) -> Row:
    version = workflow.current
    assert version is not None
    document = document_of(version)
    return {
        "slug": workflow.slug,
        "name": workflow.name,
        "description": workflow.description,
        "version": version.number,
        "input": document.input,
        "steps": defined_steps(document),
        "last_run": {"id": last.pk, "status": last.status, "started_at": last.started_at} if last else None,
        "counts": {
            "running": running,
            "completed": workflow.completed_count,
            "failed": workflow.failed_count,
        },
    }


def _run_row(run: Run) -> Row:
    return {
        "id": run.pk,
        "number": run.number,
        "name": run.name,
        "workflow": run.workflow.slug,
        "workflow_name": run.workflow.name,
        "status": run.status,
        "status_reason": run.status_reason,
        "priority": run.priority,
        "concurrency_key": run.concurrency_key,
        "progress": run.progress,
        "current_step": run.current_step,
        "total_steps": run.total_steps,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "requested_by": run.requested_by,
    }


def _origin_name(run: Run) -> str:
    """The name of the schedule or trigger that started it; empty when that is deleted."""
    known = {Origin.SCHEDULE: Schedule.objects, Origin.TRIGGER: Trigger.objects}
    if (rows := known.get(Origin(run.origin))) is None:
        return ""
    return rows.filter(pk=run.origin_id).values_list("name", flat=True).first() or ""


def _parent_run(run: Run) -> Row | None:
    """The run whose step started this one."""
    if run.origin != Origin.STEP or run.origin_id is None:
        return None
    step = Step.objects.filter(pk=run.origin_id).select_related("run__workflow").first()
    if step is None:
        return None
    parent = step.run
    return {"id": parent.pk, "workflow": parent.workflow.slug, "number": parent.number, "step": step.key}
