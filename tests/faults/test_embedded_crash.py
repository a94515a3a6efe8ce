"""Everything in one process: killed mid-step and started again, it goes on where it was."""

from __future__ import annotations

import signal

from tests.faults.conftest import settled
from tests.rig.history import problems
from tests.rig.model import ModelServer
from tests.rig.stack import Stack

WORKFLOW = "bug-lifecycle"


def test_the_process_killed_mid_step(model: ModelServer) -> None:
    with Stack("embedded", env=model.env) as stack:
        client = stack.client()
        with stack.viewer() as viewer:
            model.hold()
            runs = [client.start(WORKFLOW) for _ in range(2)]
            model.wait_at_work(2)
            stack.webs[0].kill()
            model.release()
            stack.start_web()
            for run in runs:
                client.wait_run(run["id"])
            assert problems(client, [run["id"] for run in runs]) == []
            settled([viewer])
            assert "resumed" in viewer.sessions[1:], viewer.sessions


def test_stopping_is_clean_and_starting_again_loses_nothing(model: ModelServer) -> None:
    with Stack("embedded", env=model.env) as stack:
        client = stack.client()
        done = client.wait_run(client.start(WORKFLOW)["id"])
        assert stack.webs[0].stop(signal.SIGINT) == 0
        stack.start_web()
        again = client.run(done["id"])
        assert again["status"] == "completed"
        assert [step["output"] for step in again["steps"]] == [step["output"] for step in done["steps"]]
