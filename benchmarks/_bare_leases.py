"""The least that leases and journals: a row claimed and finished by fence, each with a journal line.

No workflow, no agents, no queue, no ORM; as many clients as a worker has slots on PostgreSQL, one
on SQLite, where there is one writer anyway.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from config.databases import SQLITE_PRAGMAS
from tests.rig.stack import Stack

SECONDS = 4.0
CLIENTS = 8
PAYLOAD = "x" * 450
TABLES = (
    "CREATE TABLE bare_work (id INTEGER PRIMARY KEY, status TEXT, fence INTEGER DEFAULT 0, output TEXT)",
    "CREATE TABLE bare_counter (id INTEGER PRIMARY KEY, head INTEGER)",
    "CREATE TABLE bare_journal (seq INTEGER PRIMARY KEY, payload TEXT)",
    "INSERT INTO bare_counter VALUES (1, 0)",
)
CLAIM = "UPDATE bare_work SET status = 'running', fence = fence + 1 WHERE id = ? AND status = 'ready'"
FINISH = "UPDATE bare_work SET status = 'done', output = '{}' WHERE id = ? AND fence = 1"
COUNT = "UPDATE bare_counter SET head = head + 1 WHERE id = 1 RETURNING head"
NOTE = "INSERT INTO bare_journal VALUES (?, ?)"
Execute = Callable[..., Any]


def bare_steps(stack: Stack) -> float:
    """Claimed and finished rows a second in the installation's own database server."""
    if stack.postgres is not None:
        return _postgres(stack.postgres.url)
    return _sqlite(stack.home / "bare.sqlite3")


def _postgres(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO bare_work SELECT n, 'ready' FROM generate_series(1, 200000) n")
    done = [0] * CLIENTS
    deadline = time.perf_counter() + SECONDS

    def work(client: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            run = _translated(connection.execute)
            while time.perf_counter() < deadline:
                number = 1 + client + done[client] * CLIENTS
                for change in (CLAIM, FINISH):
                    with connection.transaction():
                        _step(run, change, number)
                done[client] += 1

    clients = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return sum(done) / SECONDS


def _sqlite(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SQLITE_PRAGMAS)
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO bare_work VALUES (?, 'ready', 0, '')", [(n,) for n in range(200_000)])
    connection.execute("COMMIT")
    deadline = time.perf_counter() + SECONDS
    done = 0
    while time.perf_counter() < deadline:
        for change in (CLAIM, FINISH):
            connection.execute("BEGIN IMMEDIATE")
            _step(connection.execute, change, done)
            connection.execute("COMMIT")
        done += 1
    connection.close()
    return done / SECONDS


def _step(run: Execute, change: str, number: int) -> None:
    run(change, (number,))
    seq = run(COUNT).fetchone()[0]
    run(NOTE, (seq, PAYLOAD))


def _translated(execute: Execute) -> Execute:
    return lambda statement, *values: execute(statement.replace("?", "%s"), *values)
