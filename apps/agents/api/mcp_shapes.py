"""What the agents' tools of the MCP server take and answer. The descriptions are for the model that
calls: they say what to send, in which unit, and what follows."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from apps.agents.api.mcp_server import Answer, Given

MOST_WAIT_SECONDS = 25
NAME = r"^[^\x00-\x1f\x7f]+$"

Name = Annotated[str, StringConstraints(pattern=NAME, min_length=1, max_length=100, strip_whitespace=True)]
Kind = Annotated[str, StringConstraints(pattern=NAME, min_length=1, max_length=50, strip_whitespace=True)]
Agent = Annotated[
    str | None,
    Field(
        max_length=100,
        description="The agent_id (or name) that whoami answered. Leave it out when your key belongs to one "
        "agent or your connection names one.",
    ),
]
CommandId = Annotated[UUID, Field(description="The id of the command, as next_command gave it.")]
Fence = Annotated[int, Field(ge=0, description="The fence of the command, as next_command gave it.")]


class WhoAmI(Given):
    name: Name | None = Field(
        None, description="Your name, always the same one: the same name is the same agent."
    )
    type: Kind | None = Field(None, description="What kind of work you do, for example coding or review.")
    capabilities: list[Name] | None = Field(
        None,
        max_length=100,
        description="What you can be asked to do; commands of the catalogue name the capability they need.",
    )


class Heartbeat(Given):
    status: Literal["idle", "busy", "waiting", "error"] | None = Field(
        None, description="How you are: idle, busy with work of your own, waiting for somebody, or in error."
    )
    current_task: str | None = Field(
        None, max_length=200, description="What you are doing, in a few words, as people will read it."
    )
    agent: Agent = None


class NextCommand(Given):
    wait_s: int = Field(
        MOST_WAIT_SECONDS,
        ge=0,
        le=MOST_WAIT_SECONDS,
        description="How many seconds to wait for a command when there is none, 0 to 25.",
    )
    agent: Agent = None


class AckCommand(Given):
    id: CommandId
    fence: Fence


class ReportProgress(Given):
    id: CommandId
    fence: Fence
    percent: int = Field(ge=0, le=100, description="How much is done, 0 to 100.")
    message: str | None = Field(
        None, max_length=2000, description="What you are doing now. People see it, and it is kept in the log."
    )


class CompleteCommand(Given):
    id: CommandId
    fence: Fence
    output: Any = Field(
        None,
        description="The result, when the work succeeded: a JSON object; a plain text becomes {text: …}.",
    )
    error: str | None = Field(
        None, min_length=1, max_length=4000, description="Why it failed, when it failed, instead of output."
    )
    error_code: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]+$", max_length=50)] = Field(
        "agent_error", description="One word for programs, for example tests_failed."
    )
    retryable: bool = Field(False, description="Whether trying again may help. Only with error.")
    model: str = Field("", max_length=200, description="The model you are, if you know.")
    input_tokens: int | None = Field(None, ge=0, le=2_000_000_000, description="Measured, never guessed.")
    output_tokens: int | None = Field(None, ge=0, le=2_000_000_000, description="Measured, never guessed.")

    @model_validator(mode="after")
    def _one_of_both(self) -> CompleteCommand:
        if ("output" in self.model_fields_set and self.output is not None) == (self.error is not None):
            raise ValueError("Send either output or error.")
        return self


class Held(Answer):
    """A command you took and have not completed."""

    id: UUID
    command: str
    title: str
    fence: int
    progress: int
    cancel: bool = Field(description="Whether you were asked to stop.")


class Self(Answer):
    agent_id: UUID
    name: str
    type: str
    capabilities: list[str]
    status: str
    paused: bool = Field(description="Whether people paused you: you get no new command until they resume.")


class Identity(Answer):
    agent: Self | None = Field(description="Who you are; null until you said a name.")
    project: str
    key: str = Field(description="The name of the key you use.")
    scopes: list[str] = Field(description="What the key allows: agent, read, run, ingest.")
    held: list[Held] = Field(description="Commands you took earlier and have not completed: go on with them.")


class Beat(Answer):
    status: str
    paused: bool
    cancel: list[UUID] = Field(description="Commands you hold and were asked to stop.")


class Command(Answer):
    """Work that is yours now."""

    id: UUID
    fence: int = Field(description="Send it with every call about this command.")
    command: str
    title: str
    prompt: str = Field(description="What to do.")
    input: dict[str, Any]
    attempt: int
    idempotency_key: str = Field(description="The same over all attempts; use it for effects elsewhere.")
    lease_seconds: float = Field(description="How long you may be silent before it is given to another.")
    timeout_seconds: float = Field(description="How long the attempt may take in all.")
    traceparent: str = Field(
        description="W3C trace context for spans of this work and calls you make for it."
    )


class Next(Answer):
    command: Command | None = Field(description="The command to do now; null: there is none, ask again.")
    held: list[Held] = Field(description="Commands you took earlier and have not completed: go on with them.")
    paused: bool = Field(description="Whether people paused you: there is no command until they resume.")


class Signal(Answer):
    cancel: bool = Field(description="True: stop, and complete the command with an error.")
    pause: bool = Field(description="True: finish this command; no other follows for now.")
    lease_seconds: float


class Completed(Answer):
    id: UUID
    status: str = Field(description="completed, failed, cancelled, or queued when it will be tried again.")
