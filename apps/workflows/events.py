"""What the journal says of definitions, runs, steps, approvals, pauses and of what starts runs. Plain
Python: no Django."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from apps.events.kinds import EventBody, Moment


class RunChanged(EventBody):
    """A run as it now is. Kinds: run.started, run.changed, run.finished.

    On the dashboard's wire a run is a workflow: `workflow_id` is the run's id and `workflow` the
    slug of its definition. `previous_status` is null for a new run.
    """

    entity: ClassVar[str] = "run"
    entity_key: ClassVar[str] = "workflow_id"

    type: Literal["workflow_update"] = "workflow_update"
    workflow_id: UUID
    status: str
    progress: int
    current_step: int
    name: str
    number: int
    workflow: str
    previous_status: str | None
    total_steps: int
    priority: int = 0
    status_reason: str
    error_code: str
    cancel_requested: bool
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


class StepFailure(BaseModel):
    """Why a step did not complete."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    message: str


class StepChanged(EventBody):
    """A step as it now is. Kinds: step.queued, step.started, step.waiting, step.changed,
    step.finished and step.reset (it is going to be done again).

    An item of a map is a step with a parent and its place in the list. When a map starts, `items` says
    how many it has. Items have lines of their own from when they begin; those that never begin are told
    of by the map's own end, and a map's reset may take them away.
    """

    entity: ClassVar[str] = "step"
    entity_key: ClassVar[str] = "step_id"

    type: Literal["step_update"] = "step_update"
    run_id: UUID
    step_id: UUID
    key: str
    parent_id: UUID | None = None
    map_index: int | None = None
    name: str
    index: int
    status: str
    previous_status: str
    step_kind: str
    wait_reason: str
    wakes_at: Moment | None
    attempt: int
    agent_id: UUID | None
    agent_name: str
    command_run_id: UUID | None
    child_run_id: UUID | None = None
    items: int | None = None
    progress: int
    error: StepFailure | None
    started_at: Moment | None
    completed_at: Moment | None


class ApprovalChanged(EventBody):
    """An approval as it now is. Kinds: approval.opened, .changed, .escalated (nobody decided in time),
    .undelivered (somebody outside could not be told) and .closed.

    An agent's question has an agent and a command run, and a run and step only if that works for one;
    else `workflow` is empty. `undelivered` counts those outside who could not be told of it,
    `open_approvals` what is open in the project right after this event.
    """

    entity: ClassVar[str] = "approval"
    entity_key: ClassVar[str] = "approval_id"

    type: Literal["approval_update"] = "approval_update"
    approval_id: UUID
    state: str
    title: str
    run_id: UUID | None
    step_id: UUID | None
    workflow: str
    agent_id: UUID | None = None
    agent_name: str = ""
    command_run_id: UUID | None = None
    approvals: int
    min_approvals: int
    expires_at: Moment | None
    escalated_at: Moment | None = None
    undelivered: int = 0
    open_approvals: int


class PauseChanged(EventBody):
    """A project or one of its workflows was paused or resumed. Kinds: project.paused,
    project.resumed, workflow.paused, workflow.resumed. `workflow` is null for the project."""

    entity: ClassVar[str] = "pause"
    entity_key: ClassVar[str] = "subject_id"

    type: Literal["pause_update"] = "pause_update"
    subject_id: UUID
    workflow: str | None
    paused: bool
    by: str
    at: Moment


class LimitsChanged(EventBody):
    """A project may have more, or less, at work at a time. Kind: project.limited. Null is no limit."""

    entity: ClassVar[str] = "project"
    entity_key: ClassVar[str] = "project_id"

    type: Literal["limits_update"] = "limits_update"
    project_id: UUID
    max_runs: int | None
    max_command_runs: int | None
    by: str


class NoticeSecretRotated(EventBody):
    """The webhooks of approvals are signed with another secret, which only admins may read. Until
    `old_secret_until`, if there is one, they carry the signature of the one before, too.
    Kind: project.secret_rotated."""

    entity: ClassVar[str] = "project"
    entity_key: ClassVar[str] = "project_id"

    type: Literal["notice_secret_update"] = "notice_secret_update"
    project_id: UUID
    version: int
    old_secret_until: Moment | None
    by: str


class WorkflowSaved(EventBody):
    """A definition has a new version, which new runs take. Kind: workflow.saved.

    On the wire `workflow_id` is a run's id, so the definition's is `definition_id`.
    """

    entity: ClassVar[str] = "workflow"
    entity_key: ClassVar[str] = "definition_id"

    type: Literal["workflow_saved"] = "workflow_saved"
    definition_id: UUID
    workflow: str
    name: str
    version: int
    by: str
    at: Moment


class ScheduleChanged(EventBody):
    """A schedule as it now is. Kinds: schedule.changed (also when it is made), schedule.fired and
    schedule.deleted. `outcome` is what came of the moment that fired; `run_id` its run."""

    entity: ClassVar[str] = "schedule"
    entity_key: ClassVar[str] = "schedule_id"

    type: Literal["schedule_update"] = "schedule_update"
    schedule_id: UUID
    name: str
    workflow: str
    enabled: bool
    next_at: Moment | None
    last_at: Moment | None
    last_problem: str
    outcome: str | None
    run_id: UUID | None


class TriggerChanged(EventBody):
    """A trigger as it now is. Kinds: trigger.changed (also when it is made), trigger.fired and
    trigger.deleted. `run_id` is the run that the request started."""

    entity: ClassVar[str] = "trigger"
    entity_key: ClassVar[str] = "trigger_id"

    type: Literal["trigger_update"] = "trigger_update"
    trigger_id: UUID
    name: str
    workflow: str
    enabled: bool
    last_at: Moment | None
    last_result: str
    run_id: UUID | None
