"""Agents over REST: heartbeats in batches of 100 with dashboards open, and how soon a command arrives.

The bare baseline writes as many heartbeats into a table of its own, without product, journal or HTTP.
`--seconds=N` of each round (5), `--dashboards=N` open sockets (200), read by a process of their own,
`--only=server` or `--only=embedded`.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import psutil
import psycopg

from benchmarks._dashboards import watching
from benchmarks.tables import ratio, row
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

SENDERS = 4
IN_BATCH = 100
AGENTS = SENDERS * IN_BATCH
DELIVERIES = 50
USUAL = {
    "MC_LEASE_SECONDS": "45",
    "MC_HEARTBEAT_SECONDS": "10",
    "MC_REPAIR_SECONDS": "1",
    "MC_AGENT_RATE": "0",
}
Send = Callable[[httpx.Client, int, int], None]


def main() -> None:
    asked = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
    seconds, dashboards = float(asked.get("seconds", 5)), int(asked.get("dashboards", 200))
    for mode in ["server", "embedded"] if "only" not in asked else [asked["only"]]:
        with Stack(mode, durable=True, env=USUAL) as stack:
            name = "PostgreSQL" if mode == "server" else "SQLite"
            bare = bare_rate(stack, seconds)
            print(f"{f'{name}: bare heartbeats':44} {bare:10,.0f} a second")
            human = stack.client()
            key = human.post("keys/", {"name": "fleet", "scopes": ["agent"]})["key"]
            with robot(stack, key) as one:
                agents = register(one)
            with watching(stack, human, dashboards) as seen:
                measure(stack, key, agents, seconds, f"{name}, {dashboards} dashboards", bare)
            print(f"{f'{name}: frames to each dashboard':44} {seen.frames / max(1, seen.count):10,.0f}")
            measure(stack, key, agents, seconds, f"{name}, nobody looks", bare)
            deliver(stack, human, key, name)


@contextmanager
def robot(stack: Stack, key: str) -> Iterator[httpx.Client]:
    login = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"{stack.url}/api/v1/", headers=login, timeout=60) as client:
        yield client


def send(client: httpx.Client, updates: list[dict[str, Any]]) -> None:
    answer = client.post("agents/updates/", content=orjson.dumps({"updates": updates}))
    said = answer.raise_for_status().json()
    assert (said["accepted"], said["rejected"]) == (len(updates), []), said


def register(client: httpx.Client) -> list[str]:
    names = [f"bench {number}" for number in range(AGENTS)]
    for first in range(0, AGENTS, 200):
        send(client, [{"type": "register", "name": name} for name in names[first : first + 200]])
    return names


def measure(stack: Stack, key: str, agents: list[str], seconds: float, name: str, bare: float) -> None:
    """Two rounds: agents that are only seen, and agents that say something new in every heartbeat."""
    for what in ("only seen", "changed"):
        rates, times = batches(stack, key, agents, seconds, is_new=what == "changed")
        print(row(f"{name}: a batch of {IN_BATCH}, {what}", times))
        load = psutil.getloadavg()[0]
        print(f"{f'  heartbeats committed, {what}':44} {rates:10,.0f} a second, load {load:.1f}")
        print(ratio(f"  {what}", rates, bare))


def batches(
    stack: Stack, key: str, agents: list[str], seconds: float, *, is_new: bool
) -> tuple[float, list[float]]:
    times: list[float] = []
    began = time.perf_counter()

    def keep_sending(sender: int) -> int:
        mine = agents[sender * IN_BATCH : (sender + 1) * IN_BATCH]
        done = 0
        with robot(stack, key) as client:
            while not done or time.perf_counter() - began < seconds:
                task = f"part {done}" if is_new else "all day"
                updates = [
                    {"type": "heartbeat", "agent": name, "status": "busy", "current_task": task,
                     "event_id": uuid.uuid4().hex}
                    for name in mine
                ]  # fmt: skip
                sent = time.perf_counter()
                send(client, updates)
                times.append((time.perf_counter() - sent) * 1000)
                done += len(updates)
        return done

    with ThreadPoolExecutor(SENDERS) as senders:
        done = sum(senders.map(keep_sending, range(SENDERS)))
    return done / (time.perf_counter() - began), times


def bare_rate(stack: Stack, seconds: float) -> float:
    """Heartbeats a second of plain statements, 100 in each transaction, from as many senders."""
    ids = [uuid.uuid4() for _ in range(AGENTS)]
    write = _bare_postgres(stack.postgres.url, ids) if stack.postgres else _bare_sqlite(stack, ids)
    began = time.perf_counter()

    def keep_writing(sender: int) -> int:
        done = 0
        with write() as beat:
            while time.perf_counter() - began < seconds:
                beat(ids[sender * IN_BATCH : (sender + 1) * IN_BATCH])
                done += IN_BATCH
        return done

    with ThreadPoolExecutor(SENDERS) as senders:
        done = sum(senders.map(keep_writing, range(SENDERS)))
    return done / (time.perf_counter() - began)


def _bare_postgres(url: str, ids: list[uuid.UUID]) -> Callable[[], Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare_agent (id uuid PRIMARY KEY, at timestamptz)")
        connection.execute("INSERT INTO bare_agent SELECT unnest(%s::uuid[])", [ids])

    @contextmanager
    def write() -> Iterator[Callable[[list[uuid.UUID]], None]]:
        with psycopg.connect(url, autocommit=True) as connection:

            def beat(mine: list[uuid.UUID]) -> None:
                connection.execute(
                    "UPDATE bare_agent SET at = now() FROM unnest(%s::uuid[]) AS given(id)"
                    " WHERE bare_agent.id = given.id",
                    [mine],
                )

            yield beat

    return write


def _bare_sqlite(stack: Stack, ids: list[uuid.UUID]) -> Callable[[], Any]:
    path = stack.home / "bare.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE bare_agent (id text PRIMARY KEY, at text)")
        connection.executemany("INSERT INTO bare_agent (id) VALUES (?)", [(one.hex,) for one in ids])

    @contextmanager
    def write() -> Iterator[Callable[[list[uuid.UUID]], None]]:
        connection = sqlite3.connect(path, timeout=20, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")

        def beat(mine: list[uuid.UUID]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            moment = datetime.now(UTC).isoformat()
            connection.executemany(
                "UPDATE bare_agent SET at = ? WHERE id = ?", [(moment, one.hex) for one in mine]
            )
            connection.execute("COMMIT")

        try:
            yield beat
        finally:
            connection.close()

    return write


def deliver(stack: Stack, human: Client, key: str, name: str) -> None:
    """From a command run's acceptance, by the database's clock, until the waiting agent has it."""
    command = human.get("commands/")["results"][0]
    value = dict.fromkeys(command["parameters"].get("required", []), "x")
    ages: list[float] = []
    with robot(stack, key) as client:
        known = {"name": "waiting", "capabilities": [command["capability"]]}
        agent = client.post("agents/register/", json=known).raise_for_status().json()["id"]
        for _ in range(DELIVERIES):
            began = threading.Event()
            with ThreadPoolExecutor(1) as apart:
                waiting = apart.submit(_claim, stack, key, agent, began)
                began.wait()
                time.sleep(0.05)  # so that it really waits
                made = human.post(
                    f"agents/{agent}/command-runs/", {"command": command["name"], "input": value}
                )
                run, at = waiting.result()
            ages.append((at - datetime.fromisoformat(made["queued_at"]).timestamp()) * 1000)
            result = {"fence": run["fence"], "output": {}}
            client.post(f"command-runs/{run['id']}/result/", json=result).raise_for_status()
    print(row(f"{name}: accepted to a waiting agent", ages))


def _claim(stack: Stack, key: str, agent: str, began: threading.Event) -> tuple[dict[str, Any], float]:
    with robot(stack, key) as client:
        client.post(f"agents/{agent}/heartbeat/", json={})  # the connection is open
        began.set()

        def ask() -> dict[str, Any] | None:
            answer = client.post(f"agents/{agent}/claims/?wait=25")
            return answer.json()["command_run"] if answer.status_code == 200 else None

        return until(ask, 60, "the command"), time.time()
