"""Any process may be killed at any moment: every run still completes, and nothing is done twice."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.faults.conftest import settled
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack
from tests.rig.waiting import until

Finish = Callable[[list[Any]], None]
WORKFLOWS = ("bug-lifecycle", "feature-development", "incident-response", "release")


def lost_attempts(client: Client) -> list[str]:
    """The command runs that were taken back from somebody, by id."""
    rows = client.get("command-runs/", params={"limit": 100})["results"]
    runs = [client.get(f"command-runs/{row['id']}/") for row in rows]
    return [run["id"] for run in runs if any(attempt["outcome"] == "lost" for attempt in run["attempts"])]


def test_a_worker_killed_mid_step_loses_nothing(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    model.hold()
    runs = [client.start(workflow) for workflow in WORKFLOWS]
    model.wait_at_work(4)
    stack.worker_at_work(client).kill()
    model.release()
    finish(runs)
    assert lost_attempts(client), "the killed worker held nothing, so nothing was proven"


def test_both_workers_killed_mid_step_and_started_again(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    model.hold()
    runs = [client.start(workflow) for workflow in WORKFLOWS]
    model.wait_at_work(4)
    for worker in stack.workers:
        worker.kill()
    model.release()
    for worker in stack.workers:
        worker.start()
    finish(runs)


def test_a_killed_web_process_leaves_runs_and_dashboards_whole(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    with stack.viewer(0) as first, stack.viewer(0) as second, stack.viewer(1) as elsewhere:
        model.hold()
        runs = [client.start(workflow) for workflow in WORKFLOWS]
        model.wait_at_work(4)
        stack.webs[0].kill()
        model.release()
        until(lambda: len(elsewhere.applied) > 0, 30, "the other web process to go on")
        stack.start_web(0)
        finish(runs)
        settled([first, second, elsewhere])
        assert len(first.sessions) > 1, "the viewer was never disconnected, so nothing was proven"
        for viewer in (first, second, elsewhere):
            assert viewer.applied == sorted(set(viewer.applied)), "an event came twice or out of order"


def test_both_engines_killed_at_work_and_one_started_again(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    model.hold()
    runs = [client.start(workflow) for workflow in WORKFLOWS]
    model.wait_at_work(4)
    for engine in stack.engines:
        engine.kill()
    stack.workers[1].kill()
    model.release()
    stack.engines[0].start()
    stack.workers[1].start()
    finish(runs)


def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    stack.workers[1].stop()
    model.hold()
    run = client.start("bug-lifecycle")
    model.wait_at_work(1)
    asleep = stack.workers[0]
    asleep.freeze()
    stack.workers[1].start()
    # A second question means that the lease ran out and the work was given to the other worker.
    until(lambda: len(model.at_work) >= 2, 60, "the step to be taken over")
    model.release()
    asleep.thaw()
    finish([run])


def test_a_worker_told_to_stop_mid_step_gives_its_work_back(
    stack: Stack, model: ModelServer, client: Client, finish: Finish
) -> None:
    stack.workers[1].stop()
    model.hold()
    run = client.start("bug-lifecycle")
    model.wait_at_work(1)
    stack.workers[0].send(signal.SIGTERM)
    stack.workers[1].start()
    model.release()
    assert stack.workers[0].wait(60) == 0
    finish([run])
