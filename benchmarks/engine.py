"""The engine: steps and runs a second, accepted to running, idle CPU, lists; empty and with a long history.

Bodies do nothing, everything else is the product: leases, fences, journal, Celery, dispatch. The bare
baseline claims and finishes rows of one small table with a journal line each, in two transactions.

Two installations stand side by side, one empty and one with `--history=N` finished runs (default 50,000;
the goals speak of 1,000,000, which takes one to two minutes to fill and 3 GB). They are measured in turns,
`--rounds=N` (3) times each, and the median of the ratios of neighbours is told: a machine's speed wanders
more between minutes than the history costs. `--steps=N` fan out (1,000), `--runs=N` runs of ten steps
(200), `--only=server` or `--only=embedded`. At last the lists are compared once more, when the empty one
has just enough runs to fill a page of each: an empty page costs next to nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from statistics import median
from typing import Any

import psutil

from benchmarks._bare_leases import bare_steps
from benchmarks.tables import percentile, ratio, row
from tests.rig.client import Client
from tests.rig.process import Process
from tests.rig.stack import ROOT, Stack
from tests.rig.waiting import until

Figures = dict[str, float]
Pair = tuple[Figures, Figures]  # of the empty one, and of the one with a history

DEFAULTS = {"history": 50_000, "steps": 1_000, "runs": 200, "rounds": 3}
STARTERS = 4
LATENCIES = 40
ASKED = 20
A_PAGE = 5_000  # finished runs that fill a page of every list, also of the failed ones: a full one costs more
IDLE_SECONDS = 10
WITHIN = 300.0
# The product's own times, where the rig's are shorter.
# What the screen asks for; the two that nothing fits are the dearest where an index lacks.
LISTS = {
    "runs": "runs/",
    "failed runs": "runs/?status=failed",
    "cancelled runs": "runs/?status=cancelled",
    "running runs of a workflow": "workflows/ten-steps/runs/?status=running",
    "workflows": "workflows/",
    "command runs": "command-runs/",
    "failed command runs": "command-runs/?status=failed",
    "timed out command runs": "command-runs/?status=timed_out",
    "command runs of a command": "command-runs/?command=bench.noop",
    "needs attention": "monitoring/attention/",
    "stats": "monitoring/dashboard/stats/",
    "snapshot": "monitoring/dashboard/snapshot/",
}
USUAL = {"MC_LEASE_SECONDS": "45", "MC_HEARTBEAT_SECONDS": "10", "MC_REPAIR_SECONDS": "1"}


class Installation(Stack):
    """An installation whose demo model answers at once."""

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "benchmarks._noop", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def fill(self, history: int) -> float:
        """Stop, add so many finished runs, start again; gives the seconds the filling took."""
        for process in [*self.engines, *self.workers, *self.webs]:
            process.stop()
        began = time.perf_counter()
        self.manage("fill", str(history))
        took = time.perf_counter() - began
        for process in self.processes:
            process.start()
        for index in range(len(self.webs)):
            self.wait_web(index)
        return took

    def _process(self, name: str, *command: str) -> Process:
        words = [sys.executable, "-m", "benchmarks._noop", *command]
        return Process(name, words, self.home, env=self.env(), cwd=ROOT)


def main() -> None:
    sizes, modes = _asked()
    for mode in modes:
        empty = Installation(mode, durable=True, env=USUAL)
        with empty:
            empty.manage("prepare", str(sizes["steps"]))
            bare = bare_steps(empty)
            _say(f"{mode}: bare claim and finish", bare, "steps/s")
            measure(empty, sizes, f"{mode}, warming up")
            if sizes["history"]:
                full = Installation(mode, durable=True, env=USUAL)
                with full:
                    usual = compare(mode, sizes, empty, full)
            else:
                usual = middle([measure(empty, sizes, f"{mode}, empty") for _ in range(sizes["rounds"])])
            print(ratio(f"{mode}: fan-out", usual["steps/s"], bare))


def compare(mode: str, sizes: dict[str, int], empty: Installation, full: Installation) -> dict[str, float]:
    """The median figures of the empty one; says how many times dearer each is with the history."""
    full.manage("prepare", str(sizes["steps"]))
    measure(full, sizes, f"{mode}, warming up")
    title = f"{mode}, {sizes['history']:,} runs"
    _say(f"{mode}: adding {sizes['history']:,} finished runs", full.fill(sizes["history"]), "s")
    measure(full, sizes, f"{mode}, warming up")
    pairs: list[Pair] = []
    for number in range(sizes["rounds"]):
        turns = [(empty, f"{mode}, empty"), (full, title)]
        found = [measure(one, sizes, name) for one, name in (turns, turns[::-1])[number % 2]]
        pairs.append((found[number % 2], found[1 - number % 2]))
    for name, times in dearer(pairs).items():
        if name not in LISTS:
            _say(f"{mode}: {name}, with history", times, "x the empty one")
    empty.fill(A_PAGE)
    names = (f"{mode}, {A_PAGE:,} runs", title)
    pages = [(lists(empty.client(), names[0]), lists(full.client(), names[1])) for _ in pairs]
    for name, times in dearer(pages).items():
        _say(f"{mode}: {name}, with history", times, f"x that of {A_PAGE:,} runs")
    return middle([one for one, _ in pairs])


def dearer(pairs: Sequence[Pair]) -> dict[str, float]:
    """How many times dearer each figure is in the second of a pair; the median of the pairs."""
    return middle(
        [
            {name: one[name] / two[name] if name.endswith("/s") else two[name] / one[name] for name in one}
            for one, two in pairs
        ]
    )


def middle(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def measure(installation: Installation, sizes: dict[str, int], name: str) -> dict[str, float]:
    """One round; the machine's load is part of the figures."""
    client = installation.client()
    until(lambda: installation._working(client), 60, "the workers")
    found = {"accepted to running, p50": first_step(client, name)}
    before = _busy(installation)
    fan_out = _steps_a_second(client)
    used = (_busy(installation) - before) / sizes["steps"] * 1000
    _say(f"{name}: fan-out", fan_out, f"steps/s, {used:.2f} ms of CPU a step")
    before = _busy(installation)
    runs = _runs_a_second(client, sizes["runs"])
    used_by_run = (_busy(installation) - before) / sizes["runs"] * 1000
    _say(f"{name}: runs of ten steps", runs, f"runs/s, {used_by_run:.1f} ms of CPU a run")
    found |= {"steps/s": fan_out, "runs/s": runs, "CPU of a step": used, "CPU of a run": used_by_run}
    found |= {"idle CPU": _idle(installation, name)}
    found |= lists(client, name)
    _say(f"{name}: load of the machine", psutil.getloadavg()[0], "")
    return found


def lists(client: Client, name: str) -> dict[str, float]:
    """p50 of the ms of each list."""
    return {title: _asking(client, path, f"{name}: {title}") for title, path in LISTS.items()}


def first_step(client: Client, name: str) -> float:
    """p50 of the ms from a run's acceptance to its first step's lease, by the database's clock."""
    ages = []
    for _ in range(LATENCIES):
        run = client.wait_run(client.start("ten-steps", {})["id"])
        ages.append((_moment(run["steps"][0]["started_at"]) - _moment(run["created_at"])) * 1000)
    print(row(f"{name}: accepted to running", ages))
    return percentile(ages, 0.5)


def _steps_a_second(client: Client) -> float:
    run = client.start("fan-out", {})
    total = run["total_steps"]
    over = _over(client, run["id"])
    assert over["status"] == "completed", over["status_reason"]
    return float(total / (_moment(over["completed_at"]) - _moment(over["created_at"])))


def _runs_a_second(client: Client, count: int) -> float:
    """From the first request to the last run's end."""
    began = time.time()
    with ThreadPoolExecutor(STARTERS) as starters:
        ids = list(starters.map(lambda _: client.start("ten-steps", {})["id"], range(count)))
    ends = [_moment(_over(client, run_id)["completed_at"]) for run_id in ids]
    return count / (max(ends) - began)


def _over(client: Client, run_id: str) -> dict[str, Any]:
    """The run once nothing runs; asked for seldom, because the asking is not what is measured."""
    running = {"status": "running", "limit": 1}
    until(lambda: not client.get("runs/", params=running)["results"], WITHIN, "the end", every=0.5)
    run: dict[str, Any] = client.run(run_id)
    return run


def _asking(client: Client, path: str, name: str) -> float:
    """p50 of the ms of a GET."""
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    print(row(name, took))
    return percentile(took, 0.5)


def _busy(installation: Installation) -> float:
    """Seconds of CPU that everything has used so far, the database's processes too."""
    roots = [psutil.Process(one.pid) for one in installation.processes]
    if installation.postgres:
        roots.append(psutil.Process(installation.postgres.process.pid))
    used = 0.0
    for root in roots:
        for one in [root, *root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                used += sum(one.cpu_times()[:2])
    return used


def _idle(installation: Installation, name: str) -> float:
    """Percent of one core that everything together uses when there is nothing to do."""
    processes = {one.name: psutil.Process(one.pid) for one in installation.processes}
    time.sleep(2)
    everything = _busy(installation)
    before = {key: sum(one.cpu_times()[:2]) for key, one in processes.items()}
    time.sleep(IDLE_SECONDS)
    everything = (_busy(installation) - everything) / IDLE_SECONDS * 100
    used = {
        key: (sum(one.cpu_times()[:2]) - before[key]) / IDLE_SECONDS * 100 for key, one in processes.items()
    }
    said = ", ".join(f"{key} {percent:.1f} %" for key, percent in used.items())
    _say(f"{name}: idle CPU", everything, f"% with the database's  ({said})")
    return max(0.1, everything)


def _say(name: str, value: float, unit: str) -> None:
    print(f"{name:44} {value:8.2f} {unit}", flush=True)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _asked() -> tuple[dict[str, int], list[str]]:
    sizes, modes = dict(DEFAULTS), ["server", "embedded"]
    for word in sys.argv[1:]:
        name, _, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name == "only":
            modes = [value]
        elif word.startswith("--") and name in sizes:
            sizes[name] = int(value)
        elif word.startswith("--"):
            raise SystemExit(f"unknown: {word}; there are --only and --{', --'.join(sizes)}")
    return sizes, modes
