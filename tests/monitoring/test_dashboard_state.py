"""The dashboard in memory: what is encoded again, what is not, and what the tags promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from apps.agents.events import AgentChanged, AgentRemoved, CommandRunChanged
from apps.events.journal import Position, StoredEvent
from apps.events.kinds import EventBody, rfc3339
from apps.monitoring.dashboard.reducer import RUNS_KEPT, Board
from apps.monitoring.dashboard.state import Dashboard
from apps.workflows.events import RunChanged

EPOCH = uuid4()
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Told:
    """A dashboard and the events it is told."""

    def __init__(self) -> None:
        self.seq = 0
        self.dashboard = Dashboard(Position(EPOCH, 0, 0), Board(midnight="2026-06-01T00:00:00.000000Z"))

    def tell(self, body: EventBody) -> None:
        self.seq += 1
        event = StoredEvent(self.seq, "x.changed", body.entity, body.entity_id, body.payload(), NOON)
        self.dashboard.apply(event)

    def read(self, part: Any, limit: int = 10) -> Any:
        return orjson.loads(self.dashboard.answer(part, limit).body)


def agent(name: str, agent_id: UUID | None = None, **fields: Any) -> AgentChanged:
    values: dict[str, Any] = {
        "status": "idle", "current_task": None, "agent_type": "review", "capabilities": [],
        "connector": "llm",
        "last_active": NOON, "last_error": "", "status_reason": "", "paused": False,
    }  # fmt: skip
    return AgentChanged(agent_id=agent_id or uuid4(), name=name, **{**values, **fields})


def run(number: int, status: str, previous: str | None, run_id: UUID | None = None) -> RunChanged:
    return RunChanged(
        workflow_id=run_id or uuid4(), status=status, progress=0, current_step=1, name="R", number=number,
        workflow="r", previous_status=previous, total_steps=1, status_reason="", error_code="",
        cancel_requested=False, created_at=NOON, started_at=None, completed_at=None,
    )  # fmt: skip


def command_run(finished_at: datetime) -> CommandRunChanged:
    return CommandRunChanged(
        command_run_id=uuid4(), agent_id=None, agent_name=None, command="c", title="C", status="completed",
        previous_status="running", attempt=1, wait_reason="", error_code="", progress=100, run_id=None,
        step_id=None, queued_at=NOON, started_at=NOON, finished_at=finished_at, input_tokens=None,
        output_tokens=None, model="", demo=True,
    )  # fmt: skip


def test_agents_stay_sorted_as_they_come_go_and_change_names() -> None:
    told = Told()
    first = uuid4()
    for body in (agent("Bea"), agent("Zoe", first), agent("Al")):
        told.tell(body)
    assert [row["name"] for row in told.read("agents")] == ["Al", "Bea", "Zoe"]
    told.tell(agent("Aaron", first))
    assert [row["name"] for row in told.read("agents")] == ["Aaron", "Al", "Bea"]
    told.tell(AgentRemoved(agent_id=first))
    assert [row["name"] for row in told.read("agents")] == ["Al", "Bea"]


def test_an_answer_is_put_together_once_until_something_in_it_changes() -> None:
    told = Told()
    told.tell(agent("Al"))
    before = told.dashboard.answer("agents")
    told.tell(run(1, "queued", None))
    assert told.dashboard.answer("agents") is before
    told.tell(agent("Bea"))
    after = told.dashboard.answer("agents")
    assert after is not before
    assert after.etag != before.etag


def test_the_newest_hundred_runs_are_kept_and_older_ones_still_count() -> None:
    told = Told()
    oldest = uuid4()
    told.tell(run(1, "running", None, oldest))
    for number in range(2, RUNS_KEPT * 4):
        told.tell(run(number, "queued", None))
    assert len(told.read("workflows", 100)) == RUNS_KEPT
    assert told.read("workflows", 1)[0]["number"] == RUNS_KEPT * 4 - 1
    assert told.read("stats")["running_workflows"] == 1
    told.tell(run(1, "completed", "running", oldest))
    stats = told.read("stats")
    assert (stats["running_workflows"], stats["total_workflows"]) == (0, RUNS_KEPT * 4 - 1)
    told.read("snapshot")
    assert len(told.dashboard._encoded) <= 2 * RUNS_KEPT + 1


def test_a_sign_of_life_moves_last_active_and_the_tag() -> None:
    told = Told()
    agent_id = uuid4()
    told.tell(agent("Al", agent_id))
    before = told.dashboard.answer("agents")
    later = rfc3339(NOON + timedelta(minutes=1))
    told.dashboard.tick({"type": "agent_seen", "agent_id": str(agent_id), "last_active": later})
    after = told.dashboard.answer("agents")
    assert orjson.loads(after.body)[0]["last_active"] == later
    assert after.etag != before.etag
    told.dashboard.tick({"type": "agent_seen", "agent_id": str(agent_id), "last_active": rfc3339(NOON)})
    told.dashboard.tick({"type": "metrics_sample", "at": 1})
    assert told.dashboard.answer("agents") is after


def test_a_day_begins_at_midnight_with_nothing_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    today, tomorrow = NOON, NOON + timedelta(hours=13)
    told = Told()
    set_day(monkeypatch, today)
    told.tell(command_run(today))
    told.tell(command_run(today - timedelta(days=1)))
    assert told.read("stats")["commands_executed_today"] == 1
    set_day(monkeypatch, tomorrow)
    told.tell(command_run(tomorrow))
    told.tell(command_run(today))
    assert told.read("stats")["commands_executed_today"] == 1


def set_day(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    began = rfc3339(moment.replace(hour=0))
    monkeypatch.setattr("apps.monitoring.dashboard.state.midnight", lambda: began)
