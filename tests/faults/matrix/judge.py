"""The checker: reads what was recorded, in SQL and from the bodies' own notes, and says what is wrong.

It shares no code with the engine and knows the definitions from the rig's own table of flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.faults.matrix.flows import Flow

OVER = ("completed", "failed", "cancelled", "timed_out", "skipped")
WORK_OVER = ("completed", "failed", "cancelled", "timed_out")
LEASE = 3.0
STUCK = 2 * LEASE + 5

Effects = Callable[[str, str], list[dict[str, Any]]]


class Records:
    """The database, read by a connection of our own that comes back after a crash."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wire: psycopg.Connection[dict[str, Any]] | None = None

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        for _ in range(2):
            try:
                if self._wire is None or self._wire.closed:
                    self._wire = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
                return self._wire.execute(query, values).fetchall()
            except psycopg.OperationalError as error:
                self.close()
                last = error
        raise last

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = None

    def run(self, tag: str) -> dict[str, Any] | None:
        found = self.rows("SELECT * FROM workflows_run WHERE idempotency_key = %s", tag)
        return found[0] if found else None

    def open_work(self, run_id: Any) -> int:
        """Command runs of the run that are not over."""
        query = "SELECT count(*) AS n FROM agents_commandrun WHERE run_id = %s AND status <> ALL(%s)"
        return int(self.rows(query, run_id, list(WORK_OVER))[0]["n"])

    def open_approval(self, run_id: Any) -> Any:
        query = "SELECT id FROM workflows_approval WHERE run_id = %s AND state = 'open'"
        found = self.rows(query, run_id)
        return found[0]["id"] if found else None

    def step_status(self, run_id: Any, key: str) -> str:
        found = self.rows("SELECT status FROM workflows_step WHERE run_id = %s AND key = %s", run_id, key)
        return str(found[0]["status"]) if found else ""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one run, and the longest time in which nothing of it moved after the fault."""

    problems: list[str]
    silence: float


def judge(
    records: Records, flow: Flow, tag: str, effects: Effects, since: float | None, patience: float = STUCK
) -> Verdict:
    """`since` is when the fault struck, in seconds of the epoch; None for a run without one."""
    runs = records.rows("SELECT * FROM workflows_run WHERE idempotency_key = %s", tag)
    if len(runs) != 1:
        return Verdict([f"{len(runs)} runs exist for one accepted start"], 0)
    run = runs[0]
    steps = {
        row["key"]: row for row in records.rows("SELECT * FROM workflows_step WHERE run_id = %s", run["id"])
    }
    work = records.rows(
        "SELECT w.*, d.output, d.error FROM agents_commandrun w"
        " JOIN agents_commandrundata d ON d.command_run_id = w.id WHERE w.run_id = %s",
        run["id"],
    )
    attempts = records.rows(
        "SELECT a.* FROM agents_commandrunattempt a JOIN agents_commandrun w ON w.id = a.command_run_id"
        " WHERE w.run_id = %s ORDER BY a.fence",
        run["id"],
    )
    events = _events(records, run, steps, work)
    found = [
        *_lost(flow, run, steps, work),
        *_doubled(steps, work, attempts),
        *_untrue(flow, tag, steps, work, effects),
        *_journal(events),
        *_order(flow, events),
        *_gaps(records, run["project_id"]),
        *_busy(records, run["project_id"]),
    ]
    silence = _silence(events, since)
    if silence > patience:
        found.append(f"nothing moved for {silence:.1f} s, more than {patience:.0f} s")
    return Verdict(found, silence)


def _lost(flow: Flow, run: Any, steps: dict[str, Any], work: list[Any]) -> list[str]:
    found = []
    if run["status"] != flow.status:
        found.append(f"the run is {run['status']} ({run['status_reason']}), not {flow.status}")
    if set(steps) != set(flow.ends):
        found.append(f"the run has the steps {sorted(steps)}")
    for key, end in flow.ends.items():
        if key in steps and steps[key]["status"] != end:
            found.append(f"step {key} is {steps[key]['status']} ({steps[key]['error']}), not {end}")
    if run["open_steps"]:
        found.append(f"the run is over and counts {run['open_steps']} open steps")
    return found + [f"command run {one['title']} is {one['status']}" for one in work if _is_open(one)]


def _is_open(work: Any) -> bool:
    return work["status"] not in WORK_OVER


def _doubled(steps: dict[str, Any], work: list[Any], attempts: list[Any]) -> list[str]:
    found = []
    of_step = Counter(one["step_id"] for one in work)
    for key, step in steps.items():
        if of_step[step["id"]] > 1:
            found.append(f"step {key} was given out as {of_step[step['id']]} command runs")
    for one in work:
        mine = [attempt for attempt in attempts if attempt["command_run_id"] == one["id"]]
        completed = [attempt for attempt in mine if attempt["outcome"] == "completed"]
        wanted = 1 if one["status"] == "completed" else 0
        if len(completed) != wanted:
            found.append(f"{one['title']}: {len(completed)} attempts were committed as completed")
        if wanted and completed and completed[0] is not mine[-1]:
            found.append(f"{one['title']}: an attempt began after the one that completed it")
        if any(attempt["ended_at"] is None for attempt in mine):
            found.append(f"{one['title']}: an attempt never ended")
        if len({attempt["fence"] for attempt in mine}) != len(mine):
            found.append(f"{one['title']}: two attempts had the same fence")
    return found


def _untrue(flow: Flow, tag: str, steps: dict[str, Any], work: list[Any], effects: Effects) -> list[str]:
    """Outputs that no body made, or that were made from something else than what was committed."""
    found = []
    by_step = {one["step_id"]: one for one in work}
    for key, step in steps.items():
        done = by_step.get(step["id"])
        if done is None or step["status"] != "completed":
            continue
        if step["output"] != done["output"]:
            found.append(f"step {key}: its output is not its command run's")
        made = [effect for effect in effects(tag, key) if effect["output"] == done["output"]]
        if not made:
            found.append(f"step {key}: its output {done['output']} was made by no body")
        before = flow.quotes.get(key)
        if made and before and str(steps[before]["output"]["text"]) not in made[0]["text"]:
            found.append(f"step {key}: it was not given the committed output of {before}")
    return found


def _events(records: Records, run: Any, steps: dict[str, Any], work: list[Any]) -> list[dict[str, Any]]:
    ids = [run["id"], *[step["id"] for step in steps.values()], *[one["id"] for one in work]]
    return records.rows(
        "SELECT * FROM events_event WHERE project_id = %s AND entity_id = ANY(%s) ORDER BY seq",
        run["project_id"],
        ids,
    )


def _journal(events: list[dict[str, Any]]) -> list[str]:
    """Each begin and end once, nothing after an end, and every line goes on where the last one stopped."""
    found = []
    said: dict[Any, str] = {}
    kinds = Counter((event["kind"], event["entity_id"]) for event in events)
    for kind in ("run.started", "run.finished"):
        if sum(count for (one, _), count in kinds.items() if one == kind) != 1:
            found.append(f"the journal does not say {kind} once")
    for (kind, entity), count in kinds.items():
        if kind in ("command_run.queued", "command_run.finished", "step.finished") and count > 1:
            found.append(f"{kind} {entity} was recorded {count} times")
    for event in events:
        entity, body = event["entity_id"], event["payload"]
        last = said.get(entity)
        if last in OVER:
            found.append(f"{event['kind']} was recorded after the end of {event['entity']} {entity}")
        before = body.get("previous_status")
        if last is not None and before is not None and before != last:
            found.append(f"{event['kind']} goes on from {before}, but the line before said {last}")
        said[entity] = body["status"]
    if events and events[-1]["kind"] != "run.finished":
        found.append(f"the journal's last word on the run is {events[-1]['kind']}")
    return found


def _order(flow: Flow, events: list[dict[str, Any]]) -> list[str]:
    began: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in events:
        if event["entity"] != "step":
            continue
        body = event["payload"]
        if event["kind"] in ("step.queued", "step.waiting", "step.started"):
            began.setdefault(body["key"], event["seq"])
        elif event["kind"] == "step.finished":
            ended[body["key"]] = event["seq"]
    return [
        f"step {key} began before {need} was over"
        for key, needs in flow.needs.items()
        for need in needs
        if key in began and began[key] < ended.get(need, began[key] + 1)
    ]


def _gaps(records: Records, project_id: Any) -> list[str]:
    row = records.rows(
        "SELECT s.head, count(e.seq) AS n, min(e.seq) AS first, max(e.seq) AS last FROM events_stream s"
        " JOIN events_event e ON e.project_id = s.project_id WHERE s.project_id = %s GROUP BY s.head",
        project_id,
    )[0]
    whole = row["last"] == row["head"] and row["n"] == row["last"] - row["first"] + 1
    return [] if whole else [f"the journal has gaps: {row}"]


def _busy(records: Records, project_id: Any) -> list[str]:
    rows = records.rows(
        "SELECT name FROM agents_agent a WHERE project_id = %s AND status = 'busy' AND NOT EXISTS"
        " (SELECT 1 FROM agents_commandrun w"
        " WHERE w.agent_id = a.id AND w.status IN ('dispatched', 'running'))",
        project_id,
    )
    return [f"{row['name']} is busy with nothing" for row in rows]


def _silence(events: list[dict[str, Any]], since: float | None) -> float:
    times = [event["at"].timestamp() for event in events]
    if since is None or not times:
        return 0.0
    marks = [since, *[at for at in times if at > since]]
    return max((after - before for before, after in pairwise(marks)), default=0.0)
