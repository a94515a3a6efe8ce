"""T12: people decide what a run asked them. One decision closes a question; whoever comes second
is told the first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apps.accounts.models import User
from apps.errors import Conflict, Forbidden, InvalidInput, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change
from apps.events.kinds import rfc3339
from apps.workflows import inputs, notices, questions, waits
from apps.workflows.advance import Advance, Ending, document_of
from apps.workflows.document_parts import Escalate
from apps.workflows.models import (
    Approval,
    ApprovalDecision,
    ApprovalState,
    Notice,
    NoticeKind,
    Step,
    StepStatus,
)
from apps.workflows.record import close_approval, record_approval, record_step, short, swap

MAX_COMMENT = 2_000
GONE = "The approval does not exist any more."
BY_LINK = " (by link)"  # no user's name can end so


def form_of(approval: Approval) -> dict[str, Any]:
    """The JSON Schema of what is asked besides yes or no; empty when nothing is."""
    if approval.command_run_id is not None or approval.run is None or approval.step is None:
        form: dict[str, Any] = approval.form
        return form
    question = document_of(approval.run.version).by_key[approval.step.key].approval
    return question.fields if question is not None else {}


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides: somebody signed in, a key, or whoever has the link that went to `address`."""

    by: str
    is_key: bool = False
    address: str = ""
    is_agent: bool = False  # a key with which agents come

    @classmethod
    def by_link(cls, notice: Notice) -> Decider:
        is_email = notice.kind == NoticeKind.EMAIL
        name = notice.target if is_email else urlsplit(notice.target).hostname or notice.target
        return cls(f"{short(name, 130)}{BY_LINK}", address=notice.target)

    @property
    def is_nobody(self) -> bool:
        """Whether nothing says who it is: a webhook's receiver may show its link to anybody."""
        return bool(self.address) and "@" not in self.by


def why_not(approval: Approval, who: Decider) -> str:
    """Why this caller cannot decide now; empty when they can."""
    if approval.state != ApprovalState.OPEN:
        return _closed(approval)
    return _excluded(approval, who) or _decided_before(approval, who)


def _excluded(approval: Approval, who: Decider) -> str:
    """Why the caller may not decide this question at all."""
    if approval.command_run_id is not None and who.is_agent:
        return "An agent asks people this; a key with which agents come cannot decide it."
    if who.is_nobody and (not approval.allow_requester or approval.min_approvals > 1):
        return "It matters who decides this, and the link does not say it: sign in to decide."
    if approval.allow_requester:
        return ""
    if who.is_key:
        return "A person must decide this, not a key."
    if approval.requested_by == who.by:
        return "Whoever started the run cannot decide this; ask somebody else."
    if who.address:
        requester = User.objects.filter(username=approval.requested_by).values_list("email", flat=True)
        for email in requester:
            if not email:
                return "Whether you started the run cannot be told from a link: sign in to decide."
            if email.casefold() == who.address.casefold():
                return "Whoever started the run cannot decide this; ask somebody else."
    return ""


def _decided_before(approval: Approval, who: Decider) -> str:
    said = list(approval.decisions.all())
    names = _names(who, said) if said else set()
    mine = next((one for one in said if one.by in names), None)
    return f"You decided this at {rfc3339(mine.at)}." if mine is not None else ""


def _names(who: Decider, said: list[ApprovalDecision]) -> set[str]:
    """The names under which the caller may have decided: signed in, and by a link."""
    if who.address:
        same = User.objects.filter(email__iexact=who.address).values_list("username", flat=True)
        return {who.by, *same}
    if who.is_key or not any(one.by.endswith(BY_LINK) for one in said):
        return {who.by}
    emails = User.objects.filter(username=who.by).exclude(email="").values_list("email", flat=True)
    mine = {f"{short(email, 130)}{BY_LINK}".casefold() for email in emails}
    return {who.by, *(one.by for one in said if one.by.casefold() in mine)}


def decide(
    approval: Approval,
    *,
    approved: bool,
    by: str = "",
    comment: str = "",
    fields: dict[str, Any] | None = None,
    option: str = "",
    is_key: bool = False,
    who: Decider | None = None,
) -> Approval:
    """Say yes or no, once. A no closes the question, and so does the last yes it needs; of a question
    with options, the last that one option needs.

    `by` names somebody signed in, or with `is_key` a key; `who` anybody. Raises Conflict with the
    first decision when it is closed or the caller decided before, Forbidden when the caller may not
    decide it, and InvalidInput when the form does not fit.
    """
    who = who or Decider(by, is_key)
    given = _checked(approval, fields or {}, option) if approved else {}
    one = ApprovalDecision(
        by=who.by[:150],
        approved=approved,
        option=option if approved else "",
        comment=comment,
        fields=given,
    )
    with journal.changes(approval.project_id) as change:
        if approval.command_run_id is not None:
            _decide_for_agent(change, approval, one, who)
        else:
            _decide_step(change, approval, one, who)
    decided = _read(approval.pk)
    assert decided is not None
    return decided


def _decide_step(change: Change, approval: Approval, one: ApprovalDecision, who: Decider) -> None:
    """Decide what a step asks, and let its run go on."""
    advance = Advance.hold(change, approval.run_id) if approval.run_id is not None else None
    # Every decision of a run holds its row, so what is read here cannot change any more.
    current = _open_for(approval, who)
    if advance is None:
        raise NotFound(GONE)
    step = Step.objects.get(approvals=current)
    agreed = _add(current, one)
    if not one.approved:
        close_approval(change, current, ApprovalState.REJECTED)
        advance.finish(step, _rejected(current, who.by, one.comment))
    elif agreed >= current.min_approvals:
        close_approval(change, current, ApprovalState.APPROVED)
        advance.finish(step, _approved(current))
    else:
        step.wait_reason = waits.asking(current, current.min_approvals - agreed)
        swap(step, StepStatus.WAITING)
        record_step(change, "step.changed", step, previous=step.status)
        record_approval(change, "approval.changed", current)
    advance.settle()


def _decide_for_agent(change: Change, approval: Approval, one: ApprovalDecision, who: Decider) -> None:
    """Decide what an agent asks. Its work goes on by itself: nothing but its status changes."""
    questions.lock(approval)
    current = _open_for(approval, who)
    agreed = _add(current, one)
    if one.approved and agreed < current.min_approvals:
        record_approval(change, "approval.changed", current)
        return
    close_approval(change, current, ApprovalState.APPROVED if one.approved else ApprovalState.REJECTED)
    questions.show(change, current)


def _open_for(approval: Approval, who: Decider) -> Approval:
    """The approval as it now is. Raises NotFound, Forbidden and Conflict as `decide`."""
    current = _read(approval.pk)
    if current is None:
        raise NotFound(GONE)
    if said := why_not(current, who):
        is_open = current.state == ApprovalState.OPEN
        raise (Forbidden if is_open and _excluded(current, who) else Conflict)(said)
    return current


def _add(current: Approval, one: ApprovalDecision) -> int:
    """Keep the decision; returns how many say the same yes."""
    one.approval, one.at = current, now()
    one.save(force_insert=True)
    return current.decisions.filter(approved=True, option=one.option).count()


def expire(advance: Advance, step: Step) -> None:
    """Nobody decided in time: do what the definition says for that. The run is locked."""
    approval = _find(step.pk)
    question = advance.document.by_key[step.key].approval
    if approval is None or question is None:
        gone = Ending(StepStatus.FAILED, code="approval_gone", message="Its approval was deleted.")
        advance.finish(step, gone)
        return
    policy: str = question.on_expiry
    if policy == "escalate" and question.escalate is not None:
        if approval.escalated_at is None:
            _escalate(advance.change, approval, step, question.escalate)
            return
        policy = question.escalate.then
    if policy == "approve":
        close_approval(advance.change, approval, ApprovalState.APPROVED)
        advance.finish(step, _approved(approval))
        return
    close_approval(advance.change, approval, ApprovalState.EXPIRED)
    said = "Nobody decided in time."
    output = _output(approval, approved=False)
    advance.finish(step, Ending(StepStatus.FAILED, output, "expired", said))


def _escalate(change: Change, approval: Approval, step: Step, to: Escalate) -> None:
    """Leave the question open for longer and ask others too."""
    approval.escalated_at = now()
    approval.expires_at = approval.escalated_at + timedelta(seconds=to.expires_seconds)
    approval.save(update_fields=["escalated_at", "expires_at"])
    notices.write(change, approval, to)
    step.wakes_at = approval.expires_at
    agreed = approval.decisions.filter(approved=True).count()
    step.wait_reason = waits.asking(approval, approval.min_approvals - agreed)
    if not swap(step, StepStatus.WAITING, "wakes_at"):
        raise RuntimeError(f"step {step.pk} moved although its run is locked")
    record_step(change, "step.changed", step, previous=step.status)
    record_approval(change, "approval.escalated", approval)


def _checked(approval: Approval, fields: dict[str, Any], option: str) -> dict[str, Any]:
    if option not in (approval.options or [""]):
        named = ", ".join(approval.options)
        raise InvalidInput(
            {"option": f"Must be one of: {named}." if named else "There is nothing to choose."}
        )
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


def _closed(approval: Approval) -> str:
    """Who closed it, and when."""
    at = f" at {rfc3339(approval.decided_at)}" if approval.decided_at else ""
    said = list(approval.decisions.all())
    if approval.state in (ApprovalState.APPROVED, ApprovalState.REJECTED) and said:
        last = said[-1]
        comment = f": {last.comment}" if last.comment else "."
        return f"Already {approval.state} by {last.by}{at}{comment}"
    return f"Already {approval.state}{at}."


def _approved(approval: Approval) -> Ending:
    return Ending(StepStatus.COMPLETED, _output(approval, approved=True))


def _rejected(approval: Approval, by: str, comment: str) -> Ending:
    message = f"Rejected by {by}: {comment}" if comment else f"Rejected by {by}."
    return Ending(StepStatus.FAILED, _output(approval, approved=False), "rejected", message)


def answer(approval: Approval) -> dict[str, Any] | None:
    """What came of a question, for whoever asked; None while it is open. `by`, `option` and `comment`
    are of the decision that closed it; `fields` holds everybody's, the newest where two filled in the
    same."""
    if approval.state == ApprovalState.OPEN:
        return None
    return _answer(list(approval.decisions.all()), approved=approval.state == ApprovalState.APPROVED)


def missing(approval: Approval) -> int:
    """How many more must say yes; of a question with options, to the one that is furthest."""
    said = Counter(one.option for one in approval.decisions.all() if one.approved)
    return max(0, approval.min_approvals - max(said.values(), default=0))


def _answer(said: list[ApprovalDecision], *, approved: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for one in said:
        fields |= one.fields
    last = said[-1] if said else None
    return {
        "approved": approved,
        "option": last.option if last else "",
        "by": last.by if last else None,
        "comment": last.comment if last else "",
        "fields": fields,
    }


def _output(approval: Approval, *, approved: bool) -> dict[str, Any]:
    """What the steps behind it see."""
    said = list(ApprovalDecision.objects.filter(approval=approval))
    known = _answer(said, approved=approved)
    del known["option"]  # a step has none
    return {
        **known,
        "decisions": [
            {"by": one.by, "approved": one.approved, "comment": one.comment, "at": rfc3339(one.at)}
            for one in said
        ],
    }
