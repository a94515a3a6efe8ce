"""One installation that suffers many faults: what dies is started again, the rest goes on."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.faults.matrix.deliveries import ADDRESSES, undelivered
from tests.faults.matrix.flows import FLOWS, GUEST, PARTS, SERVER, Flow
from tests.faults.matrix.hand import Caller, Hand
from tests.faults.matrix.judge import LEASE, STUCK, Notes, Verdict, judge
from tests.faults.matrix.model import Bodies
from tests.faults.matrix.receiver import Receiver
from tests.faults.matrix.records import Records
from tests.rig.clock import MachineClock
from tests.rig.process import Process
from tests.rig.stack import Stack
from tests.rig.waiting import until

ACTIONS = ("kill", "kill_peer", "lose", "stop")
ENOUGH = 90.0  # seconds until a run that is not over is given up
_never = threading.Event()


@dataclass(frozen=True)
class Case:
    """One fault at one point in one run. `trouble` is what the flow `retry` has to get over; the
    fault strikes `times` in a row; what is stopped `for_good` wakes when the run is over; `expect`
    is how the run must end if not as ever, `patience` how long nothing may move."""

    flow: str
    point: str = ""
    action: str = ""
    after: int = 1
    trouble: str = "fail"
    times: int = 1
    for_good: bool = False
    expect: Flow | None = None
    patience: float = STUCK

    def __str__(self) -> str:
        return f"{self.point}#{self.after} {self.action} in {self.flow}"


@dataclass
class Result:
    case: Case
    problems: list[str]
    struck: int
    silence: float = 0.0
    seconds: float = 0.0
    peer: str = ""
    hits: Counter[str] = field(default_factory=Counter)

    @property
    def fired(self) -> bool:
        return self.struck > 0


SLOWEST = 180.0  # seconds a process may take to start; a machine may be very busy
# What strikes before the fault of the case, so that the workflow comes to what it is about.
FIRST = {"republished": Case("republished", "agents.dispatch.publish:before", "lose")}


class Installation:
    """`with Installation() as rig: rig.suffer(Case("line", "dispatch.publish:after", "kill"))`."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.model = Bodies()
        self.receiver = Receiver(seed)
        self.clock = MachineClock()
        self.stack = Stack("server", webs=2, workers=2, engines=2, durable=True, forked=True)
        self.points = self.stack.home / "points"
        self.points.mkdir()
        self._serial = 0
        self._name = f"{seed}-{time.time_ns() % 10**9}"
        self._coming: dict[str, tuple[Process, int]] = {}
        self._starting = threading.Lock()

    def _settings(self) -> None:
        self.stack.extra(
            MC_FAIL_POINTS=str(self.points),
            MC_FAIL_POINTS_ALLOWED="1",
            MC_LEASE_SECONDS=str(LEASE),
            MC_HEARTBEAT_SECONDS="0.5",
            MC_REPAIR_SECONDS="0.2",
            MC_WORKER_SLOTS="8",
            MC_JOURNAL_KEEP_MINUTES="600",
            MC_JOURNAL_KEEP_EVENTS="10000000",
            MC_PUBLIC_URL=self.stack.url,
            **self.receiver.env,
            **self.model.env,
        )

    def __enter__(self) -> Installation:
        self.model.__enter__()
        self.receiver.__enter__()
        self.clock.__enter__()
        try:
            self._settings()
            self.stack.start()
            self._prepare()
        except BaseException:
            print(self.stack.logs())
            self.stack.stop()
            self.receiver.__exit__()
            self.clock.__exit__()
            self.model.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            print(self.stack.logs())
        self.disarm()
        self.hand.__exit__()
        self.guest.__exit__()
        self.records.close()
        for process in self.stack.processes:
            process.thaw()
            process.kill()  # how they stop is another suite's matter
        self.stack.stop()
        self.receiver.__exit__()
        self.clock.__exit__()
        self.model.__exit__()

    def suffer(self, case: Case) -> Result:
        """Start a run, let the fault strike, see it through, and judge what was recorded."""
        self.whole()
        self._serial += 1
        tag, flow = f"t{self._serial}-{self._name}", case.expect or FLOWS[case.flow]
        (self.points / "hits").unlink(missing_ok=True)
        began = time.monotonic()
        self.guest.open.clear()
        struck = _Strike(self, case)
        person = _Person(self, flow, tag, case.trouble, struck)
        late = self._see_through(tag, person, struck)
        self.disarm()
        struck.end()
        self.whole()
        problems = [f"not over after {ENOUGH:.0f} s: {late}"] if late else []
        verdict = Verdict([], 0)
        if not late:
            notes = Notes(self._effects, self.receiver.answers)
            verdict = judge(self.records, flow, tag, notes, struck.at, self.clock, case.patience)
        problems += [*verdict.problems, *person.problems]
        return Result(
            case,
            problems,
            case.times - struck.left,
            verdict.silence,
            time.monotonic() - began,
            struck.peer,
            self.hits(),
        )

    def deliveries(self) -> tuple[list[str], int, int]:
        """Wait until webhooks have nothing on its way any more, then judge all that arrived: what is
        wrong, how many events came and how many of them twice.

        The clock of what still waits is put forward: a pause after a failure may be five minutes.
        """
        self.whole()
        project = self.records.rows("SELECT project_id FROM agents_agent LIMIT 1")[0]["project_id"]
        put = (
            "UPDATE monitoring_webhookdelivery SET next_at = now(), held_until = NULL"
            " WHERE state = 'pending' AND next_at > now() + interval '1 second' RETURNING id"
        )
        count = "SELECT state, count(*) AS n FROM monitoring_webhookdelivery WHERE state <> 'sent' GROUP BY 1"
        deadline = self.clock.now() + ENOUGH
        while left := self.records.rows(count):
            if self.clock.now() > deadline:
                break
            self.records.rows(put)
            _never.wait(0.5)
        problems, arrived, repeated = undelivered(self.records, project, self.receiver.told, self._since)
        return (
            [
                *(f"webhooks: {one}" for one in [*left, *problems]),
            ],
            arrived,
            repeated,
        )

    def arm(self, case: Case) -> None:
        (self.points / "fired").unlink(missing_ok=True)
        fault = {"point": case.point, "action": case.action, "after": case.after}
        part = self.points / "armed.rig"
        part.write_text(json.dumps(fault))
        part.rename(self.points / "armed")  # whole or not at all: processes read it all the time

    def hits(self) -> Counter[str]:
        try:
            return Counter((self.points / "hits").read_text().splitlines())
        except FileNotFoundError:
            return Counter()

    def whole(self) -> None:
        """Wait until everything that was started again is at work."""
        for process in self.stack.processes:
            process.thaw()
            if not process.alive:
                self.start_again(process)
        for name, (process, said) in list(self._coming.items()):
            until(lambda p=process, n=said: not p.alive or self._ready(p, n), SLOWEST, f"{name} at work")  # type: ignore[misc]
            if process.alive:
                del self._coming[name]

    def start_again(self, process: Process) -> None:
        with self._starting:
            if process.alive:
                return
            said = _count(process.log)
            process.start()
            self._coming[process.name] = (process, said)

    def start_server_again(self, name: str) -> None:
        assert self.stack.postgres
        assert self.stack.redis
        if name == "redis":
            self.stack.redis.lose_everything()
        else:
            self.stack.postgres.process.stop(signal.SIGQUIT)
            self.stack.postgres.restart()

    def process_of(self, pid: int) -> Process | None:
        """Whose process it is or, when it has just died, was."""
        return next((one for one in self.stack.processes if one.pid == pid), None)

    # --- inside ---------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """The agents, the definitions, who is told of events, and room for a fan of eight."""
        client = self.stack.client()
        key = client.post("keys/", {"name": "hand", "scopes": ["agent"]})["key"]
        assert self.stack.postgres
        self.records = Records(self.stack.postgres.url)
        self.records.rows("UPDATE agents_agent SET max_parallel = 8 WHERE slug = 'writer' RETURNING id")
        self.hand = Hand(self.stack.urls, key)
        self.hand.__enter__()
        guest = client.post("keys/", {"name": "guest", "scopes": ["agent"]})["key"]
        self.guest = Hand(self.stack.urls, guest, GUEST, threads=1, shy=True)
        self.guest.__enter__()
        server = {"name": SERVER, "type": "script", "capabilities": ["summarising"], "max_parallel": 4}
        client.post("agents/", {**server, "endpoint": self.receiver.url("agent")})
        self.receiver.calls_back(self.stack.urls)
        for address, kinds in ADDRESSES.items():
            wanted = {"name": address, "url": self.receiver.url(address), "events": list(kinds)}
            client.post("webhooks/", wanted)
        folder = self.stack.home / "flows"
        folder.mkdir()
        for flow in [*PARTS.values(), *FLOWS.values()]:
            (folder / f"{flow.slug}.json").write_text(self.receiver.placed(flow.document))
        self.stack.manage("workflows", "apply", str(folder))
        head = "SELECT max(head) AS head FROM events_stream"
        self._since = int(self.records.rows(head)[0]["head"])
        self.caller = Caller([self.stack.client(index) for index in range(len(self.stack.urls))])

    def _see_through(self, tag: str, person: _Person, struck: _Strike) -> str:
        """Play everybody's part until nothing of the run is open; why it is not, or nothing."""
        deadline = self.clock.now() + ENOUGH
        state = "it was never accepted"
        while self.clock.now() < deadline:
            struck.look()
            try:
                run = self.records.run(tag)
                if run is not None:
                    state = f"the run is {run['status']} ({run['status_reason']})"
                    over = run["status"] in ("completed", "failed", "cancelled")
                    if over and not self.records.open_work(run["id"]) and person.is_done and struck.is_over:
                        return ""
                person.act(run)
            except psycopg.OperationalError:
                state = "the database is away"
            _never.wait(0.03)
        return state

    def _effects(self, tag: str, step: str) -> list[dict[str, Any]]:
        own = [*self.hand.effects[tag, step], *self.guest.effects[tag, step], *self.receiver.work[tag, step]]
        return [*own, *self.model.effects(tag, step)]

    def disarm(self) -> None:
        for name in ("armed", "fired", "answered"):
            (self.points / name).unlink(missing_ok=True)

    def _ready(self, process: Process, said: int) -> bool:
        if process in self.stack.webs:
            self.stack.wait_web(self.stack.webs.index(process))
            return True
        return _count(process.log) > said


class _Person:
    """Does what people do with the run: starts it, decides its question, pauses, resumes and cancels
    it, tells a worker to stop; each in a thread of its own, because the process that is asked may be
    the one that dies."""

    def __init__(self, rig: Installation, flow: Flow, tag: str, trouble: str, struck: _Strike) -> None:
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


class _Strike:
    """What the rig has to do when the armed fault fires."""

    def __init__(self, rig: Installation, case: Case) -> None:
        self.at: float | None = None
        self.peer = ""
        self._rig, self._case, self.left = rig, case, case.times
        self._frozen: Process | None = None
        self._thaw_at = 0.0
        self._first = FIRST.get(case.flow)
        if self._first is not None:
            rig.arm(self._first)
        elif case.point:
            rig.arm(case)

    @property
    def is_over(self) -> bool:
        return self._frozen is None or self._case.for_good

    def look(self) -> None:
        if self._frozen is not None and time.monotonic() >= self._thaw_at:
            self.end()
        if self.left == 0 and self._first is None:
            return
        try:
            fired = json.loads((self._rig.points / "fired").read_text())
        except FileNotFoundError:
            return
        if self._first is not None:  # a loss that needs nothing of us; now the fault of the case
            self._first = None
            self._rig.disarm()
            if self._case.point:
                self._rig.arm(self._case)
            return
        self.at = self.at or fired["at"]
        self.left -= 1
        struck = self._rig.process_of(fired["pid"])
        match fired["action"]:
            case "kill" if struck is not None:
                struck.wait(10)
                self._rig.start_again(struck)
            case "stop" if struck is not None:
                seconds = ENOUGH if self._case.for_good else LEASE + 1.5
                self._frozen, self._thaw_at = struck, time.monotonic() + seconds
            case "kill_peer":
                self._kill_peer(struck)
        if self.left:
            self._rig.arm(self._case)

    def end(self) -> None:
        if self._frozen is not None:
            self._frozen.thaw()
            self._frozen = None

    def _kill_peer(self, struck: Process | None) -> None:
        others: list[Process | str] = [
            one for one in self._rig.stack.processes if one is not struck and one.alive
        ]
        peer = self._rig.random.choice([*others, "redis", "postgres"])
        if isinstance(peer, str):
            self.peer = peer
            self._rig.start_server_again(peer)
            if peer == "postgres":
                self.at = time.time()  # nothing can move before its recovery is done
        else:
            self.peer = peer.name
            peer.kill()
            self._rig.start_again(peer)
        (self._rig.points / "answered").touch()


def _count(log: Path) -> int:
    """How often the process has said that it is ready."""
    return log.read_text(errors="replace").count(" ready") if log.exists() else 0
