"""The worker of an agent: registers, asks for work, runs bodies, keeps their leases, sends what came of it.

Bodies run on threads of their own, async ones on a loop of their own. One thread asks for work, one
keeps leases and heartbeats, the outbox's sends.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mission_control.errors import Cancelled, Failed, MissionControlError, Refused, Unreachable
from mission_control.outbox import RESULT, RETURN, Item, Outbox, backoff
from mission_control.spool import Spool
from mission_control.tracing import continued
from mission_control.transport import Transport
from mission_control.work import LOST, STOPPING, Work, clean

logger = logging.getLogger("mission_control")

Body = Callable[[Work], Any]

POLL_SECONDS = 25
HEARTBEAT_SECONDS = 10.0
TICK_SECONDS = 0.25
OUTCOME_SECONDS = 10.0  # to tell what came of the last work, when the worker stops
STOPPED = {"code": "cancelled", "message": "Stopped as it was told."}
FORGOTTEN = (404, 410)


class Worker:
    """`run` until `stop`. `about` gives what the agent registers with, and may ask the server for it;
    `bodies` are by the command they do."""

    def __init__(
        self,
        name: str,
        about: Callable[[], dict[str, Any]],
        bodies: dict[str, Body],
        transport: Transport,
        spool: Spool,
        *,
        concurrency: int = 1,
        grace_seconds: float = 30.0,
    ) -> None:
        self.name = name
        self.about = about
        self.bodies = bodies
        self.grace_seconds = grace_seconds
        self.agent_id = ""
        self._transport = transport
        # Connections of its own: hanging up on the long poll must not disturb the others.
        self._polls = Transport(transport.url, transport.key, timeout=POLL_SECONDS + 15.0)
        self._outbox = Outbox(transport, spool, self._hear)
        self._held: dict[tuple[str, int], Work] = {}
        self._lock = threading.Lock()
        self._free = threading.Semaphore(concurrency)
        self._stopping = threading.Event()
        self._is_over = threading.Event()
        self._idle = threading.Condition(self._lock)

    def run(self) -> None:
        """Work until `stop` is called. Raises Refused when the server will not have the agent at all."""
        if not self._register():
            return
        self._outbox.start()
        for target in (self._claim_work, self._keep):
            threading.Thread(target=target, name=f"mission-control-{target.__name__}", daemon=True).start()
        try:
            # A bounded wait: on some systems a signal does not wake an unbounded one.
            while not self._stopping.wait(1.0):
                pass
        finally:
            self._wind_up()

    def stop(self) -> None:
        """Take no more work, let what runs end within the grace, give the rest back. Returns at once."""
        self._stopping.set()

    def hurry(self) -> None:
        """Stop without the grace."""
        self.grace_seconds = 0.0
        self._stopping.set()
        with self._idle:
            self._idle.notify_all()

    def _register(self) -> bool:
        """Become known; False when stopped meanwhile. Waits for a server that is away."""
        tries = 0
        while not self._stopping.is_set():
            try:
                self.agent_id = self._transport.call("POST", "agents/register/", self.about())["id"]
            except (Unreachable, Refused) as error:
                if isinstance(error, Refused) and (not error.is_passing or error.status in (401, 403)):
                    raise
                logger.warning("cannot register yet: %s", error)
                self._stopping.wait(backoff(tries, error))
                tries += 1
            else:
                logger.info("registered as %s (%s)", self.name, self.agent_id)
                return True
        return False

    def _claim_work(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            if not self._free.acquire(timeout=1.0):
                continue
            claimed = None
            try:
                path = f"agents/{self.agent_id}/claims/"
                answer = self._polls.call("POST", path, {}, params={"wait": str(POLL_SECONDS)})
                claimed = (answer or {}).get("command_run")
                tries = 0
            except (Unreachable, Refused) as error:
                if self._stopping.is_set():
                    return
                tries = self._after_refusal(error, tries)
            if claimed is None:
                self._free.release()
            else:
                self._begin(Work(claimed, self._outbox, self._transport))

    def _after_refusal(self, error: Unreachable | Refused, tries: int) -> int:
        if isinstance(error, Refused) and error.status in FORGOTTEN:
            logger.warning("the server does not know this agent any more; registering again")
            try:
                self._register()
            except Refused as again:
                logger.error("cannot register again: %s", again)
                self._stopping.wait(backoff(tries, again))
            return tries + 1
        logger.log(logging.WARNING if tries else logging.INFO, "cannot ask for work: %s", error)
        self._stopping.wait(backoff(tries, error))
        return tries + 1

    def _begin(self, work: Work) -> None:
        if self._stopping.is_set():  # it came while we hung up
            self._outbox.put(Item(RETURN, work.id, work.fence, {}))
            return
        with self._lock:
            self._held[work.held] = work
        logger.info("began %s (%s), attempt %d", work.command, work.id, work.attempt)
        threading.Thread(target=self._do, args=(work,), name=f"work-{work.id[:8]}", daemon=True).start()

    def _do(self, work: Work) -> None:
        try:
            result = self._result(work)
            with self._lock:
                is_ours = self._held.get(work.held) is work
            if work.is_lost or not is_ours:
                logger.warning("what came of command run %s is dropped: %s", work.id, work.why_cancelled)
            elif result is None:
                self._outbox.put(Item(RETURN, work.id, work.fence, {}))
            else:
                self._outbox.put(Item(RESULT, work.id, work.fence, result))
        finally:
            with self._idle:
                self._held.pop(work.held, None)
                self._idle.notify_all()
            self._free.release()

    def _result(self, work: Work) -> dict[str, Any] | None:
        """What to send of it; None to give it back."""
        body = self.bodies.get(work.command)
        if body is None:
            known = ", ".join(sorted(self.bodies)) or "none"
            message = f"This agent has no body for {work.command!r}; it has: {known}."
            return {"error": {"code": "unknown_command", "message": message[:4000]}}
        try:
            with continued(work.traceparent):
                output = _call(body, work)
        except (Cancelled, asyncio.CancelledError):
            return None if work.why_cancelled == STOPPING else {"error": STOPPED}
        except Failed as failed:
            return {"error": _error(failed.code, str(failed), retryable=failed.retryable)}
        except Exception as error:
            logger.exception("the body of %s failed", work.command)
            return {"error": _error("agent_error", f"{type(error).__name__}: {error}")}
        if dataclasses.is_dataclass(output) and not isinstance(output, type):
            output = dataclasses.asdict(output)
        return {"output": {} if output is None else output, **work.usage_reported}

    def _hear(self, item: Item, answer: dict[str, Any] | Refused) -> None:
        with self._lock:
            work = self._held.get(item.held)
        if isinstance(answer, Refused):
            if work is not None and answer.status in (404, 409):
                work.stop(LOST)
        elif work is not None:
            work.hear(answer)
        if item.kind == RESULT and not isinstance(answer, Refused):
            logger.info("command run %s ended: %s", item.command_run, answer.get("status", ""))

    def _keep(self) -> None:
        """Renew leases in time, and say that the agent lives when nothing else says so."""
        beat_at = time.monotonic()
        while not self._is_over.wait(TICK_SECONDS):
            moment = time.monotonic()
            with self._lock:
                held = list(self._held.values())
            for work in held:
                if moment - work.said_at > work.lease_seconds / 4:
                    work.renew()
            if moment - beat_at > HEARTBEAT_SECONDS:
                beat_at = moment
                self._beat()

    def _beat(self) -> None:
        if self._outbox.is_away:
            return
        try:
            self._transport.call("POST", f"agents/{self.agent_id}/heartbeat/", {}, timeout=5.0)
        except MissionControlError as error:
            logger.debug("no heartbeat: %s", error)

    def _wind_up(self) -> None:
        self._polls.close()  # ends the long poll
        until = time.monotonic() + self.grace_seconds
        with self._idle:
            while self._held and time.monotonic() < until and self.grace_seconds:
                self._idle.wait(min(1.0, until - time.monotonic()))
            late = list(self._held.values())
        for work in late:
            work.stop(STOPPING)
        with self._idle:
            self._idle.wait_for(lambda: not self._held, 2.0)
            stubborn = list(self._held.values())
            self._held.clear()
        for work in stubborn:  # what it still says is refused by then: the fence is another's
            self._outbox.put(Item(RETURN, work.id, work.fence, {}))
        self._outbox.wait_empty(OUTCOME_SECONDS)
        self._is_over.set()
        self._outbox.close()
        logger.info("stopped")


def _call(body: Body, work: Work) -> Any:
    if not inspect.iscoroutinefunction(body):
        output = body(work)
        return asyncio.run(_attached(output, work)) if inspect.isawaitable(output) else output
    return asyncio.run(_attached(body(work), work))


async def _attached(awaitable: Awaitable[Any], work: Work) -> Any:
    task = asyncio.ensure_future(awaitable)
    if isinstance(task, asyncio.Task):
        work.attach(asyncio.get_running_loop(), task)
    try:
        return await task
    finally:
        work.detach()


def _error(code: str, message: str, *, retryable: bool = False) -> dict[str, Any]:
    said = clean(message)[:4000].strip() or "It failed without a word."
    return {"code": clean(code)[:50] or "agent_error", "message": said, "retryable": retryable}
