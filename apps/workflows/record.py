"""Writes a step by compare-and-swap, and puts definitions, runs, steps and approvals into the
journal."""

from __future__ import annotations

from apps.events import late
from apps.events.clock import now
from apps.events.journal import Change
from apps.workflows.events import ApprovalChanged, RunChanged, StepChanged, StepFailure, WorkflowSaved
from apps.workflows.models import Approval, ApprovalState, NoticeState, Run, Step, WorkflowVersion


def record_saved(change: Change, version: WorkflowVersion) -> None:
    """Put the new version of a definition into the journal."""
    change.record(
        "workflow.saved",
        WorkflowSaved(
            definition_id=version.workflow_id,
            workflow=version.workflow.slug,
            name=version.workflow.name,
            version=version.number,
            by=version.created_by,
            at=version.created_at,
        ),
    )


def record_run(change: Change, kind: str, run: Run, *, previous: str | None) -> None:
    """Put the run, as it now is, into the journal."""
    change.record(
        kind,
        RunChanged(
            workflow_id=run.pk,
            status=run.status,
            progress=run.progress,
            current_step=run.current_step,
            name=run.name,
            number=run.number,
            workflow=run.workflow.slug,
            previous_status=previous,
            total_steps=run.total_steps,
            priority=run.priority,
            status_reason=run.status_reason,
            error_code=run.error_code,
            cancel_requested=run.cancel_requested,
            created_at=run.created_at,
            started_at=run.started_at,
            completed_at=run.completed_at,
        ),
    )


def record_step(change: Change, kind: str, step: Step, *, previous: str, items: int | None = None) -> None:
    """Put the step, as it now is, into the journal; of a map that begins, also how many items it has."""
    failure = StepFailure(code=step.error_code, message=short(step.error, 500)) if step.error_code else None
    change.record(
        kind,
        StepChanged(
            run_id=step.run_id,
            step_id=step.pk,
            key=step.key,
            parent_id=step.parent_id,
            map_index=step.map_index if step.parent_id else None,
            name=step.name,
            index=step.index,
            status=step.status,
            previous_status=previous,
            step_kind=step.kind,
            wait_reason=step.wait_reason,
            wakes_at=step.wakes_at,
            attempt=step.attempt,
            agent_id=step.agent_id,
            agent_name=step.agent_name,
            command_run_id=step.command_run_id,
            child_run_id=step.child_run_id,
            items=items,
            progress=step.progress,
            error=failure,
            started_at=step.started_at,
            completed_at=step.completed_at,
        ),
    )


def record_approval(change: Change, kind: str, approval: Approval) -> None:
    """Put the approval, as it now is, into the journal, with how many are open after it."""
    late.record(
        change,
        kind,
        lambda: ApprovalChanged(
            approval_id=approval.pk,
            state=approval.state,
            title=approval.title,
            run_id=approval.run_id,
            step_id=approval.step_id,
            workflow=approval.run.workflow.slug if approval.run is not None else "",
            agent_id=approval.agent_id,
            agent_name=approval.agent_name,
            command_run_id=approval.command_run_id,
            approvals=approval.decisions.filter(approved=True).count(),
            min_approvals=approval.min_approvals,
            expires_at=approval.expires_at,
            escalated_at=approval.escalated_at,
            undelivered=approval.notices.filter(state=NoticeState.DEAD).count(),
            open_approvals=Approval.objects.filter(
                project=approval.project_id, state=ApprovalState.OPEN
            ).count(),
        ),
    )


def close_approval(change: Change, approval: Approval, state: ApprovalState) -> None:
    """End a question. Whoever calls holds the run, or the agent's command run."""
    approval.state, approval.decided_at = state, now()
    Approval.objects.filter(pk=approval.pk).update(state=state, decided_at=approval.decided_at)
    record_approval(change, "approval.closed", approval)


def swap(step: Step, previous: str, *fields: str) -> bool:
    """Compare-and-swap: write the step if it still has the status it was read with."""
    values = {name: getattr(step, name) for name in ("status", "wait_reason", *fields)}
    return Step.objects.filter(pk=step.pk, status=previous).update(**values) == 1


def short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
