"""What agents ask people while they are at work, and how that ends.

A question stands beside a command run and holds nothing up: its holder goes on reporting, and its
timeouts go on. It is answered by a person, expires, or is withdrawn when the command run ends. Another
attempt that asks the same again, under the same key, finds the question and its answer.

Rows are locked as everywhere: the command run, then the agent. Whoever opens, decides, expires or
withdraws a question holds its command run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import Membership
from apps.agents import asking
from apps.agents.events import CommandRunChanged
from apps.agents.models import OVER, Agent, AgentStatus, CommandRun, Connector
from apps.agents.models import RunStatus as CommandRunStatus
from apps.agents.moves import locked, project_of
from apps.agents.services import body_hash
from apps.agents.storable import storable_text
from apps.agents.telemetry import presence
from apps.errors import Conflict, InvalidInput, KeyReused, StaleFence
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change, Recorded
from apps.workflows import inputs, notices
from apps.workflows.document_parts import Notify
from apps.workflows.models import Approval, ApprovalState, Run, Step
from apps.workflows.record import close_approval, record_approval, short

MOST_OPEN = 20  # of one command run
MOST_OPTIONS = 20
LARGEST_FORM = 16_384
BATCH = 200
TAKEN_BACK = "The lease was taken back or the command run is over; nothing was asked."


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks. `key` is the agent's own id of it; `notify` are e-mail addresses of members."""

    title: str
    details: str = ""
    options: Sequence[str] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    min_approvals: int = 1
    expires_seconds: float | None = None
    on_expiry: str = "reject"
    notify: Sequence[str] = ()
    key: str | None = None


def ask(command_run_id: UUID, fence: int, question: Question) -> tuple[Approval, bool]:
    """Open a question of whoever holds the command run; returns it and whether it is new.

    The same key and question give the one that exists, however it ended. Raises StaleFence,
    InvalidInput, KeyReused when the key came with another question, and Conflict when too many of
    the command run's are open.
    """
    _check(question)
    project_id = project_of(command_run_id)
    if project_id is None:
        raise StaleFence(TAKEN_BACK)
    with journal.changes(project_id) as change:
        run = locked(command_run_id, status=CommandRunStatus.RUNNING, fence=fence)
        if run is None or run.agent is None:
            raise StaleFence(TAKEN_BACK)
        known = _known(run, question)
        if known is not None:
            return _again(change, known, run), False
        if _open().filter(command_run_id=run.pk).count() >= MOST_OPEN:
            raise Conflict(f"{MOST_OPEN} questions of this command run are open; wait for an answer first.")
        approval = _create(change, run, question)
        members = _members(project_id, question.notify)
        notices.write(change, approval, Notify.model_construct(emails=members, webhooks=[]))
        record_approval(change, "approval.opened", approval)
        asking.show(change, run.agent.pk)
        return approval, True


def lock(approval: Approval) -> None:
    """Hold the command run of a question, so that nobody else opens, decides or withdraws one."""
    if approval.command_run_id is not None:
        locked(approval.command_run_id)


def show(change: Change, approval: Approval) -> None:
    """Let the agent that asked show what it still waits for."""
    if approval.agent_id is not None:
        asking.show(change, approval.agent_id)


def subscribe() -> None:
    """Connect the handlers; called once, when the app is ready."""
    journal.subscribe("command_run.finished", on_command_run_finished)
    journal.subscribe("command_run.retried", on_command_run_retried)
    asking.teach(waits_for)
    presence.waiting_for_people.append(who_waits)


def waits_for(agent_id: UUID) -> str:
    """The newest open question for work that an agent holds, as its status says it; empty when there
    is none."""
    holds = CommandRun.objects.filter(
        pk=OuterRef("command_run_id"), agent_id=agent_id, status=CommandRunStatus.RUNNING
    )
    titles = _open().filter(Exists(holds), agent_id=agent_id).order_by("-created_at")
    newest = titles.values_list("title", flat=True).first()
    return "" if newest is None else f"waiting for an answer: {newest}"


def who_waits(agents: Iterable[UUID]) -> set[UUID]:
    """Those of the agents that wait for people."""
    asked = _open().filter(agent_id__in=list(agents)).values_list("agent_id", flat=True)
    return {agent_id for agent_id in asked if agent_id is not None and waits_for(agent_id)}


def on_command_run_finished(event: Recorded, change: Change) -> None:
    """Withdraw what was asked for work that is over."""
    body = event.body
    if isinstance(body, CommandRunChanged) and body.agent_id is not None and _may_ask(body.agent_id):
        _close_all(change, _open().filter(command_run_id=body.command_run_id), ApprovalState.CANCELLED)


def on_command_run_retried(event: Recorded, change: Change) -> None:
    """The questions of work that was taken back stay, so that the next attempt finds their answers; but
    who asked waits no more."""
    body = event.body
    if isinstance(body, CommandRunChanged) and body.agent_id is None:
        for approval in _open().filter(command_run_id=body.command_run_id):
            show(change, approval)


@lru_cache(maxsize=4096)
def _may_ask(agent_id: UUID) -> bool:
    """Whether an agent comes to us by itself; of those that do not, no question is looked for. Should
    one become another kind of agent, the sweep withdraws what this leaves."""
    return Agent.objects.filter(pk=agent_id).exclude(connector=Connector.LLM).exists()


def expire_due() -> int:
    """End questions that nobody decided in time, and those whose work is over; returns how many."""
    live = Exists(CommandRun.objects.filter(pk=OuterRef("command_run_id")).exclude(status__in=OVER))
    due = _open().filter(Q(expires_at__lte=now()) | ~Q(live)).order_by("expires_at")
    rows = list(due.values_list("pk", "command_run_id", "project_id")[:BATCH])
    return sum(_expire(*row) for row in rows)


def _expire(approval_id: UUID, command_run_id: UUID | None, project_id: UUID) -> int:
    assert command_run_id is not None  # by the query that found it
    with journal.changes(project_id) as change:
        run = locked(command_run_id)
        mine = _open().filter(pk=approval_id)
        if run is None or run.is_over:
            return _close_all(change, mine, ApprovalState.CANCELLED)
        late = mine.filter(expires_at__lte=now())
        closed = _close_all(change, late.filter(on_expiry="approve"), ApprovalState.APPROVED)
        return closed or _close_all(change, late, ApprovalState.EXPIRED)


def _open() -> QuerySet[Approval]:
    """The open questions of agents, from a small index of their own."""
    return Approval.objects.filter(state=ApprovalState.OPEN, command_run_id__isnull=False)


def _close_all(change: Change, asked: QuerySet[Approval], state: ApprovalState) -> int:
    approvals = list(asked.select_related("run__workflow"))
    for approval in approvals:
        close_approval(change, approval, state)
        show(change, approval)
    return len(approvals)


def _known(run: CommandRun, question: Question) -> Approval | None:
    if question.key is None:
        return None
    known = Approval.objects.select_related("run__workflow").filter(
        command_run_id=run.pk, client_key=question.key
    )
    found = known.first()
    if found is not None and found.client_hash != _fingerprint(question):
        raise KeyReused("Use a new event_id, or ask the same again.")
    return found


def _again(change: Change, approval: Approval, run: CommandRun) -> Approval:
    """The question is asked again; from now on by whoever holds the work now."""
    if approval.state != ApprovalState.OPEN or run.agent is None:
        return approval
    if approval.agent_id != run.agent.pk:
        approval.agent_id, approval.agent_name = run.agent.pk, run.agent.name
        approval.save(update_fields=["agent_id", "agent_name"])
        record_approval(change, "approval.changed", approval)
    if run.agent.status != AgentStatus.WAITING:
        asking.show(change, run.agent.pk)
    return approval


def _create(change: Change, run: CommandRun, question: Question) -> Approval:
    assert run.agent is not None
    moment = change.moment()
    seconds = question.expires_seconds
    return Approval.objects.create(
        project_id=run.project_id,
        run=Run.objects.select_related("workflow").filter(pk=run.run_id).first() if run.run_id else None,
        step=Step.objects.filter(pk=run.step_id).first() if run.step_id else None,
        agent_id=run.agent.pk,
        agent_name=run.agent.name,
        command_run_id=run.pk,
        title=storable_text(short(" ".join(question.title.split()), 300)),
        details=storable_text(question.details),
        options=[storable_text(one) for one in question.options],
        form=question.fields,
        min_approvals=question.min_approvals,
        on_expiry=question.on_expiry,
        requested_by=run.requested_by,
        client_key=question.key,
        client_hash=_fingerprint(question),
        created_at=moment,
        expires_at=moment + timedelta(seconds=seconds) if seconds is not None else None,
    )


def _fingerprint(question: Question) -> str:
    return body_hash([asdict(question)])


def _check(question: Question) -> None:
    """Raises InvalidInput for what cannot be asked."""
    errors: dict[str, str | list[str]] = {}
    if not question.title.strip():
        errors["title"] = "Say what is asked."
    if len(question.options) > MOST_OPTIONS or len(set(question.options)) < len(question.options):
        errors["options"] = f"Give at most {MOST_OPTIONS} options, each once."
    if question.on_expiry not in ("reject", "approve"):
        errors["on_expiry"] = "Must be reject or approve."
    elif question.on_expiry == "approve" and question.expires_seconds is None:
        errors["on_expiry"] = "Without expires_seconds it never expires: give both or neither."
    elif question.on_expiry == "approve" and question.options:
        errors["on_expiry"] = "Nobody would have chosen an option: use reject."
    problems = inputs.unstorable(question.fields)
    if not problems and question.fields:
        problems = inputs.schema_problems(question.fields)
    for one in problems:
        errors.setdefault(inputs.dotted(("fields", *one.path)), one.message)
    if not problems and len(orjson.dumps(question.fields)) > LARGEST_FORM:
        errors["fields"] = f"A form has at most {LARGEST_FORM:,} bytes."
    if errors:
        raise InvalidInput(errors)


def _members(project_id: UUID, emails: Sequence[str]) -> list[str]:
    """The addresses, which must be those of the project's members: no agent mails whom it wants."""
    members = Membership.objects.filter(project=project_id, user__is_active=True).exclude(user__email="")
    known = {one.casefold(): one for one in members.values_list("user__email", flat=True)} if emails else {}
    for index, one in enumerate(emails):
        if one.casefold() not in known:
            raise InvalidInput({f"notify[{index}]": "No member of this project has this e-mail address."})
    return [known[one.casefold()] for one in dict.fromkeys(emails)]
