"""One installation of six processes for all fault tests; each test leaves it whole again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.rig.client import Client
from tests.rig.history import problems
from tests.rig.model import ModelServer
from tests.rig.stack import Stack
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def stack(model: ModelServer) -> Iterator[Stack]:
    with Stack("server", webs=2, workers=2, engines=2, durable=True, env=model.env) as running:
        yield running


@pytest.fixture(autouse=True)
def whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test: answers flow, everything runs. On a failure the logs are shown."""
    yield
    if "stack" not in request.fixturenames:
        return
    running: Stack = request.getfixturevalue("stack")
    request.getfixturevalue("model").release()
    for index, web in enumerate(running.webs):
        web.thaw()
        if not web.alive:
            running.start_web(index)
    for process in [*running.workers, *running.engines]:
        process.thaw()
        if not process.alive:
            process.start()


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture
def finish(stack: Stack) -> Callable[[list[Any]], None]:
    """Wait for the runs, then judge the whole history."""

    def judge(runs: list[Any]) -> None:
        # Connections that died with a database answer 503 once each, which says: try again.
        last = len(stack.urls) - 1
        client = until(lambda: stack.client(last), 30, "a sign-in", ignoring=(httpx.HTTPError,))
        for run in runs:
            client.wait_run(run["id"], within=120)
        # The step that ended last is in the journal with the run's end: nothing more to wait for.
        assert problems(client, [run["id"] for run in runs]) == []

    return judge


def settled(viewers: list[Any]) -> None:
    """Every dashboard shows what the database says."""
    for viewer in viewers:
        until(
            viewer.matches,
            60,
            f"a dashboard to agree with the database (faults: {viewer.faults[-3:]})",
            every=0.3,
        )
