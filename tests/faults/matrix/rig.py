"""One installation that suffers many faults: what dies is started again, the rest goes on."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.matrix.case import ENOUGH, Case, Result
from tests.faults.matrix.deliveries import ADDRESSES, undelivered
from tests.faults.matrix.flows import FLOWS, GUEST, PARTS, SERVER
from tests.faults.matrix.hand import Caller, Hand
from tests.faults.matrix.judge import LEASE, Notes, Verdict, judge
from tests.faults.matrix.model import Bodies
from tests.faults.matrix.people import Person
from tests.faults.matrix.receiver import Receiver
from tests.faults.matrix.records import Records
from tests.faults.matrix.strike import Strike
from tests.rig.clock import MachineClock
from tests.rig.process import Process
from tests.rig.stack import Stack
from tests.rig.waiting import until

_never = threading.Event()


SLOWEST = 180.0  # seconds a process may take to start; a machine may be very busy


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
        struck = Strike(self, case)
        person = Person(self, flow, tag, case.trouble, struck)
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

    def _see_through(self, tag: str, person: Person, struck: Strike) -> str:
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


def _count(log: Path) -> int:
    """How often the process has said that it is ready."""
    return log.read_text(errors="replace").count(" ready") if log.exists() else 0
