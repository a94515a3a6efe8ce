"""A decorated function does commands of the running product: outputs, errors, questions, cancellation."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

from tests.rig.client import Client
from tests.rig.waiting import until
from tests.sdk.conftest import Robot, ended, log_of, order


def test_a_decorated_function_takes_a_command_to_its_end(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    run = ended(client, order(client, robot.start(client), "count these three words"))
    assert (run["status"], run["output"]) == ("completed", {"text": "3 words"})
    assert (run["tokens"], run["model"]) == ({"input": 3, "output": 5}, "by-hand")
    lines = log_of(client, run["id"])
    assert any(line.startswith("text.summarise: count") for line in lines), lines


def test_an_async_function_does_so_too(client: Client, robots: Callable[..., Robot]) -> None:
    robot = robots()
    robot.open("now")
    run = ended(client, order(client, robot.start(client), "now", "text.extract_facts"))
    assert (run["status"], run["output"]) == ("completed", {"async": True})


def test_what_a_function_raises_or_cannot_say_is_the_error(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    agent = robot.start(client)
    broken = ended(client, order(client, agent, "break"))
    assert (broken["status"], broken["error"]["code"]) == ("failed", "no_disk")
    odd = ended(client, order(client, agent, "nan"))
    assert (odd["status"], odd["error"]["code"]) == ("failed", "bad_output")
    until(lambda: not robot.kept(), 30, "an empty spool")


def test_thousands_of_reports_arrive_in_order_and_are_folded(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    run = ended(client, order(client, robot.start(client), "chatter 2000"))
    assert run["status"] == "completed"
    texts: list[str] = []
    after = 0
    while page := client.get(f"command-runs/{run['id']}/logs/", params={"after": after})["results"]:
        texts += [line["text"] for line in page]
        after = page[-1]["number"]
    said = [text for text in texts if text.startswith("line ")]
    assert said == [f"line {number}" for number in range(2000)]


def test_what_several_functions_say_at_once_arrives_whole(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots(concurrency=3)
    agent = robot.start(client)
    texts = ("chatter 50", "chatter 60", "chatter 70")
    for text, run_id in [(text, order(client, agent, text)) for text in texts]:
        assert ended(client, run_id)["status"] == "completed"
        count = int(text.split()[1])
        said = [line for line in log_of(client, run_id) if line.startswith("line ")]
        assert said == [f"line {number}" for number in range(count)]


def test_the_lease_of_a_silent_function_is_kept(client: Client, robots: Callable[..., Robot]) -> None:
    """Three leases long; renewals are seen by their moments, not by a clock of ours."""
    robot = robots()
    command_run = order(client, robot.start(client), "silent gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    seen: set[str] = set()

    def renewed_often() -> bool:
        seen.add(client.get(f"command-runs/{command_run}/")["lease_expires_at"])
        return len(seen) > 8

    until(renewed_often, 90, "renewals")
    robot.open("gate")
    run = ended(client, command_run)
    assert (run["status"], run["attempt"], run["lost_count"]) == ("completed", 1, 0)


def test_cancellation_reaches_a_function_at_its_next_report(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    agent = robot.start(client)
    for text, command in (("wait never", "text.summarise"), ("never", "text.extract_facts")):
        command_run = order(client, agent, text, command)
        until(partial(robot.notes, f"begin {command_run}"), 60, "the body")
        client.post(f"command-runs/{command_run}/cancellation/")
        run = ended(client, command_run)
        assert run["status"] == "cancelled"
        assert run["attempts"][-1]["error"] == "Stopped as it was told."
    assert robot.notes("cancelled")
    assert robot.notes("end") == []


def test_a_function_asks_people_and_waits_for_what_they_decide(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "ask")

    def question() -> str | None:
        rows = client.get("approvals/", params={"state": "open"})["results"]
        return next((row["id"] for row in rows if (row["command_run"] or {}).get("id") == command_run), None)

    approval = until(question, 60, "the question")
    said = {"approved": True, "option": "left", "comment": "go"}
    client.post(f"approvals/{approval}/decision/", said)
    assert ended(client, command_run)["output"] == {"text": "True left go"}


def test_as_many_bodies_run_at_a_time_as_were_wanted(client: Client, robots: Callable[..., Robot]) -> None:
    robot = robots(concurrency=3)
    agent = robot.start(client)
    command_runs = [order(client, agent, "wait gate") for _ in range(4)]
    until(lambda: len(robot.notes("begin")) == 3, 60, "three at a time")
    robot.open("gate")
    assert {ended(client, one)["status"] for one in command_runs} == {"completed"}


def test_a_worker_that_is_told_to_go_gives_back_what_it_cannot_finish(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "wait gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    assert robot.process.stop(signal.SIGTERM, within=60) == 0
    found = client.get(f"command-runs/{command_run}/")
    assert [one["outcome"] for one in found["attempts"]] == ["given_back"]
    robot.open("gate")
    robot.start(client)
    run = ended(client, command_run)
    assert (run["status"], run["attempt"]) == ("completed", 1)


def test_a_worker_that_is_told_to_go_finishes_what_is_soon_done(
    client: Client, robots: Callable[..., Robot]
) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "deaf gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    robot.open("gate")
    assert robot.process.stop(signal.SIGTERM, within=60) == 0
    assert ended(client, command_run)["status"] == "completed"


def test_a_result_whose_fence_is_old_is_dropped_and_the_work_done_again(
    client: Client, robots: Callable[..., Robot]
) -> None:
    """The worker is frozen for longer than its lease."""
    robot = robots()
    command_run = order(client, robot.start(client), "deaf gate")
    until(lambda: robot.notes("begin"), 60, "the body")
    robot.process.freeze()
    until(lambda: client.get(f"command-runs/{command_run}/")["lost_count"] == 1, 60, "the lease to run out")
    robot.open("gate")
    robot.process.thaw()
    run = ended(client, command_run)
    assert (run["status"], [one["outcome"] for one in run["attempts"]]) == (
        "completed",
        ["lost", "completed"],
    )
    assert len({note.split()[2] for note in robot.notes("begin")}) == 2
    assert "is dropped" in robot.process.log.read_text()
    until(lambda: not robot.kept(), 30, "an empty spool")
