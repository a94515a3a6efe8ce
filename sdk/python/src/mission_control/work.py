"""One command run in the hands of a body: what it is to do, and how it reports."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mission_control.errors import Cancelled, MissionControlError, Refused, Unreachable
from mission_control.outbox import PROGRESS, Item, Outbox, backoff, lines_item
from mission_control.transport import Transport

logger = logging.getLogger("mission_control")

Level = Literal["debug", "info", "warning", "error"]
LONGEST_MESSAGE = 200
LONGEST_LINE = 4_096
LOOK_SECONDS = 1.0
LOST, ASKED, STOPPING = "its lease was lost", "somebody cancelled it", "this worker is stopping"


@dataclass(frozen=True)
class Decision:
    """What people said. `approved` is False too when the question expired or was withdrawn."""

    approved: bool
    option: str
    comment: str
    by: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    state: str = ""


class Work:
    """Handed to the body. Everything but `ask` returns at once; all of it raises Cancelled when it is
    time to stop."""

    def __init__(self, claimed: Mapping[str, Any], outbox: Outbox, transport: Transport) -> None:
        self.id = str(claimed["id"])
        self.command = str(claimed["command"])
        self.title = str(claimed.get("title", ""))
        self.prompt = str(claimed.get("prompt", ""))
        given = claimed.get("input") or {}
        self.input: dict[str, Any] = given if isinstance(given, dict) else {"value": given}
        self.fence = int(claimed["fence"])
        self.attempt = int(claimed.get("attempt", 1))
        self.lease_seconds = float(claimed.get("lease_seconds", 30.0))
        self.timeout_seconds = float(claimed.get("timeout_seconds", 0.0))
        # Goes with requests to other programs, so that their spans are known to be of this work too.
        self.traceparent = str(claimed.get("traceparent") or "")
        self.usage_reported: dict[str, Any] = {}
        self.said_at = time.monotonic()
        self._outbox = outbox
        self._transport = transport
        self._percent = 0
        self._stop = threading.Event()
        self._reason = ""
        self._task: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._lock = threading.Lock()
        self._asked = 0

    @property
    def cancelled(self) -> bool:
        """Whether to stop; for bodies that would rather look than be interrupted."""
        return self._stop.is_set()

    @property
    def why_cancelled(self) -> str:
        return self._reason

    @property
    def is_lost(self) -> bool:
        """Whether somebody else has, or may have, the work by now."""
        return self._reason == LOST

    @property
    def held(self) -> tuple[str, int]:
        return self.id, self.fence

    @property
    def span_attributes(self) -> dict[str, str]:
        """Put them on spans of OpenTelemetry, and these belong to this command run."""
        return {"mc.command_run_id": self.id}

    def checkpoint(self) -> None:
        """Raises Cancelled when it is time to stop."""
        if self._stop.is_set():
            raise Cancelled(self._reason)

    def progress(self, percent: float, message: str = "") -> None:
        """Say how far it is, 0 to 100, and what is being done. Many calls a second are folded into one."""
        self.checkpoint()
        self._percent = max(0, min(100, int(percent)))
        said: dict[str, Any] = {"progress": self._percent}
        if message:
            said["message"] = clean(message)[:LONGEST_MESSAGE]
        self._say(said)

    def log(self, text: str, level: Level = "info") -> None:
        """Lines for the log of the command run, which people read live."""
        self.checkpoint()
        lines = [
            {"text": line[start : start + LONGEST_LINE], "level": level}
            for line in clean(text).splitlines() or [""]
            for start in range(0, max(1, len(line)), LONGEST_LINE)
        ]
        for start in range(0, len(lines), 500):
            self._outbox.put(lines_item(self.id, self.fence, lines[start : start + 500]))
        self.said_at = time.monotonic()

    def usage(
        self, *, input_tokens: int | None = None, output_tokens: int | None = None, model: str = ""
    ) -> None:
        """What a language model used for it; sent along with the output."""
        said = {"input_tokens": input_tokens, "output_tokens": output_tokens, "model": clean(model)[:200]}
        self.usage_reported = {name: value for name, value in said.items() if value not in (None, "")}

    def ask(
        self,
        title: str,
        details: str = "",
        options: Sequence[str] = (),
        *,
        fields: Mapping[str, Any] | None = None,
        expires_seconds: float | None = None,
    ) -> Decision:
        """Ask people and wait for their decision, while the lease is kept. `fields` is the JSON Schema of
        a form. Asked again in another attempt, it is the same question with the same answer.

        Raises Refused when it cannot be asked. In an async body: `await asyncio.to_thread(work.ask, …)`.
        """
        question: dict[str, Any] = {"title": clean(title)[:300], "details": clean(details)[:10_000]}
        question |= {"options": [clean(one)[:200] for one in options], "fields": dict(fields or {})}
        question["expires_seconds"] = expires_seconds
        with self._lock:
            self._asked += 1
            text = json.dumps([self._asked, question], sort_keys=True)
        question |= {"fence": self.fence, "event_id": hashlib.sha256(text.encode()).hexdigest()}
        asked = self._insist("POST", f"command-runs/{self.id}/approvals/", question)
        while True:
            found = self._insist("GET", f"approvals/{asked['id']}/")
            if found["state"] != "open":
                return _decision(found)
            self._stop.wait(LOOK_SECONDS)

    def renew(self) -> None:
        """Renew the lease without news. The worker does this by itself in time."""
        if not self._outbox.has_progress(self.held):
            self._say({"progress": self._percent})

    def hear(self, answer: Mapping[str, Any]) -> None:
        """What the server answered to a report."""
        if answer.get("cancel"):
            self.stop(ASKED)

    def stop(self, reason: str) -> None:
        """Have the body stop at its next checkpoint; an async one at its next await."""
        with self._lock:
            if self._stop.is_set() and reason != LOST:
                return
            self._reason = reason
            self._stop.set()
            task = self._task
        if task is not None:
            _cancel_soon(*task)

    def attach(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        """Tell which task is the body, so that it can be interrupted."""
        with self._lock:
            self._task = (loop, task)
            is_late = self._stop.is_set()
        if is_late:
            task.cancel()

    def detach(self) -> None:
        with self._lock:
            self._task = None

    def _say(self, said: dict[str, Any]) -> None:
        self.said_at = time.monotonic()
        self._outbox.put(Item(PROGRESS, self.id, self.fence, said))

    def _insist(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The call, again and again while the server is away. Raises Cancelled and Refused."""
        tries = 0
        while True:
            self.checkpoint()
            try:
                return self._transport.call(method, path, body)
            except Refused as error:
                if error.status == 409 and method == "POST" and "lease" in error.detail:
                    self.stop(LOST)
                    continue
                if not error.is_passing or error.status in (401, 403):
                    raise
                pause = backoff(tries, error)
            except Unreachable as error:
                pause = backoff(tries, error)
            tries += 1
            self._stop.wait(pause)


def _cancel_soon(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    try:
        loop.call_soon_threadsafe(task.cancel)
    except RuntimeError:  # the loop is closed: the body has just ended
        logger.debug("the body had ended already")


def _decision(found: Mapping[str, Any]) -> Decision:
    answer = found.get("answer")
    if not isinstance(answer, dict):
        raise MissionControlError(f"The question is {found.get('state')} without an answer.")
    return Decision(
        approved=bool(answer.get("approved")),
        option=str(answer.get("option") or ""),
        comment=str(answer.get("comment") or ""),
        by=answer.get("by"),
        fields=dict(answer.get("fields") or {}),
        state=str(found.get("state", "")),
    )


def clean(text: str) -> str:
    """Text as the server keeps it: without NUL and halves of characters."""
    return str(text).replace("\0", "").encode("utf-8", "replace").decode()
