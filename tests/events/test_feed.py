"""The feed and the hub: order, gaps, windows, slow sockets, lost doorbells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from apps.events import journal, layer
from apps.events.hub import Hub
from tests.events.support import HubThread, Wire, attach, running_hub
from tests.events.toys import switch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live() -> Iterator[HubThread]:
    with running_hub(Hub()) as thread:
        yield thread


@pytest.fixture
def project_id() -> UUID:
    return uuid4()


def connect(live: HubThread, project_id: UUID, *, resumable: bool = True, max_events: int = 1_000) -> Wire:
    async def start() -> Wire:
        wire = Wire(resumable=resumable, max_events=max_events)
        await attach(live.hub, project_id, wire)
        return wire

    return live.run(start())


def test_a_change_reaches_the_socket_within_milliseconds(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    began = time.perf_counter()
    switch(project_id, "on")
    live.until(lambda: bool(wire.frames))
    took = time.perf_counter() - began
    assert (wire.frames[0]["seq"], wire.frames[0]["prev"], wire.frames[0]["status"]) == (1, 0, "on")
    assert took < 0.5


def test_events_of_one_entity_are_merged_for_resumable_sockets_and_not_for_plain_ones(
    live: HubThread, project_id: UUID
) -> None:
    merged, plain = connect(live, project_id), connect(live, project_id, resumable=False)
    switch(project_id, "a", "b", "c")
    live.until(lambda: len(plain.frames) == 3 and bool(merged.frames))
    assert [frame["status"] for frame in plain.frames] == ["a", "b", "c"]
    assert [(f["status"], f["previous_status"], f["prev"], f["seq"]) for f in merged.frames] == [
        ("c", None, 0, 3)
    ]
    assert "seq" not in plain.frames[0]


def test_a_burst_is_sent_in_windows_and_chained_without_a_hole(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    for number in range(40):
        switch(project_id, str(number), lamp=uuid4())
    live.until(lambda: bool(wire.frames) and wire.frames[-1]["seq"] == 40)
    assert [frame["seq"] for frame in wire.frames] == list(range(1, 41))
    assert [frame["prev"] for frame in wire.frames] == list(range(40))
    assert len(wire.messages) < 40, "under load several frames travel as one message"


def test_a_doubled_doorbell_changes_nothing(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    switch(project_id, "on")
    events = journal.read(project_id, after=0)
    layer.publish(project_id, 1, 1, events)
    layer.publish(project_id, 1, 1, events)
    live.drained()
    live.run(asyncio.sleep(0.06))
    assert [frame["seq"] for frame in wire.frames] == [1]


def test_a_lost_doorbell_is_noticed_by_the_next_one(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    with deaf(live):
        switch(project_id, "lost")
    switch(project_id, "heard", lamp=uuid4())
    live.until(lambda: bool(wire.frames) and wire.frames[-1]["seq"] == 2)
    assert [frame["status"] for frame in wire.frames] == ["lost", "heard"]


def test_a_lost_doorbell_is_noticed_on_a_quiet_stream(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    with deaf(live):
        switch(project_id, "lost")
    began = time.perf_counter()
    live.until(lambda: bool(wire.frames))
    assert time.perf_counter() - began < 5
    assert wire.frames[0]["status"] == "lost"


def test_doorbells_in_the_wrong_order_are_put_right(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    with deaf(live):
        switch(project_id, "first", lamp=uuid4())
        switch(project_id, "second", lamp=uuid4())
    first, second = journal.read(project_id, after=0)
    layer.publish(project_id, 2, 2, [second])
    layer.publish(project_id, 1, 1, [first])
    live.until(lambda: len(wire.frames) == 2)
    assert [frame["status"] for frame in wire.frames] == ["first", "second"]


def test_events_too_big_for_the_layer_are_read_from_the_journal(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    switch(project_id, *["x" * 1000 for _ in range(300)])
    live.until(lambda: bool(wire.frames))
    assert wire.frames[-1]["seq"] == 300


def test_a_slow_socket_is_closed_and_does_not_hold_up_another(live: HubThread, project_id: UUID) -> None:
    slow, quick = connect(live, project_id, max_events=20), connect(live, project_id)
    live.loop.call_soon_threadsafe(slow.takes.clear)
    for number in range(60):
        switch(project_id, str(number), lamp=uuid4())
    live.until(lambda: bool(quick.frames) and quick.frames[-1]["seq"] == 60)
    for number in range(60, 90):
        switch(project_id, str(number), lamp=uuid4())
    live.until(lambda: quick.frames[-1]["seq"] == 90)
    live.loop.call_soon_threadsafe(slow.takes.set)
    live.until(lambda: slow.closed is not None)
    assert slow.closed == 4408
    assert [frame["seq"] for frame in quick.frames] == list(range(1, 91))


def test_ticks_are_sent_without_a_position_latest_only(live: HubThread, project_id: UUID) -> None:
    wire, plain = connect(live, project_id), connect(live, project_id, resumable=False)

    async def push() -> None:
        for percent in (10, 20, 30):
            tick = {"type": "command_run_progress", "command_run_id": "a", "progress": percent}
            (await live.hub.feed(project_id)).tick(tick)

    live.run(push())
    live.until(lambda: bool(wire.frames))
    layer.push(project_id, {"type": "metrics_sample", "at": 1})
    live.until(lambda: bool(wire.of("metrics_sample")))
    assert [frame["progress"] for frame in wire.of("command_run_progress")] == [30]
    assert "seq" not in wire.frames[0]
    assert plain.frames == []


def test_a_broken_history_resets_resumable_sockets_and_ends_plain_ones(
    live: HubThread, project_id: UUID
) -> None:
    wire, plain = connect(live, project_id), connect(live, project_id, resumable=False)
    switch(project_id, "on")
    live.until(lambda: bool(wire.frames))
    journal.break_history(project_id)
    live.until(lambda: bool(wire.of("reset")))
    reset = wire.of("reset")[0]
    assert (reset["reason"], reset["seq"]) == ("epoch", 1)
    live.until(lambda: plain.closed == 1012)
    switch(project_id, "off")
    live.until(lambda: wire.frames[-1].get("seq") == 2 and wire.frames[-1]["type"] == "lamp_update")
    assert wire.frames[-1]["prev"] == 1


def test_what_was_pruned_before_it_was_seen_is_announced(live: HubThread, project_id: UUID) -> None:
    from datetime import timedelta

    from django.utils import timezone

    wire = connect(live, project_id)
    with deaf(live):
        switch(project_id, "a", "b", "c")
        journal.prune(project_id, before=timezone.now() + timedelta(days=1), keep=1)
    live.until(lambda: bool(wire.of("reset")))
    assert wire.of("reset")[0]["reason"] == "pruned"
    assert wire.of("reset")[0]["seq"] == 3


def test_the_heartbeat_names_the_position_after_everything_before_it(
    live: HubThread, project_id: UUID
) -> None:
    wire = connect(live, project_id)

    async def change_and_mark() -> None:
        feed = await live.hub.feed(project_id)
        await feed.catch_up()
        feed.mark()

    switch(project_id, "on")
    live.run(change_and_mark())
    live.until(lambda: bool(wire.of("mark")))
    assert wire.frames[-1] == {"type": "mark", "seq": 1}
    assert wire.frames[-2]["seq"] == 1


def test_stopping_tells_every_socket_to_come_back(live: HubThread, project_id: UUID) -> None:
    wire = connect(live, project_id)
    live.run(live.hub.stop())
    live.until(lambda: wire.closed == 1012)
    assert live.hub.is_live is False


class deaf:
    """While inside, the hub does not hear the layer's group: what is published is lost."""

    def __init__(self, live: HubThread) -> None:
        self.live = live

    def __enter__(self) -> None:
        self.live.go_deaf()

    def __exit__(self, *_: object) -> None:
        self.live.hear()
