"""What people do with a run while it suffers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from tests.faults.matrix.case import ENOUGH
from tests.faults.matrix.flows import Flow
from tests.rig.process import Process

if TYPE_CHECKING:
    from tests.faults.matrix.rig import Installation
    from tests.faults.matrix.strike import Strike


class Person:
    """Does what people do with the run: starts it, decides its question, pauses, resumes and cancels
    it, tells a worker to stop; each in a thread of its own, because the process that is asked may be
    the one that dies."""

    def __init__(self, rig: Installation, flow: Flow, tag: str, trouble: str, struck: Strike) -> None:
        self.problems: list[str] = []
        self._rig, self._flow, self._struck = rig, flow, struck
        self._done: set[str] = set()
        self._threads: list[threading.Thread] = []
        body = {"input": {"tag": tag, "trouble": trouble}}
        self._once("start", lambda: self._accepted(f"workflows/{flow.slug}/runs/", body, tag))

    @property
    def is_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def act(self, run: dict[str, Any] | None) -> None:
        if run is None:
            return
        match self._flow.name:
            case "people":
                self._decide_and_cancel(run)
            case "recalled":
                self._pause_what_is_offered(run)
            case "called":
                if "cancel" not in self._done and self._rig.records.is_handed_over(run["id"], "kept"):
                    path = f"runs/{run['id']}/cancellation/"
                    self._once("cancel", lambda: self._call("POST", path, {}))
            case "stopping":
                self._stop_who_works(run)

    def _decide_and_cancel(self, run: dict[str, Any]) -> None:
        path = f"runs/{run['id']}"
        asked = self._rig.records.open_approval(run["id"])
        # A notice whose sender was killed comes after a minute only.
        told = str(run["id"]) in self._rig.receiver.noticed or self._struck.at is not None
        if "pause" not in self._done:
            self._once("pause", lambda: self._call("POST", f"{path}/pause/"))
        elif "resume" not in self._done and run["status"] == "paused" and self.is_done:
            self._once("resume", lambda: self._call("DELETE", f"{path}/pause/"))
        elif "resume" in self._done and "decide" not in self._done and asked and told:
            self._once(
                "decide", lambda: self._call("POST", f"approvals/{asked}/decision/", {"approved": True})
            )
        elif "cancel" not in self._done and self._rig.records.step_status(run["id"], "held") == "running":
            self._once("cancel", lambda: self._call("POST", f"{path}/cancellation/", {}))

    def _pause_what_is_offered(self, run: dict[str, Any]) -> None:
        """Pause before the guest takes its work, resume once that was taken back and says why it waits."""
        path = f"runs/{run['id']}"
        offered, reason = self._rig.records.work_status(run["id"], "offered")
        taken_back = offered == "queued" and reason.endswith("is paused")
        if "pause" not in self._done and offered == "dispatched":
            self._once("pause", lambda: self._call("POST", f"{path}/pause/"))
        elif "resume" not in self._done and "pause" in self._done and self.is_done and taken_back:
            self._once("resume", lambda: self._call("DELETE", f"{path}/pause/"))
        elif "resume" in self._done:
            self._rig.guest.open.set()

    def _stop_who_works(self, run: dict[str, Any]) -> None:
        """Tell the worker that holds `long` to stop, as an upgrade does, and start it again."""
        if "stop" in self._done:
            return
        held_by = self._rig.records.worker_of(run["id"], "long")
        for worker in self._rig.stack.workers:
            if held_by and worker.alive and held_by.endswith(f":{worker.pid}"):
                self._once("stop", lambda one=worker: self._stop(one))  # type: ignore[misc]

    def _stop(self, worker: Process) -> None:
        worker.send(signal.SIGTERM)
        worker.wait(ENOUGH)
        self._rig.start_again(worker)

    def _once(self, name: str, act: Callable[[], None]) -> None:
        self._done.add(name)
        thread = threading.Thread(target=act, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accepted(self, path: str, body: dict[str, Any], tag: str) -> None:
        answer = self._rig.caller("POST", path, body, **{"Idempotency-Key": tag})
        if not answer.is_success:
            self.problems.append(f"the start was answered {answer.status_code}: {answer.text[:200]}")

    def _call(self, method: str, path: str, body: Any = None) -> None:
        """409 means that an earlier try, whose answer was lost, did it."""
        answer = self._rig.caller(method, path, body)
        if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
            self.problems.append(f"{path} was answered {answer.status_code}: {answer.text[:200]}")
