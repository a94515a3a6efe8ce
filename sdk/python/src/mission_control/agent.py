"""`Agent`: a program's functions become commands that Mission Control can give it."""

from __future__ import annotations

import hashlib
import logging
import re
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from mission_control.errors import MissionControlError, Refused
from mission_control.spool import Spool, default_home
from mission_control.transport import Transport
from mission_control.worker import Body, Worker

logger = logging.getLogger("mission_control")

F = TypeVar("F", bound=Callable[..., Any])


class Agent:
    """An agent by its name: the same name is the same agent.

    `url` and `key` default to MC_URL and MC_KEY; the key has the scope `agent`. `concurrency` is how
    many command runs are worked on at a time, `grace_seconds` how long they may go on after SIGTERM,
    `spool` where that is kept which cannot be sent now.
    """

    def __init__(
        self,
        name: str,
        *,
        type: str = "python",
        capabilities: Iterable[str] = (),
        url: str | None = None,
        key: str | None = None,
        concurrency: int = 1,
        grace_seconds: float = 30.0,
        spool: str | Path | None = None,
    ) -> None:
        if concurrency < 1:
            raise ValueError("concurrency must be 1 or more")
        self.name = name
        self.type = type
        self.concurrency = concurrency
        self.grace_seconds = grace_seconds
        self._given = list(capabilities)
        self._capabilities: dict[str, tuple[str, ...]] = {}
        self._bodies: dict[str, Body] = {}
        self._url, self._key = url, key
        self._spool = Path(spool) if spool is not None else None
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def command(self, name: str, *, capabilities: Iterable[str] = ()) -> Callable[[F], F]:
        """Do the command `name` of the catalogue with the decorated function, sync or async, which is
        given a `Work` and returns the output.

        `capabilities` are what the catalogue asks of an agent for it. Without them they are looked up
        when the agent runs.
        """

        def decorate(body: F) -> F:
            if name in self._bodies:
                raise ValueError(f"there are two functions for the command {name!r}")
            self._bodies[name] = body
            self._capabilities[name] = tuple(capabilities)
            return body

        return decorate

    def run(self, *, signals: bool = True) -> None:
        """Work until SIGTERM, SIGINT or `stop`. A second signal does not wait for what runs.

        Raises Refused when the key or the name is not accepted. `signals=False` leaves them alone.
        """
        if not self._bodies:
            raise MissionControlError("The agent has no command; decorate a function with @agent.command.")
        transport = Transport(self._url, self._key)
        if not transport.key:
            raise MissionControlError("There is no key: set MC_KEY to an API key with the scope agent.")
        _let_be_heard()
        worker = Worker(
            self.name,
            lambda: self._about(transport),
            self._bodies,
            transport,
            Spool(self._spool_of(transport)),
            concurrency=self.concurrency,
            grace_seconds=self.grace_seconds,
        )
        with self._lock:
            self._worker = worker
            if self._is_stopped:
                worker.stop()
        before = _on_signals(worker) if signals else {}
        try:
            worker.run()
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
            transport.close()

    def stop(self) -> None:
        """Have `run` end, as SIGTERM does; from any thread."""
        with self._lock:
            self._is_stopped = True
            if self._worker is not None:
                self._worker.stop()

    def _about(self, transport: Transport) -> dict[str, Any]:
        """What the agent registers with. Raises Unreachable where it must look up a capability."""
        found = list(self._given)
        for name, given in self._capabilities.items():
            if given:
                found += given
            elif not self._given:
                found.append(_looked_up(transport, name))
        about = {"name": self.name, "type": self.type, "capabilities": list(dict.fromkeys(found))}
        return about | ({"max_parallel": self.concurrency} if self.concurrency > 1 else {})

    def _spool_of(self, transport: Transport) -> Path:
        """One place for each agent of each server, so that nobody sends what is another's."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", self.name).strip("-")[:40] or "agent"
        mark = hashlib.sha256(f"{transport.url}\n{self.name}".encode()).hexdigest()[:12]
        return (self._spool or default_home()) / f"{words}-{mark}"


def _looked_up(transport: Transport, name: str) -> str:
    try:
        return str(transport.call("GET", f"commands/{name}/")["capability"])
    except Refused as error:
        why = "this key may not read the catalogue" if error.status == 403 else error.detail
    logger.warning(
        "what %r asks of an agent is not known (%s); registering as able to %r. Give capabilities=[…].",
        name, why, name,
    )  # fmt: skip
    return name


def _let_be_heard() -> None:
    """Show what the worker does, unless the program has arranged its logging."""
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _on_signals(worker: Worker) -> dict[signal.Signals, Any]:
    """Let SIGTERM and SIGINT stop the worker; returns what handled them before."""
    if threading.current_thread() is not threading.main_thread():
        return {}

    def handle(signum: int, frame: FrameType | None) -> None:
        # Locks may be held by the very frame that is interrupted.
        ask = worker.hurry if handle.count else worker.stop  # type: ignore[attr-defined]
        handle.count += 1  # type: ignore[attr-defined]
        threading.Thread(target=ask, daemon=True).start()

    handle.count = 0  # type: ignore[attr-defined]
    return {one: signal.signal(one, handle) for one in (signal.SIGTERM, signal.SIGINT)}
