"""What waits to be sent: pauses, order, what goes first when there is no room, and whose it is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mission_control import outbox as outboxes
from mission_control.errors import Refused
from mission_control.outbox import LOG, PROGRESS, RESULT, Item, Outbox, backoff, lines_item
from mission_control.spool import Spool
from mission_control.transport import Transport, retry_after
from tests.rig.process import free_port
from tests.rig.waiting import until

RUN = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"
BATCH = "/api/v1/agents/updates/"


class Server(HTTPServer):
    """Answers with the scripted statuses in turn, then 200, and notes when and what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[int] = []
        self.got: list[tuple[float, str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.open = threading.Event()
        self.open.set()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((time.monotonic(), self.path, body))
        self.server.open.wait(60)
        status = self.server.script.pop(0) if self.server.script else 200
        answer = json.dumps(self.server.answers.get(self.path, {})).encode()
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "2")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Not to stderr."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def outbox_to(port: int, home: Path, heard: list[Any] | None = None) -> Outbox:
    transport = Transport(f"http://127.0.0.1:{port}", "mc_x")
    return Outbox(
        transport, Spool(home), lambda item, answer: (heard if heard is not None else []).append(item)
    )


def result(number: int = 1) -> Item:
    return Item(RESULT, RUN, number, {"output": {"n": number}})


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_time_is_given_it(server: Server, tmp_path: Path, status: int) -> None:
    server.script = [status]
    outbox = outbox_to(server.server_port, tmp_path)
    outbox.start()
    outbox.put(result())
    assert outbox.wait_empty(60)
    (first, *_), (second, *_) = server.got
    assert second - first >= 2
    assert server.got[0][1:] == server.got[1][1:]
    outbox.close()


def test_everything_of_a_dead_process_is_sent_in_its_order(server: Server, tmp_path: Path) -> None:
    dead = outbox_to(free_port(), tmp_path)
    dead.start()
    dead.put(Item(PROGRESS, RUN, 1, {"progress": 10}))
    dead.put(lines_item(RUN, 1, [{"text": "a", "level": "info"}]))
    dead.put(result())
    dead.put(result(2))
    dead.close()
    heard: list[Item] = []
    outbox = outbox_to(server.server_port, tmp_path, heard)
    outbox.start()
    assert outbox.wait_empty(60)
    assert [path.split("/")[-2] for _, path, _ in server.got] == ["progress", "logs", "result", "result"]
    assert [item.fence for item in heard] == [1, 1, 1, 2]
    outbox.close()
    assert list(tmp_path.glob("*/*.json")) == []


def test_lines_that_may_have_arrived_keep_their_id_and_get_no_others(server: Server, tmp_path: Path) -> None:
    """Otherwise what was added would count as sent already."""
    server.script = [500]
    outbox = outbox_to(server.server_port, tmp_path)
    outbox.start()
    outbox.put(lines_item(RUN, 1, [{"text": "first", "level": "info"}]))
    until(lambda: server.got, 30, "the first try")
    outbox.put(lines_item(RUN, 1, [{"text": "second", "level": "info"}]))
    assert outbox.wait_empty(60)
    bodies = [body for _, _, body in server.got]
    assert bodies[0] == bodies[1]
    assert [line["text"] for body in bodies[1:] for line in body["lines"]] == ["first", "second"]
    assert bodies[1]["event_id"] != bodies[2]["event_id"]
    outbox.close()


def test_a_refused_output_becomes_an_error_and_a_lost_lease_ends_all_of_it(
    server: Server, tmp_path: Path
) -> None:
    server.script = [400, 200, 409]
    outbox = outbox_to(server.server_port, tmp_path)
    outbox.start()
    outbox.put(result())
    assert outbox.wait_empty(60)
    assert server.got[1][2]["error"]["code"] == "bad_output"
    outbox.put(result(2))
    assert outbox.wait_empty(60)
    assert len(server.got) == 3
    outbox.close()


def test_what_is_too_old_is_not_sent(server: Server, tmp_path: Path) -> None:
    outbox = outbox_to(server.server_port, tmp_path)
    old = result()
    old.at -= outboxes.MOST_AGE_SECONDS + 1
    outbox.start()
    outbox.put(old)
    outbox.put(result(2))
    assert outbox.wait_empty(60)
    assert [body["fence"] for _, _, body in server.got] == [2]
    outbox.close()


def test_without_room_progress_and_lines_go_before_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "MOST_BYTES", 4_000)
    outbox = outbox_to(free_port(), tmp_path)
    outbox.start()
    outbox.put(result(1))
    until(lambda: outbox.is_away, 30, "the server to be missed")
    for number in range(2, 10):
        outbox.put(lines_item(RUN, number, [{"text": "x" * 800, "level": "info"}]))
        outbox.put(result(number))
    outbox.close()
    kept = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/*.json"))]
    assert [one["fence"] for one in kept if one["kind"] == RESULT] == list(range(1, 10))
    assert 0 < len([one for one in kept if one["kind"] == LOG]) < 8
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.json")) < 5_000


def test_a_spool_belongs_to_one_living_process_and_the_next_inherits_it(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    assert first.folder != second.folder
    first.write("0001", {"n": 1})
    second.write("0002", {"n": 2})
    (second.folder / "0003.json").write_text("not json")
    second.close()
    third = Spool(tmp_path)
    assert third.folder == second.folder
    third.close()
    first.close()
    heir = Spool(tmp_path)
    assert heir.names() == ["0001", "0002", "0003"]
    assert [heir.read(name) for name in heir.names()] == [{"n": 1}, {"n": 2}, None]
    heir.close()


def test_pauses_grow_differ_and_are_never_shorter_than_asked() -> None:
    assert all(backoff(tries) <= 30 for tries in range(100))
    assert backoff(10) > backoff(0)
    assert len({backoff(5) for _ in range(50)}) > 40
    assert backoff(0, Refused(503, "", retry_after=77)) == 77
    assert retry_after("5") == 5
    assert retry_after("1e9") == 300
    assert retry_after("Mon, 01 Jan 2024 00:00:00 GMT") == 0
    assert retry_after("nan") is retry_after("soon") is retry_after("") is None


def two_at_work(server: Server, outbox: Outbox) -> None:
    """What two command runs have to say while the server takes its time with something else."""
    server.open.clear()
    outbox.start()
    outbox.put(Item(RESULT, OTHER, 3, {"output": {}}))
    until(lambda: server.got, 30, "the server to be busy")
    outbox.put(Item(PROGRESS, RUN, 1, {"progress": 10}))
    outbox.put(Item(PROGRESS, OTHER, 4, {"progress": 20, "message": "reading"}))
    outbox.put(lines_item(RUN, 1, [{"text": one, "level": "info"} for one in ("a", "b")]))
    outbox.put(result())
    outbox.put(lines_item(OTHER, 4, [{"text": "c", "level": "error"}]))
    server.got.clear()
    server.open.set()


def calls(server: Server) -> list[str]:
    return [path.split("/")[-2] for _, path, _ in server.got]


def test_reports_of_several_command_runs_go_in_one_call(server: Server, tmp_path: Path) -> None:
    outbox = outbox_to(server.server_port, tmp_path)
    two_at_work(server, outbox)
    assert outbox.wait_empty(60)
    outbox.close()
    updates = server.got[0][2]["updates"]
    said = [(one["type"], one["command_run"], one["fence"]) for one in updates]
    mine, other = ("log", RUN, 1), ("log", OTHER, 4)
    assert said == [("progress", RUN, 1), ("progress", OTHER, 4), mine, mine, other]
    assert updates[1]["message"] == "reading"
    assert len({one["event_id"] for one in updates[2:]}) == 3
    assert calls(server) == ["updates", "result"]  # alone, and after what was before it


def test_a_batch_that_may_have_arrived_is_sent_again_as_it_was(server: Server, tmp_path: Path) -> None:
    server.script = [200, 503]
    outbox = outbox_to(server.server_port, tmp_path)
    two_at_work(server, outbox)
    assert outbox.wait_empty(60)
    outbox.close()
    assert calls(server) == ["updates", "updates", "result"]
    assert server.got[0][2] == server.got[1][2]


def test_the_batch_of_a_dead_process_keeps_the_ids_of_its_lines(server: Server, tmp_path: Path) -> None:
    server.script = [200, *[503] * 100]
    dead = outbox_to(server.server_port, tmp_path)
    two_at_work(server, dead)
    until(lambda: server.got, 30, "the first try")
    dead.close()
    sent = server.got[0][2]
    server.script, server.got = [], []
    outbox = outbox_to(server.server_port, tmp_path)
    outbox.start()
    assert outbox.wait_empty(60)
    outbox.close()
    assert server.got[0][1:] == (BATCH, sent)


def test_what_became_of_each_of_a_batch_is_heard_by_its_own(server: Server, tmp_path: Path) -> None:
    server.answers[BATCH] = {
        "accepted": 4,
        "signals": [{"index": 1, "cancel": True, "pause": False}],
        "rejected": [{"index": 2, "code": "stale_fence", "detail": "Its lease was taken back."}],
    }
    heard: list[tuple[str, str, Any]] = []
    transport = Transport(f"http://127.0.0.1:{server.server_port}", "mc_x")
    outbox = Outbox(
        transport, Spool(tmp_path), lambda item, said: heard.append((item.command_run, item.kind, said))
    )
    two_at_work(server, outbox)
    assert outbox.wait_empty(60)
    outbox.close()
    assert (OTHER, PROGRESS, {"cancel": True, "pause": False}) in heard
    (refused,) = [said for run, _, said in heard if run == RUN and isinstance(said, Refused)]
    assert refused.status == 409
    assert calls(server) == ["updates"]  # its lease is lost, so its result is not wanted either


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_batch_that_is_refused_as_a_whole_goes_one_by_one(
    server: Server, tmp_path: Path, status: int
) -> None:
    server.script = [200, status]
    outbox = outbox_to(server.server_port, tmp_path)
    two_at_work(server, outbox)
    assert outbox.wait_empty(60)
    outbox.close()
    assert calls(server) == ["updates", "progress", "progress", "logs", "result", "logs"]


def test_many_lines_of_one_command_run_stay_one_call(server: Server, tmp_path: Path) -> None:
    outbox = outbox_to(server.server_port, tmp_path)
    server.open.clear()
    outbox.start()
    outbox.put(lines_item(RUN, 1, [{"text": str(number), "level": "info"} for number in range(100)]))
    outbox.put(lines_item(RUN, 2, [{"text": str(number), "level": "info"} for number in range(100)]))
    outbox.put(Item(PROGRESS, OTHER, 4, {"progress": 20}))
    server.open.set()
    assert outbox.wait_empty(60)
    outbox.close()
    assert calls(server) == ["logs", "logs", "progress"]
