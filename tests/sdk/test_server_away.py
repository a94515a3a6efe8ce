"""kill -9 of the server, of the worker, and of both: a result arrives once or is dropped, never twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until
from tests.sdk.conftest import Robot, ended, key_for, log_of, order


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Leases that outlast a restart of the server on a loaded machine, but not a test."""
    with Stack(mode.current(), env={"MC_LEASE_SECONDS": "60"}) as running:
        yield running


def kill_server(stack: Stack) -> None:
    for process in stack.processes:
        process.kill()


def start_server(stack: Stack) -> None:
    for process in stack.processes:
        if not process.alive:
            process.start()
    stack.wait_web()


def test_a_result_made_while_the_server_was_dead_arrives_once(
    stack: Stack, client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "wait gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    kill_server(stack)
    until(robot.kept, 30, "its reports on disk")
    robot.open("gate")
    until(robot.has_kept_a_result, 30, "the result on disk")
    start_server(stack)
    run = ended(client, command_run)
    assert (run["status"], run["attempt"], run["output"]) == ("completed", 1, {"text": "1 words"})
    assert len(robot.notes("begin")) == 1
    assert log_of(client, command_run).count("gate is open") == 1
    until(lambda: not robot.kept(), 30, "an empty spool")


def test_a_result_of_a_killed_worker_is_sent_at_its_next_start(
    stack: Stack, client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "wait gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    kill_server(stack)
    robot.open("gate")
    until(robot.has_kept_a_result, 30, "the result on disk")
    robot.process.kill()
    start_server(stack)
    robot.process.start()
    run = ended(client, command_run)
    assert (run["status"], run["attempt"]) == ("completed", 1)
    assert len(robot.notes("begin")) == 1
    until(lambda: not robot.kept(), 30, "an empty spool")


def test_a_worker_waits_for_a_server_that_is_not_there_yet(
    stack: Stack, client: Client, robots: Callable[..., Robot], tmp_path: Path
) -> None:
    robot = robots()
    kill_server(stack)
    robot.process.start()
    until(lambda: "cannot register yet" in robot.process.log.read_text(), 30, "a first try")
    start_server(stack)
    agent = until(lambda: robot.agent(client), 60, "the agent", ignoring=(Exception,))
    assert ended(client, order(client, agent["id"], "some words"))["status"] == "completed"
    assert robot.process.stop(signal.SIGTERM, within=60) == 0


def test_a_key_that_is_not_good_ends_the_program_with_a_reason(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    for key in ("mc_nothing_at_all", key_for(client, "read")):
        robot = Robot(stack.url, key, tmp_path)
        robot.process.start()
        assert robot.process.wait(60) == 1
        assert "Refused" in robot.process.tail()
