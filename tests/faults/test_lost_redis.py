"""Redis holds nothing that may not be lost: emptied, restarted or away, every run still completes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.conftest import settled
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack

Finish = Callable[[list[Any]], None]
WORKFLOWS = ("bug-lifecycle", "feature-development", "incident-response", "release")


def test_redis_emptied_with_work_dispatched(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    assert stack.redis is not None
    with stack.viewer(0) as viewer:
        model.hold()
        runs = [client.start(workflow) for workflow in WORKFLOWS * 3]
        model.wait_at_work(4)
        stack.redis.wipe()
        model.release()
        finish(runs)
        settled([viewer])


def test_redis_killed_and_back_with_nothing(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    assert stack.redis is not None
    with stack.viewer(0) as one, stack.viewer(1) as other:
        model.hold()
        runs = [client.start(workflow) for workflow in WORKFLOWS]
        model.wait_at_work(4)
        stack.redis.lose_everything()
        model.release()
        finish(runs)
        settled([one, other])


def test_runs_are_accepted_while_redis_is_away(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    assert stack.redis is not None
    with stack.viewer(0) as viewer:
        stack.redis.process.kill()
        runs = [client.start(workflow) for workflow in WORKFLOWS]
        assert client.dashboard("health/")["status"] == "degraded"
        stack.redis.start()
        finish(runs)
        settled([viewer])
