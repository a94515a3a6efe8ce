"""What the journal says of agents and command runs. Plain Python: no Django."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from apps.events.kinds import EventBody, Moment, TickBody


class AgentChanged(EventBody):
    """An agent as it now is. Kinds: agent.added, agent.changed, agent.secret_rotated."""

    entity: ClassVar[str] = "agent"
    entity_key: ClassVar[str] = "agent_id"

    type: Literal["agent_status_change"] = "agent_status_change"
    agent_id: UUID
    status: str
    current_task: str | None
    name: str
    agent_type: str
    capabilities: list[str]
    connector: str
    last_active: Moment
    last_error: str
    status_reason: str
    paused: bool
    provenance: str = ""
    signal_at: Moment | None = None
    is_new: bool = False


class AgentRemoved(EventBody):
    """An agent that is no more. Kind: agent.removed."""

    entity: ClassVar[str] = "agent"
    entity_key: ClassVar[str] = "agent_id"

    type: Literal["agent_removed"] = "agent_removed"
    agent_id: UUID


class KeyChanged(EventBody):
    """An API key was made or changed; what it is, only admins may read. Kinds: key.made, key.rotated,
    key.changed, key.revoked."""

    entity: ClassVar[str] = "key"
    entity_key: ClassVar[str] = "key_id"

    type: Literal["key_update"] = "key_update"
    key_id: UUID


class CatalogueChanged(EventBody):
    """How many commands there are now. Kind: catalogue.changed."""

    entity: ClassVar[str] = "catalogue"
    entity_key: ClassVar[str] = ""

    type: Literal["catalogue_change"] = "catalogue_change"
    total_commands: int


class CommandRunChanged(EventBody):
    """A command run as it now is.

    Kinds: command_run.queued, .dispatched, .started, .retried, .changed, .finished. `previous_status` is
    null for a new one.
    """

    entity: ClassVar[str] = "command_run"
    entity_key: ClassVar[str] = "command_run_id"

    type: Literal["command_run_update"] = "command_run_update"
    command_run_id: UUID
    agent_id: UUID | None
    agent_name: str | None
    command: str | None
    work_kind: str = "command"
    title: str
    status: str
    previous_status: str | None
    attempt: int
    wait_reason: str
    error_code: str
    progress: int
    priority: int = 0
    run_id: UUID | None
    step_id: UUID | None
    queued_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    input_tokens: int | None
    output_tokens: int | None
    model: str
    demo: bool


class CommandRunProgress(TickBody):
    """How far a running command run is; every one is also a sign of life of its holder."""

    type: Literal["command_run_progress"] = "command_run_progress"
    command_run_id: UUID
    run_id: UUID | None
    step_id: UUID | None
    agent_id: UUID | None
    progress: int
    message: str
    text: str
    heartbeat_at: Moment


class LogLine(BaseModel):
    """One line of the log of a command run, numbered from 1."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    attempt: int
    level: Literal["debug", "info", "warning", "error"]
    text: str
    at: Moment


class CommandRunLog(TickBody):
    """The newest lines of a command run's log. A gap in the numbers is read over REST."""

    type: Literal["command_run_log"] = "command_run_log"
    command_run_id: UUID
    run_id: UUID | None
    step_id: UUID | None
    lines: list[LogLine]
