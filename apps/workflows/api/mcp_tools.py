"""The tools of the MCP server that need workflows: ask people, look at runs, start one."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from apps.accounts.principal import is_still_valid
from apps.agents import lease, patience, services
from apps.agents.api import mcp_shapes as m
from apps.agents.api.mcp_server import Answer, Caller, Given, Tool, in_thread
from apps.agents.api.mcp_tools import held_run
from apps.agents.models import CommandRun
from apps.agents.models import RunStatus as CommandRunStatus
from apps.errors import Forbidden, InvalidInput, NotFound, StaleFence
from apps.workflows import approvals, queries, questions
from apps.workflows import services as workflows
from apps.workflows.models import Approval, ApprovalState, Run, RunStatus, Workflow
from apps.workflows.questions import Question

MOST_LISTED = 50
MOST_NAMED = 30
LOOK_SECONDS = 1.0

Option = Annotated[str, Field(min_length=1, max_length=200)]


class RequestApproval(Given):
    id: m.CommandId
    fence: m.Fence
    title: str = Field(
        min_length=1, max_length=300, description="What people should decide, as one question."
    )
    details: str = Field("", max_length=10_000, description="What they need to know for it.")
    options: list[Option] = Field(
        default_factory=list,
        max_length=questions.MOST_OPTIONS,
        description="One of these is chosen with a yes. Leave it out for a plain yes or no.",
    )
    expires_seconds: float | None = Field(
        None, ge=1, le=31_536_000, description="After how many seconds nobody's answer counts as a no."
    )
    event_id: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Your own id of this question: asked again with it, it is the same question.",
    )


class GetApproval(Given):
    id: UUID = Field(description="The approval_id that request_approval answered.")
    wait_s: int = Field(
        0, ge=0, le=m.MOST_WAIT_SECONDS, description="How many seconds to wait for the decision, 0 to 25."
    )


class ListRuns(Given):
    status: RunStatus | None = Field(None, description="Only runs in this state.")
    workflow: str | None = Field(None, max_length=100, description="Only runs of the workflow of this slug.")
    limit: int = Field(20, ge=1, le=MOST_LISTED, description="How many, newest first, 1 to 50.")


class StartWorkflow(Given):
    name: str = Field(min_length=1, max_length=100, description="The slug of the workflow, as bug-lifecycle.")
    input: dict[str, Any] = Field(default_factory=dict, description="What its input schema asks for.")
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Your own id of this start: the same key and input give the run that exists.",
    )


class Asked(Answer):
    approval_id: UUID
    state: str


class Decided(Answer):
    """A question and, once it is decided, the answer."""

    approval_id: UUID
    title: str
    state: str = Field(description="open, approved, rejected, expired or cancelled.")
    approved: bool | None = Field(description="The answer; null while it is open.")
    option: str = Field(description="Which of the options was chosen.")
    by: str | None = Field(description="Who decided; null: nobody.")
    comment: str
    fields: dict[str, Any]


class RunRow(Answer):
    id: UUID
    number: int
    name: str
    workflow: str
    status: str
    status_reason: str
    progress: int
    requested_by: str
    created_at: datetime
    completed_at: datetime | None


class Runs(Answer):
    runs: list[RunRow]


class Started(Answer):
    run: RunRow
    is_new: bool = Field(description="False: the run of the same idempotency_key, started before.")


@in_thread
def request_approval(caller: Caller, given: RequestApproval) -> Asked:
    run = held_run(caller, given.id)
    question = Question(
        title=given.title,
        details=given.details,
        options=given.options,
        expires_seconds=given.expires_seconds,
        key=given.event_id,
    )
    approval, _ = questions.ask(run.pk, given.fence, question)
    _renew(run.pk, given.fence)
    if run.agent is not None:
        services.agent_heartbeat(run.agent)
    return Asked(approval_id=approval.pk, state=approval.state)


async def get_approval(caller: Caller, given: GetApproval) -> Decided:
    """Look until it is decided or time is up; keeps the work in hand meanwhile. Holds no thread."""
    deadline = time.monotonic() + given.wait_s
    while True:
        found = await _look(caller, given.id)
        rest = deadline - time.monotonic()
        if found.state != ApprovalState.OPEN or rest <= 0 or caller.gone.done():
            return found
        await asyncio.wait([caller.gone], timeout=min(rest, LOOK_SECONDS))
        if not await is_still_valid(caller.principal):
            raise Forbidden("Your key was revoked or has expired.")


@in_thread
def _look(caller: Caller, approval_id: UUID) -> Decided:
    found = queries.approvals(caller.principal.project_id).filter(agent_id__isnull=False, pk=approval_id)
    if caller.principal.agent_id is not None:
        found = found.filter(agent_id=caller.principal.agent_id)
    approval = found.first()
    if approval is None:
        raise NotFound("There is no such approval among those of your agents; ask with request_approval.")
    if approval.state == ApprovalState.OPEN:
        _keep(approval)
    answer = approvals.answer(approval) or {}
    return Decided(
        approval_id=approval.pk,
        title=approval.title,
        state=approval.state,
        approved=answer.get("approved"),
        option=answer.get("option", ""),
        by=answer.get("by"),
        comment=answer.get("comment", ""),
        fields=answer.get("fields", {}),
    )


def _keep(approval: Approval) -> None:
    """Who waits for an answer is alive: the work that the question is about stays with it."""
    if approval.command_run_id is None or approval.agent_id is None:
        return
    held = CommandRun.objects.filter(
        pk=approval.command_run_id, agent_id=approval.agent_id, status=CommandRunStatus.RUNNING
    )
    run = held.select_related("agent").first()
    if run is not None and run.agent is not None and lease.report(run.pk, run.fence).alive:
        patience.lengthen(run.pk, run.fence)
        services.agent_heartbeat(run.agent)


def _renew(command_run_id: UUID, fence: int) -> None:
    if not lease.report(command_run_id, fence).alive or not patience.lengthen(command_run_id, fence):
        raise StaleFence("The command was taken back or is over: stop working on it.")


@in_thread
def list_runs(caller: Caller, given: ListRuns) -> Runs:
    found = queries.runs(caller.principal.project_id)
    if given.status is not None:
        found = found.filter(status=given.status)
    if given.workflow is not None:
        found = found.filter(workflow=_workflow(caller, "workflow", given.workflow))
    return Runs(runs=[_row(run) for run in found.order_by("-created_at", "-id")[: given.limit]])


@in_thread
def start_workflow(caller: Caller, given: StartWorkflow) -> Started:
    workflow = _workflow(caller, "name", given.name)
    principal = caller.principal
    run, is_new = workflows.start_run(
        workflow, given.input, by=principal.username, idempotency_key=given.idempotency_key
    )
    return Started(run=_row(run), is_new=is_new)


def _workflow(caller: Caller, argument: str, slug: str) -> Workflow:
    found = queries.workflows(caller.principal.project_id)
    workflow = found.filter(slug=slug).first()
    if workflow is None:
        known = list(found.order_by("slug").values_list("slug", flat=True)[: MOST_NAMED + 1])
        named = ", ".join(known[:MOST_NAMED]) + (", …" if len(known) > MOST_NAMED else "")
        raise InvalidInput({argument: f"There is no workflow {slug!r}; there are {named or 'none'}."})
    return workflow


def _row(run: Run) -> RunRow:
    return RunRow(
        id=run.pk,
        number=run.number,
        name=run.name,
        workflow=run.workflow.slug,
        status=run.status,
        status_reason=run.status_reason,
        progress=run.progress,
        requested_by=run.requested_by,
        created_at=run.created_at,
        completed_at=run.completed_at,
    )


TOOLS: tuple[Tool, ...] = (
    Tool(
        "request_approval",
        "Ask people to decide",
        "Ask the people of the project to decide something about a command you hold, before you go on: "
        "something risky, costly or unclear. It answers an approval_id; get_approval tells the decision.",
        RequestApproval,
        Asked,
        request_approval,
        "agent",
    ),
    Tool(
        "get_approval",
        "Read a decision",
        "Whether people have decided what you asked, and how; waits up to wait_s seconds for it and keeps "
        "your hold on the command meanwhile. Call it again while the state is open. The time limit of the "
        "command goes on.",
        GetApproval,
        Decided,
        get_approval,
        "agent",
        only_reads=True,
    ),
    Tool(
        "list_runs",
        "List runs",
        "The project's workflow runs, newest first. Needs a key with the scope read.",
        ListRuns,
        Runs,
        list_runs,
        "read",
        only_reads=True,
    ),
    Tool(
        "start_workflow",
        "Start a workflow",
        "Start a run of a workflow by its slug, with its input. Give an idempotency_key, so that trying "
        "again does not start it twice. Needs a key with the scope run.",
        StartWorkflow,
        Started,
        start_workflow,
        "operate",
    ),
)
