"""`Client`: what people do on the screen, for programs. Typed, synchronous, without memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from mission_control import shapes
from mission_control.errors import MissionControlError, Refused, Unreachable
from mission_control.outbox import backoff
from mission_control.transport import Transport

OVER = ("completed", "failed", "cancelled", "timed_out")


class Client:
    """`with Client() as client: client.start("bug-lifecycle", {"report": "…"})`.

    `url` and `key` default to MC_URL and MC_KEY; reading needs a key with the scope `read`, starting,
    cancelling and deciding one with `run`. Every call raises Refused and Unreachable.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 15.0,
        project: str | None = None,
    ) -> None:
        self.transport = Transport(url, key, timeout=timeout, project=project)

    def close(self) -> None:
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def me(self) -> dict[str, Any]:
        """Whose key this is, its project, and the server."""
        return cast("dict[str, Any]", self.transport.call("GET", "me/"))

    def agents(self, *, status: str = "", type: str = "", q: str = "") -> Iterator[shapes.AgentRow]:
        return self.pages("agents/", status=status, type=type, q=q)

    def commands(self) -> Iterator[shapes.CommandRow]:
        return self.pages("commands/")

    def workflows(self) -> Iterator[dict[str, Any]]:
        return self.pages("workflows/")

    def runs(self, *, status: str = "", workflow: str = "") -> Iterator[shapes.RunRow]:
        """Newest first."""
        return self.pages("runs/", status=status, workflow=workflow)

    def run(self, run_id: str) -> shapes.Run:
        return cast(shapes.Run, self.transport.call("GET", f"runs/{quote(run_id, safe='')}/"))

    def start(
        self, workflow: str, input: Mapping[str, Any] | None = None, *, idempotency_key: str = ""
    ) -> shapes.Run:
        """Start a run. The same idempotency key and input give the same run."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        path, body = f"workflows/{quote(workflow, safe='')}/runs/", {"input": dict(input or {})}
        return cast(shapes.Run, self.transport.call("POST", path, body, headers=headers))

    def start_command(
        self,
        agent_id: str,
        command: str,
        input: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str = "",
    ) -> shapes.CommandRunRow:
        """Have one agent do one command."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        path = f"agents/{quote(agent_id, safe='')}/command-runs/"
        body = {"command": command, "input": dict(input or {})}
        return cast(shapes.CommandRunRow, self.transport.call("POST", path, body, headers=headers))

    def cancel(self, run_id: str) -> shapes.State:
        path = f"runs/{quote(run_id, safe='')}/cancellation/"
        return cast(shapes.State, self.transport.call("POST", path))

    def command_runs(
        self, *, status: str = "", agent: str = "", command: str = ""
    ) -> Iterator[shapes.CommandRunRow]:
        """Newest first."""
        return self.pages("command-runs/", status=status, agent=agent, command=command)

    def command_run(self, command_run_id: str) -> shapes.CommandRun:
        path = f"command-runs/{quote(command_run_id, safe='')}/"
        return cast(shapes.CommandRun, self.transport.call("GET", path))

    def cancel_command_run(self, command_run_id: str) -> shapes.State:
        path = f"command-runs/{quote(command_run_id, safe='')}/cancellation/"
        return cast(shapes.State, self.transport.call("POST", path))

    def log(self, command_run_id: str, *, after: int = 0) -> Iterator[shapes.LogLine]:
        """The lines with a higher number than `after`, oldest first."""
        return self.pages(f"command-runs/{quote(command_run_id, safe='')}/logs/", after=after)

    def approvals(self, *, state: str = "open") -> Iterator[shapes.Approval]:
        return self.pages("approvals/", state=state)

    def decide(
        self,
        approval_id: str,
        approved: bool,
        *,
        comment: str = "",
        option: str = "",
        fields: Mapping[str, Any] | None = None,
    ) -> shapes.Approval:
        """Say yes or no to what was asked. Refused with 409 when it is decided already."""
        body = {"approved": approved, "comment": comment, "option": option, "fields": dict(fields or {})}
        path = f"approvals/{quote(approval_id, safe='')}/decision/"
        return cast(shapes.Approval, self.transport.call("POST", path, body))

    def wait_for_run(self, run_id: str, *, timeout: float | None = None, every: float = 1.0) -> shapes.Run:
        """The run once it is over; a server that is away for a while is asked again. Raises TimeoutError."""
        return cast(shapes.Run, self._wait(lambda: self.run(run_id), run_id, timeout, every))

    def wait_for_command_run(
        self, command_run_id: str, *, timeout: float | None = None, every: float = 1.0
    ) -> shapes.CommandRun:
        """As `wait_for_run`, for one command run."""
        found = self._wait(lambda: self.command_run(command_run_id), command_run_id, timeout, every)
        return cast(shapes.CommandRun, found)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every row of a list, page after page as they are wanted."""
        page = self.transport.call("GET", path, params={"limit": 100, **params})
        while True:
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise MissionControlError(f"{path} did not answer with a list.")
            yield from page["results"]
            following = page.get("next")
            if not following:
                return
            # Only ever the same server: the link is relative, and the key is not for others.
            page = self.transport.call("GET", "/" + str(following).lstrip("/"))

    def _wait(self, look: Callable[[], Any], what: str, timeout: float | None, every: float) -> Any:
        deadline = None if timeout is None else time.monotonic() + timeout
        tries = 0
        while True:
            try:
                found = look()
                if found["status"] in OVER:
                    return found
                pause, tries = every, 0
            except (Unreachable, Refused) as error:
                if isinstance(error, Refused) and (not error.is_passing or error.status in (401, 403)):
                    raise
                pause, tries = backoff(tries, error), tries + 1
            if deadline is not None and time.monotonic() + pause > deadline:
                raise TimeoutError(f"{what} is not over within {timeout:g} s")
            time.sleep(pause)
