"""What every connector is given and gives back: one piece of work in, one outcome or one error out.

Connectors know neither rows nor transactions; the code that calls them owns leases and results.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Work:
    """One attempt at a command run, with everything a connector may need to know of it."""

    command_run_id: UUID
    fence: int
    attempt: int
    idempotency_key: str
    agent_name: str
    agent_type: str
    instructions: str
    model: str | None
    command: str
    title: str
    prompt: str
    input: dict[str, Any]
    timeout_seconds: float
    offline: str = ""
    kind: str = "command"
    agent_id: UUID | None = None
    connector: str = "llm"
    endpoint: str = ""
    secret_version: int = 1
    run_id: UUID | None = None

    @property
    def traceparent(self) -> str:
        """W3C Trace Context: the trace is the run's id (or the command run's), the parent the command run.
        Spans that go on from it are known by it: `telemetry.links`."""
        trace = (self.run_id or self.command_run_id).hex
        return f"00-{trace}-{self.command_run_id.hex[:16]}-01"


# More than that nobody measured: no agent's figure is taken for one.
MOST_TOKENS = 2_000_000_000
MOST_COST = Decimal(100_000)  # US dollars


@dataclass(frozen=True)
class Outcome:
    """The result of a piece of work. Token counts are measured ones; None means nobody measured."""

    output: dict[str, Any]
    input_tokens: int | None
    output_tokens: int | None
    model: str
    demo: bool
    cost_usd: Decimal | None = None


@dataclass(frozen=True)
class HandedOver:
    """The agent took the work and reports on it by itself, its end too. `message` says so to people."""

    message: str


class Report(Protocol):
    """Tells whoever watches how far the work is."""

    why_stopped: str
    """Why the work was ended from outside: `cancel`, `stale` or `give_back`; empty while it was not."""

    async def progress(self, percent: int, message: str = "", text: str | None = None) -> None:
        """`text` is everything written so far. Cheap to call: the implementation limits the rate."""


class ConnectorError(Exception):
    """The work could not be done. `message` is shown to people and must hold no secret."""

    def __init__(self, code: str, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


class Connector(Protocol):
    """A way for work to reach an agent."""

    async def run(self, work: Work, report: Report) -> Outcome | HandedOver:
        """Do the work. Raises ConnectorError; a cancelled task raises asyncio.CancelledError."""
