"""T12: people decide what a run asked them. One decision closes a question; whoever comes second
is told the first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.errors import Conflict, Forbidden, InvalidInput, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change
from apps.events.kinds import rfc3339
from apps.workflows import inputs, waits
from apps.workflows.advance import Advance, Ending, document_of
from apps.workflows.models import Approval, ApprovalDecision, ApprovalState, Step, StepStatus
from apps.workflows.record import record_approval, record_step, swap

MAX_COMMENT = 2_000


def form_of(approval: Approval) -> dict[str, Any]:
    """The JSON Schema of what is asked besides yes or no; empty when nothing is."""
    question = document_of(approval.run.version).by_key[approval.step.key].approval
    return question.fields if question is not None else {}


def why_not(approval: Approval, *, by: str, is_key: bool = False) -> str:
    """Why this caller cannot decide now; empty when they can."""
    if approval.state != ApprovalState.OPEN:
        return _closed(approval)
    if not approval.allow_requester and is_key:
        return "A person must decide this, not a key."
    if not approval.allow_requester and approval.requested_by == by:
        return "Whoever started the run cannot decide this; ask somebody else."
    mine = next((said for said in approval.decisions.all() if said.by == by), None)
    if mine is not None:
        return f"You decided this at {rfc3339(mine.at)}."
    return ""


def decide(
    approval: Approval,
    *,
    approved: bool,
    by: str,
    comment: str = "",
    fields: dict[str, Any] | None = None,
    is_key: bool = False,
) -> Approval:
    """Say yes or no, once. A no closes the question, and so does the last yes it needs.

    Raises Conflict with the first decision when it is closed or the caller decided before, Forbidden
    when the caller started the run and may not decide it, and InvalidInput when the form does not fit.
    """
    given = _checked(approval, fields or {}) if approved else {}
    with journal.changes(approval.project_id) as change:
        advance = Advance.hold(change, approval.run_id)
        # Every decision of a run holds its row, so what is read here cannot change any more.
        current = _read(approval.pk)
        if advance is None or current is None:
            raise NotFound("The approval does not exist any more.")
        if said := why_not(current, by=by, is_key=is_key):
            raise (Forbidden if _is_excluded(current, by, is_key) else Conflict)(said)
        step = Step.objects.get(pk=current.step_id)
        ApprovalDecision.objects.create(
            approval=current, by=by[:150], approved=approved, comment=comment, fields=given, at=now()
        )
        agreed = current.decisions.filter(approved=True).count()
        if not approved:
            _close(change, current, ApprovalState.REJECTED)
            advance.finish(step, _rejected(current, by, comment))
        elif agreed >= current.min_approvals:
            _close(change, current, ApprovalState.APPROVED)
            advance.finish(step, _approved(current))
        else:
            step.wait_reason = waits.asking(current.min_approvals - agreed)
            swap(step, StepStatus.WAITING)
            record_step(change, "step.changed", step, previous=step.status)
            record_approval(change, "approval.changed", current)
        advance.settle()
    decided = _read(approval.pk)
    assert decided is not None
    return decided


def expire(advance: Advance, step: Step) -> None:
    """Nobody decided in time: do what the definition says for that. The run is locked."""
    approval = _find(step.pk)
    question = advance.document.by_key[step.key].approval
    if approval is None or question is None:
        gone = Ending(StepStatus.FAILED, code="approval_gone", message="Its approval was deleted.")
        advance.finish(step, gone)
        return
    if question.on_expiry == "approve":
        _close(advance.change, approval, ApprovalState.APPROVED)
        advance.finish(step, _approved(approval))
        return
    _close(advance.change, approval, ApprovalState.EXPIRED)
    said = "Nobody decided in time."
    output = _output(approval, approved=False)
    advance.finish(step, Ending(StepStatus.FAILED, output, "expired", said))


def _checked(approval: Approval, fields: dict[str, Any]) -> dict[str, Any]:
    schema = form_of(approval)
    problems = inputs.unstorable(fields)
    if not problems:
        fields = inputs.with_defaults(schema, fields)
        problems = inputs.value_problems(schema, fields)
    if problems:
        raise InvalidInput({inputs.dotted(("fields", *one.path)): one.message for one in problems})
    return fields


def _read(approval_id: UUID) -> Approval | None:
    return (
        Approval.objects.select_related("run__workflow", "run__version", "step")
        .defer("run__version__document", "run__version__source")
        .prefetch_related("decisions")
        .filter(pk=approval_id)
        .first()
    )


def _find(step_id: UUID) -> Approval | None:
    found = Approval.objects.filter(step=step_id, state=ApprovalState.OPEN).values_list("pk", flat=True)
    approval_id = found.first()
    return _read(approval_id) if approval_id is not None else None


def _is_excluded(approval: Approval, by: str, is_key: bool) -> bool:
    is_open = approval.state == ApprovalState.OPEN
    return is_open and not approval.allow_requester and (is_key or approval.requested_by == by)


def _closed(approval: Approval) -> str:
    """Who closed it, and when."""
    at = f" at {rfc3339(approval.decided_at)}" if approval.decided_at else ""
    said = list(approval.decisions.all())
    if approval.state in (ApprovalState.APPROVED, ApprovalState.REJECTED) and said:
        last = said[-1]
        comment = f": {last.comment}" if last.comment else "."
        return f"Already {approval.state} by {last.by}{at}{comment}"
    return f"Already {approval.state}{at}."


def _close(change: Change, approval: Approval, state: ApprovalState) -> None:
    approval.state, approval.decided_at = state, now()
    Approval.objects.filter(pk=approval.pk).update(state=state, decided_at=approval.decided_at)
    record_approval(change, "approval.closed", approval)


def _approved(approval: Approval) -> Ending:
    return Ending(StepStatus.COMPLETED, _output(approval, approved=True))


def _rejected(approval: Approval, by: str, comment: str) -> Ending:
    message = f"Rejected by {by}: {comment}" if comment else f"Rejected by {by}."
    return Ending(StepStatus.FAILED, _output(approval, approved=False), "rejected", message)


def _output(approval: Approval, *, approved: bool) -> dict[str, Any]:
    """What the steps behind it see. `by` and `comment` are of the decision that closed it;
    `fields` holds everybody's, the newest where two filled in the same."""
    said = list(ApprovalDecision.objects.filter(approval=approval))
    fields: dict[str, Any] = {}
    for one in said:
        fields |= one.fields
    return {
        "approved": approved,
        "by": said[-1].by if said else None,
        "comment": said[-1].comment if said else "",
        "fields": fields,
        "decisions": [
            {"by": one.by, "approved": one.approved, "comment": one.comment, "at": rfc3339(one.at)}
            for one in said
        ],
    }
