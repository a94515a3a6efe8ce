"""The broker may deliver every message many times and in any order: the outcome is the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from celery import Celery

from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack
from tests.rig.waiting import until

Finish = Callable[[list[Any]], None]
SOME = 3  # messages of long ago in each round; more would only keep the workers from the new ones
WORKFLOWS = ("bug-lifecycle", "feature-development", "incident-response", "release")


@pytest.fixture(scope="module")
def stack(model: ModelServer) -> Iterator[Stack]:
    """Of its own, with the usual lease: a machine under load must not look like a lost worker here."""
    env = {**model.env, "MC_LEASE_SECONDS": "45", "MC_HEARTBEAT_SECONDS": "10"}
    with Stack("server", webs=2, workers=2, engines=2, durable=True, env=env) as running:
        yield running


class Doubler:
    """Sends the message of every dispatch twice more, among some of long ago, in any order."""

    def __init__(self, stack: Stack) -> None:
        assert stack.postgres
        assert stack.redis
        self.sent = 0
        self.rounds = 0
        self._seen: set[tuple[Any, ...]] = set()
        self._database = stack.postgres.url
        self._broker = Celery("doubler", broker=stack.redis.url)
        self._broker.conf.broker_transport_options = {"global_keyprefix": "mc:"}
        self._stop = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(30)

    def _send(self) -> None:
        query = "SELECT id, dispatch_id FROM agents_commandrun WHERE dispatch_id IS NOT NULL"
        with psycopg.connect(self._database, autocommit=True) as wire:
            while not self._stop.wait(0.2):
                found = set(wire.execute(query).fetchall())
                old = random.sample(sorted(self._seen), min(SOME, len(self._seen)))
                messages = [*(found - self._seen), *(found - self._seen), *old]
                self._seen |= found
                random.shuffle(messages)
                for command_run_id, dispatch_id in messages:
                    arguments = [str(command_run_id), str(dispatch_id)]
                    self._broker.send_task("agents.execute", args=arguments, queue="work", ignore_result=True)
                    self.sent += 1
                self.rounds += 1


def test_every_message_doubled_and_shuffled(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    doubler = Doubler(stack)
    with doubler.at_work():
        runs = [client.start(workflow) for workflow in WORKFLOWS]
        for run in runs:
            client.wait_run(run["id"], within=150)
        until(lambda: doubler.rounds > 1, 30, "the last messages doubled")
    steps = sum(len(client.run(run["id"])["steps"]) for run in runs)
    assert doubler.sent > 2 * steps
    finish(runs)
    for run in runs:
        for step in client.run(run["id"])["steps"]:
            work = client.get(f"command-runs/{step['command_run_id']}/")
            assert [attempt["outcome"] for attempt in work["attempts"]] == ["completed"]
