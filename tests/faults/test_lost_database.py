"""PostgreSQL may crash: what was acknowledged is still there, and the work goes on when it is back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.faults.conftest import settled
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack

Finish = Callable[[list[Any]], None]
WORKFLOWS = ("bug-lifecycle", "feature-development", "incident-response", "release")


def test_a_crash_of_the_database_mid_step(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    assert stack.postgres is not None
    with stack.viewer(0) as viewer:
        model.hold()
        runs = [client.start(workflow) for workflow in WORKFLOWS]
        model.wait_at_work(4)
        # SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, recovery at the next start.
        stack.postgres.process.stop(signal.SIGQUIT)
        assert client.request("GET", "runs/").status_code == 503
        stack.postgres.restart()
        model.release()
        finish(runs)
        settled([viewer])
