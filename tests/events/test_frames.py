"""Frames: merging, packing, chaining."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
from hypothesis import given
from hypothesis import strategies as st

from apps.events import frames
from apps.events.journal import StoredEvent

ENTITY = uuid4()


def stored(seq: int, entity_id: UUID = ENTITY, **payload: object) -> StoredEvent:
    return StoredEvent(seq, "lamp.switched", "lamp", entity_id, payload, datetime(2026, 1, 1, tzinfo=UTC))


def test_merged_events_keep_where_the_change_began() -> None:
    merged = frames.merge(
        stored(1, status="queued", previous_status=None, is_new=True),
        stored(2, status="running", previous_status="queued", is_new=False),
    )
    assert merged.seq == 2
    assert merged.payload == {"status": "running", "previous_status": None, "is_new": True}


def test_an_event_without_history_replaces_the_one_before() -> None:
    later = stored(2, type="agent_removed")
    assert frames.merge(stored(1, status="idle", is_new=True), later) is later


def test_each_event_names_the_one_sent_before_it() -> None:
    sent = [orjson.loads(frame) for frame in frames.chain([stored(4), stored(7), stored(8)], 2)]
    assert [(frame["prev"], frame["seq"]) for frame in sent] == [(2, 4), (4, 7), (7, 8)]


@given(
    st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=30), max_size=40),
    st.integers(10, 200),
)
def test_packing_keeps_every_frame_in_order_and_respects_the_limit(words: list[str], limit: int) -> None:
    packed = list(frames.pack([orjson.dumps(word).decode() for word in words], limit))
    unpacked: list[str] = []
    for message, count in packed:
        body = orjson.loads(message)
        parts = body if isinstance(body, list) else [body]
        assert len(parts) == count
        assert len(message) <= limit or count == 1
        unpacked += parts
    assert unpacked == words


def test_a_tick_is_about_its_first_id() -> None:
    tick = {"type": "command_run_progress", "command_run_id": "a", "run_id": "b"}
    assert frames.tick_key(tick) == ("command_run_progress", "a")
    assert frames.tick_key({"type": "metrics_sample", "at": 1}) == ("metrics_sample", "")
