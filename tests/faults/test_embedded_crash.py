"""Everything in one process: killed mid-step and started again, it goes on where it was."""

from __future__ import annotations

import signal
from typing import Any

from tests.faults.conftest import settled
from tests.rig.client import Client
from tests.rig.history import problems
from tests.rig.model import ModelServer
from tests.rig.stack import Stack
from tests.rig.waiting import until

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


def test_a_restart_takes_back_at_once_what_the_killed_process_held(model: ModelServer) -> None:
    """The lock of the data directory proves it dead, so nobody waits for its leases of 45 s."""
    usual = {"MC_LEASE_SECONDS": "45", "MC_HEARTBEAT_SECONDS": "10"}
    with Stack("embedded", env=model.env | usual) as stack:
        client = stack.client()
        model.hold()
        run = client.start(WORKFLOW)
        model.wait_at_work(1)
        held = client.get("command-runs/", params={"status": "running"})["results"][0]
        stack.webs[0].kill()
        model.release()
        stack.start_web()
        again = until(lambda: _taken_back(client, held["id"]), 20, "the work to be taken back")
        assert [attempt["outcome"] for attempt in again["attempts"]][:1] == ["lost"]
        client.wait_run(run["id"])
        assert problems(client, [run["id"]]) == []


def _taken_back(client: Client, command_run_id: str) -> Any:
    found = client.get(f"command-runs/{command_run_id}/")
    return found if len(found["attempts"]) > 1 else None


def test_stopping_is_clean_and_starting_again_loses_nothing(model: ModelServer) -> None:
    with Stack("embedded", env=model.env) as stack:
        client = stack.client()
        done = client.wait_run(client.start(WORKFLOW)["id"])
        assert stack.webs[0].stop(signal.SIGINT) == 0
        stack.start_web()
        again = client.run(done["id"])
        assert again["status"] == "completed"
        assert [step["output"] for step in again["steps"]] == [step["output"] for step in done["steps"]]
