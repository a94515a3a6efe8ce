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

from tests.faults.matrix.flows import FLOWS, Flow
from tests.faults.matrix.hand import Caller, Hand
from tests.faults.matrix.judge import LEASE, STUCK, Records, Verdict, judge
from tests.faults.matrix.model import Bodies
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


class Installation:
    """`with Installation() as rig: rig.suffer(Case("line", "dispatch.publish:after", "kill"))`."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.model = Bodies()
        self.stack = Stack("server", webs=2, workers=2, engines=2, durable=True)
        self.points = self.stack.home / "points"
        self.points.mkdir()
        self._serial = 0
        self._name = f"{seed}-{time.time_ns() % 10**9}"
        self._coming: dict[str, tuple[Process, int]] = {}
        self.stack.extra(
            MC_FAIL_POINTS=str(self.points),
            MC_FAIL_POINTS_ALLOWED="1",
            MC_LEASE_SECONDS=str(LEASE),
            MC_HEARTBEAT_SECONDS="0.5",
            MC_REPAIR_SECONDS="0.2",
            MC_WORKER_SLOTS="8",
            MC_JOURNAL_KEEP_MINUTES="600",
            MC_JOURNAL_KEEP_EVENTS="10000000",
            **self.model.env,
        )

    def __enter__(self) -> Installation:
        self.model.__enter__()
        try:
            self.stack.start()
            self._prepare()
        except BaseException:
            print(self.stack.logs())
            self.stack.stop()
            self.model.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            print(self.stack.logs())
        self._disarm()
        self.hand.__exit__()
        self.records.close()
        for process in self.stack.processes:
            process.thaw()
            process.kill()  # how they stop is another suite's matter
        self.stack.stop()
        self.model.__exit__()

    def suffer(self, case: Case) -> Result:
        """Start a run, let the fault strike, see it through, and judge what was recorded."""
        self.whole()
        self._serial += 1
        tag, flow = f"t{self._serial}-{self._name}", case.expect or FLOWS[case.flow]
        (self.points / "hits").unlink(missing_ok=True)
        began = time.monotonic()
        if case.point:
            self.arm(case)
        person = _Person(self, flow, tag, case.trouble)
        struck = _Strike(self, case)
        late = self._see_through(tag, person, struck)
        self._disarm()
        struck.end()
        self.whole()
        problems = [f"not over after {ENOUGH:.0f} s: {late}"] if late else []
        verdict = Verdict([], 0)
        if not late:
            verdict = judge(self.records, flow, tag, self._effects, struck.at, case.patience)
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
            until(lambda p=process, n=said: not p.alive or self._ready(p, n), 60, f"{name} at work")  # type: ignore[misc]
            if process.alive:
                del self._coming[name]

    def start_again(self, process: Process) -> None:
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
        """The pull agent, the four definitions, and room for a fan of eight."""
        client = self.stack.client()
        key = client.post("keys/", {"name": "hand", "scopes": ["agent"]})["key"]
        assert self.stack.postgres
        self.records = Records(self.stack.postgres.url)
        self.records.rows("UPDATE agents_agent SET max_parallel = 8 WHERE slug = 'writer' RETURNING id")
        self.hand = Hand(self.stack.urls, key)
        self.hand.__enter__()
        folder = self.stack.home / "flows"
        folder.mkdir()
        for flow in FLOWS.values():
            (folder / f"{flow.slug}.json").write_text(json.dumps(flow.document))
        self.stack.manage("workflows", "apply", str(folder))
        self.caller = Caller([self.stack.client(index) for index in range(len(self.stack.urls))])

    def _see_through(self, tag: str, person: _Person, struck: _Strike) -> str:
        """Play everybody's part until nothing of the run is open; why it is not, or nothing."""
        deadline = time.monotonic() + ENOUGH
        state = "it was never accepted"
        while time.monotonic() < deadline:
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
        return [*self.hand.effects[tag, step], *self.model.effects(tag, step)]

    def _disarm(self) -> None:
        for name in ("armed", "fired", "answered"):
            (self.points / name).unlink(missing_ok=True)

    def _ready(self, process: Process, said: int) -> bool:
        if process in self.stack.webs:
            self.stack.wait_web(self.stack.webs.index(process))
            return True
        return _count(process.log) > said


class _Person:
    """Starts the run, decides its question, and cancels it once it is held up; each in a thread of
    its own, because the process that is asked may be the one that dies."""

    def __init__(self, rig: Installation, flow: Flow, tag: str, trouble: str) -> None:
        self.problems: list[str] = []
        self._rig, self._flow = rig, flow
        self._done: set[str] = set()
        self._threads: list[threading.Thread] = []
        body = {"input": {"tag": tag, "trouble": trouble}}
        self._once("start", lambda: self._accepted(f"workflows/{flow.slug}/runs/", body, tag))

    @property
    def is_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def act(self, run: dict[str, Any] | None) -> None:
        if self._flow.name != "people" or run is None:
            return
        path = f"runs/{run['id']}"
        asked = self._rig.records.open_approval(run["id"])
        if "pause" not in self._done:
            self._once("pause", lambda: self._call("POST", f"{path}/pause/"))
        elif "resume" not in self._done and run["status"] == "paused" and self.is_done:
            self._once("resume", lambda: self._call("DELETE", f"{path}/pause/"))
        elif "resume" in self._done and "decide" not in self._done and asked:
            self._once(
                "decide", lambda: self._call("POST", f"approvals/{asked}/decision/", {"approved": True})
            )
        elif "cancel" not in self._done and self._rig.records.step_status(run["id"], "held") == "running":
            self._once("cancel", lambda: self._call("POST", f"{path}/cancellation/", {}))

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

    @property
    def is_over(self) -> bool:
        return self._frozen is None or self._case.for_good

    def look(self) -> None:
        if self._frozen is not None and time.monotonic() >= self._thaw_at:
            self.end()
        if self.left == 0:
            return
        try:
            fired = json.loads((self._rig.points / "fired").read_text())
        except FileNotFoundError:
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
