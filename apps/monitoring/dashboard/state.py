"""A project's dashboard in memory, as the bytes that its endpoints answer with.

It is a view of the feed: loaded once at a position and moved by every event since. Each agent and
run is encoded once per change, each answer put together once per version.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

import orjson
from django.utils import timezone

from apps.events.journal import Position, StoredEvent
from apps.events.kinds import rfc3339
from apps.monitoring import measurements
from apps.monitoring.dashboard.load import load_board, midnight
from apps.monitoring.dashboard.reducer import RUNS_KEPT, Board, Row

PartName = Literal["stats", "agents", "workflows", "snapshot"]

DEFAULT_LIMIT = 10
# Answers this young are given again: a storm of reconnects costs one encoding, not one each.
STATS_SECONDS = 0.25
SNAPSHOT_STATS_SECONDS = 5.0
MIN_GZIP_BYTES = 1_024


@dataclass(slots=True)
class Answer:
    """A body and what identifies it; compressed on first demand."""

    body: bytes
    etag: str
    seq: int
    made_at: float
    _gzipped: bytes | None = None

    @property
    def worth_compressing(self) -> bool:
        return len(self.body) >= MIN_GZIP_BYTES

    @property
    def is_compressed(self) -> bool:
        return self._gzipped is not None

    def gzipped(self) -> bytes:
        if self._gzipped is None:
            self._gzipped = gzip.compress(self.body, compresslevel=1, mtime=0)
        return self._gzipped


class Dashboard:
    """Belongs to one loop or one request; `apply` and `answer` are never called at the same time."""

    def __init__(self, at: Position, board: Board) -> None:
        self.epoch = at.epoch
        self.seq = at.head
        self.board = board
        self._changed: dict[str, int] = dict.fromkeys(("agents", "workflows"), at.head)
        self._encoded: dict[str, bytes] = {}
        self._agent_ids: list[str] = []
        self._names_changed = True
        self._seen = 0
        self._answers: dict[tuple[PartName, int], Answer] = {}

    def apply(self, event: StoredEvent) -> None:
        self.seq = event.seq
        if event.payload["type"] == "command_run_update":
            self.board.new_day(midnight())  # the first of a new day must not count for the old one
        before = self.board.agents.get(str(event.entity_id))
        changed = self.board.apply(event.payload)
        if changed is None:
            return
        self._encoded.pop(changed, None)
        if event.payload["type"] in ("agent_status_change", "agent_removed"):
            after = self.board.agents.get(changed)
            self._changed["agents"] = event.seq
            if (before and before["name"]) != (after and after["name"]):
                self._names_changed = True
        elif event.payload["type"] == "workflow_update":
            self._changed["workflows"] = event.seq
            self._forget_old_runs()

    def tick(self, tick: dict[str, Any]) -> None:
        """A sign of life moves `last_active`; other ticks change nothing that is shown here."""
        row = self.board.agents.get(tick.get("agent_id", ""))
        if tick["type"] != "agent_seen" or row is None or tick["last_active"] <= row["last_active"]:
            return
        row["last_active"] = tick["last_active"]
        if row["provenance"]:
            row["signal_at"] = tick["last_active"]
        self._encoded.pop(row["id"], None)
        # Not in the journal, so the position cannot tell these bytes from those before.
        self._seen = zlib.crc32(f"{row['id']}{row['last_active']}".encode(), self._seen)
        self._answers.pop(("agents", 0), None)
        self._answers.pop(("snapshot", 0), None)

    def _forget_old_runs(self) -> None:
        board = self.board
        if len(self._encoded) > len(board.agents) + 2 * RUNS_KEPT:
            kept = board.agents.keys() | board.runs.keys()
            self._encoded = {one: text for one, text in self._encoded.items() if one in kept}

    def answer(self, part: PartName, limit: int = DEFAULT_LIMIT) -> Answer:
        key = (part, limit if part == "workflows" else 0)
        found = self._answers.get(key)
        if found is not None and self._is_current(part, found):
            return found
        made = getattr(self, f"_{part}")(limit)
        self._answers[key] = made
        answer: Answer = made
        return answer

    def _is_current(self, part: PartName, answer: Answer) -> bool:
        age = time.monotonic() - answer.made_at
        if part == "stats":
            return answer.seq == self.seq and age < STATS_SECONDS
        if part == "snapshot":
            return answer.seq == self.seq and age < SNAPSHOT_STATS_SECONDS
        return answer.seq == self._changed[part]

    def _stats(self, limit: int) -> Answer:
        self.board.new_day(midnight())
        numbers = orjson.dumps(
            {
                **asdict(self.board.counts),
                "storage_used_mb": measurements.storage_used_mb(),
                "api_response_time_ms": measurements.api_response_time_ms(),
            }
        )
        stamp = orjson.dumps({"timestamp": rfc3339(timezone.now())})
        body = numbers[:-1] + b"," + stamp[1:]
        return Answer(body, f'W/"{zlib.crc32(numbers):08x}"', self.seq, time.monotonic())

    def _agents(self, limit: int) -> Answer:
        rows = [self.board.agents[one] for one in self._ordered_agents()]
        return self._list("agents", rows, f"-{self._seen:x}" if self._seen else "")

    def _workflows(self, limit: int) -> Answer:
        newest = list(self.board.runs.values())[: -limit - 1 : -1]
        return self._list("workflows", newest, f"-{limit}")

    def _list(self, part: str, rows: Iterable[Row], variant: str = "") -> Answer:
        seq = self._changed[part]
        etag = f'W/"{self.epoch}:{seq}{variant}"'
        return Answer(self._array(rows), etag, seq, time.monotonic())

    def _snapshot(self, limit: int) -> Answer:
        alerts = sorted(self.board.alerts.values(), key=lambda row: str(row["opened_at"]), reverse=True)
        body = (
            b'{"epoch":"%s","seq":%d,"open_approvals":%d,"stats":%s,"agents":%s,"workflows":%s,"alerts":%s}'
            % (
                str(self.epoch).encode(),
                self.seq,
                self.board.open_approvals,
                self.answer("stats").body,
                self.answer("agents").body,
                self.answer("workflows", RUNS_KEPT).body,
                orjson.dumps(alerts),
            )
        )
        return Answer(body, f'W/"{self.epoch}:{self.seq}"', self.seq, time.monotonic())

    def _array(self, rows: Iterable[Row]) -> bytes:
        return b"[" + b",".join([self._fragment(row) for row in rows]) + b"]"

    def _fragment(self, row: Row) -> bytes:
        found = self._encoded.get(row["id"])
        if found is None:
            found = self._encoded[row["id"]] = orjson.dumps(row)
        return found

    def _ordered_agents(self) -> list[str]:
        if self._names_changed:
            agents = self.board.agents.values()
            self._agent_ids = [row["id"] for row in sorted(agents, key=lambda row: (row["name"], row["id"]))]
            self._names_changed = False
        return self._agent_ids


def load_dashboard(project_id: UUID) -> Dashboard:
    return Dashboard(*load_board(project_id))
