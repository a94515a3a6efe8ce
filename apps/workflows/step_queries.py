"""What is read of steps: those of a definition, and the items of its maps page by page. A fixed number
of queries for any page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from apps.agents.models import CommandRun
from apps.workflows import totals
from apps.workflows.document import Document
from apps.workflows.models import Approval, Run, Step, StepKind, StepStatus

Row = dict[str, Any]

SHOWN_OUTPUTS = 100  # a map of more items shows its output item by item only
COUNTED_AS = {
    StepStatus.PENDING: "waiting",
    StepStatus.QUEUED: "waiting",
    StepStatus.WAITING: "waiting",
    StepStatus.RUNNING: "running",
    StepStatus.COMPLETED: "completed",
    StepStatus.FAILED: "failed",
    StepStatus.TIMED_OUT: "failed",
    StepStatus.CANCELLED: "cancelled",
    StepStatus.SKIPPED: "cancelled",
}


def top_steps(run: Run, document: Document) -> QuerySet[Step]:
    """The steps of the definition, without the items of its maps."""
    return Step.objects.filter(run=run, key__in=list(document.by_key), map_index=-1)


def item_steps(parent: Step) -> QuerySet[Step]:
    """The items of a map."""
    return Step.objects.filter(run=parent.run_id, key=parent.key, map_index__gte=0)


def step_rows(run: Run, document: Document, steps: Sequence[Step]) -> list[Row]:
    """Steps with what their command runs, questions and items know of them."""
    wanted = [step.command_run_id for step in steps if step.command_run_id]
    command_runs = _command_runs(wanted)
    asked = Approval.objects.filter(run=run).order_by("created_at").values_list("step_id", "id")
    newest = dict(asked)
    counts = _item_counts([step for step in steps if step.kind == StepKind.MAP])
    used = totals.of([step.child_run_id for step in steps if step.child_run_id])
    return [
        _step_row(step, document, command_runs.get(step.command_run_id))
        | {"approval_id": newest.get(step.pk)}
        | ({"tokens": used[step.child_run_id].tokens} if step.child_run_id in used else {})
        | _of_map(step, counts.get(step.pk))
        for step in steps
    ]


def _item_counts(maps: Sequence[Step]) -> dict[UUID, dict[str, int]]:
    """How many items of each map are in which state; from the index alone."""
    if not maps:
        return {}
    found: dict[UUID, dict[str, int]] = {}
    items = Step.objects.filter(parent__in=[step.pk for step in maps]).order_by()
    for parent, status, n in items.values_list("parent", "status").annotate(n=Count("id")):
        counts = found.setdefault(parent, dict.fromkeys(("total", *COUNTED_AS.values()), 0))
        counts["total"] += n
        counts[COUNTED_AS[StepStatus(status)]] += n
    return found


def _of_map(step: Step, counts: dict[str, int] | None) -> Row:
    """What a map shows of its items; a list too long to show whole is left to their pages."""
    if counts is None:
        return {"items": None}
    known: Row = {"items": counts}
    if not step.is_over and counts["total"]:
        open_items = counts["waiting"] + counts["running"]
        known["progress"] = (counts["total"] - open_items) * 100 // counts["total"]
    if counts["total"] > SHOWN_OUTPUTS:
        known["output"] = None
    return known


def _command_runs(ids: Iterable[UUID]) -> dict[UUID | None, CommandRun]:
    found = CommandRun.objects.filter(pk__in=list(ids)).select_related("agent", "data")
    return {run.pk: run for run in found.defer("data__output", "data__error", "data__text")}


def _step_row(step: Step, document: Document, command_run: CommandRun | None) -> Row:
    definition = document.by_key[step.key]
    row: Row = {
        "id": step.pk,
        "key": step.key,
        "name": step.name,
        "kind": step.kind,
        "index": step.index,
        "map_index": step.map_index if step.parent_id else None,
        "parent_id": step.parent_id,
        "item": step.item,
        "status": step.status,
        "wait_reason": step.wait_reason,
        "wakes_at": step.wakes_at,
        "needs": list(document.graph.needs[step.key]),
        "goes_to": definition.goes_to.go_to if definition.goes_to else None,
        "agent": {"id": step.agent_id, "name": step.agent_name} if step.agent_id else None,
        "command": definition.command,
        "command_run_id": step.command_run_id,
        "workflow": definition.workflow,
        "child_run_id": step.child_run_id,
        "attempt": step.attempt,
        "max_attempts": definition.retry.attempts if definition.retry else None,
        "progress": step.progress,
        "message": "",
        "input": None,
        "output": step.output,
        "error": failure(step.error_code, step.error),
        "item_errors": step.item_errors or [],
        "sent_back": step.sent_back,
        "tokens": no_tokens(),
        "model": "",
        "demo": False,
        "started_at": step.started_at,
        "completed_at": step.completed_at,
    }
    return row if command_run is None else row | _from_command_run(step, command_run)


def _from_command_run(step: Step, command_run: CommandRun) -> Row:
    """What the command run knows better, or newer, than the step."""
    known: Row = {
        "max_attempts": step.earlier_attempts + command_run.max_attempts,
        "message": command_run.message,
        "input": command_run.data.input,
        "tokens": {"input": command_run.input_tokens, "output": command_run.output_tokens},
        "model": command_run.model,
        "demo": command_run.demo,
    }
    if not step.is_over:
        known["progress"] = command_run.progress
    if step.status == StepStatus.QUEUED:
        known["wait_reason"] = command_run.wait_reason
    if command_run.agent is not None:
        known["agent"] = {"id": command_run.agent.pk, "name": command_run.agent.name}
    return known


def failure(code: str, message: str) -> Row | None:
    return {"code": code, "message": message} if code else None


def no_tokens() -> Row:
    return {"input": None, "output": None}
