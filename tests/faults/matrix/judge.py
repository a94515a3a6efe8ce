"""The checker: reads what was recorded, in SQL and from the bodies' own notes, and says what is wrong.

It shares no code with the engine and knows the definitions from the rig's own table of flows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from tests.faults.matrix.flows import BROKEN, PARTS, Flow
from tests.faults.matrix.records import OVER, WORK_OVER, Records
from tests.rig.clock import MachineClock

LEASE = 3.0
STUCK = 2 * LEASE + 5

Effects = Callable[[str, str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Notes:
    """What the rig's bodies know of their own effects: those of a step by the run's tag, and what was
    answered under which idempotency key."""

    effects: Effects
    answers: Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one run, and the longest time in which nothing of it moved after the fault."""

    problems: list[str]
    silence: float


@dataclass(frozen=True)
class _Case:
    """One run with all that was recorded of it. Steps are known by their key, items as `key#index`."""

    flow: Flow
    tag: str
    run: dict[str, Any]
    steps: dict[str, dict[str, Any]]
    work: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @classmethod
    def of(cls, records: Records, flow: Flow, tag: str, run: dict[str, Any]) -> _Case:
        found = records.rows("SELECT * FROM workflows_step WHERE run_id = %s", run["id"])
        steps = {_called(row["key"], row["map_index"]): row for row in found}
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
        return cls(flow, tag, run, steps, work, attempts, _events(records, run, steps, work))


def judge(
    records: Records,
    flow: Flow,
    tag: str,
    notes: Notes,
    since: float | None,
    clock: MachineClock,
    patience: float = STUCK,
) -> Verdict:
    """`since` is when the fault struck, in seconds of the epoch; None for a run without one. How long
    nothing may move is told by `clock`, which a machine that is overbooked does not hold against us."""
    runs = records.rows("SELECT * FROM workflows_run WHERE idempotency_key = %s", tag)
    if len(runs) != 1:
        return Verdict([f"{len(runs)} runs exist for one accepted start"], 0)
    case = _Case.of(records, flow, tag, runs[0])
    parts, found = _parts(records, case)
    for one in (case, *parts):
        said = [
            *_lost(one.flow, one.run, one.steps, one.work),
            *_doubled(one),
            *_untrue(one, notes),
            *_untrue_lists(one),
            *_journal(one.events),
            *_order(one.flow, one.events),
            *_too_many(one.flow, one.events),
        ]
        found += said if one is case else [f"in part {one.tag} #{one.run['number']}: {what}" for what in said]
    project = case.run["project_id"]
    found += [*_together(parts), *_gaps(records, project), *_busy(records, project)]
    still = _standstills([event for one in (case, *parts) for event in one.events], since)
    longest = max((clock.between(*one) for one in still), default=0.0)
    if longest > patience + flow.still:
        found.append(f"nothing moved for {longest:.1f} s, more than {patience + flow.still:.0f} s")
    silence = max((after - before for before, after in still), default=0.0)
    return Verdict(found, silence)


def _called(key: str, map_index: int | None) -> str:
    return key if map_index is None or map_index < 0 else f"{key}#{map_index}"


def _parts(records: Records, case: _Case) -> tuple[list[_Case], list[str]]:
    """The runs that steps started, and what is wrong with their number and order: one for each
    attempt, of which only the last may have done what was asked for, and that one has the word."""
    parts, found = [], []
    for called, step in case.steps.items():
        name = case.flow.parts.get(step["key"])
        if name is None or called in case.flow.lists:
            continue
        query = "SELECT * FROM workflows_run WHERE origin_id = %s ORDER BY number"
        runs = records.rows(query, step["id"])
        if len(runs) != step["attempt"]:
            found.append(f"step {called}: {len(runs)} runs for {step['attempt']} attempts")
        if runs and step["child_run_id"] != runs[-1]["id"]:
            found.append(f"step {called}: it ended with another run than its last")
        for run in runs:
            flow = PARTS[name]
            if run is not runs[-1]:
                flow = replace(flow, status="failed", ends=BROKEN[name])
            tag = f"{case.tag}-{max(0, step['map_index'])}"
            parts.append(_Case.of(records, flow, tag, run))
        output = records.rows("SELECT output FROM workflows_rundata WHERE run_id = %s", step["child_run_id"])
        if not output or output[0]["output"] != step["output"]:
            found.append(f"step {called}: its output is not its run's")
    known = records.rows("SELECT id FROM workflows_run WHERE parent_run_id = %s", case.run["id"])
    if len(known) != len(parts):
        found.append(f"{len(known)} runs are nested in it, {len(parts)} belong to its steps")
    return parts, found


def _lost(flow: Flow, run: Any, steps: dict[str, Any], work: list[Any]) -> list[str]:
    found = []
    if run["status"] != flow.status:
        found.append(f"the run is {run['status']} ({run['status_reason']}), not {flow.status}")
    if set(steps) != set(flow.all_ends):
        found.append(f"the run has the steps {sorted(steps)}")
    for key, end in flow.all_ends.items():
        if key in steps and steps[key]["status"] not in end.split("|"):
            found.append(f"step {key} is {steps[key]['status']} ({steps[key]['error']}), not {end}")
    if run["open_steps"] or run["total_steps"] != len(steps):
        said = f"{run['open_steps']} open of {run['total_steps']} steps"
        found.append(f"the run is over and counts {said}; there are {len(steps)}")
    return found + [f"command run {one['title']} is {one['status']}" for one in work if _is_open(one)]


def _is_open(work: Any) -> bool:
    return work["status"] not in WORK_OVER


def _doubled(case: _Case) -> list[str]:
    found = []
    attempts = case.attempts
    of_step = Counter(one["step_id"] for one in case.work)
    for key, step in case.steps.items():
        if of_step[step["id"]] > 1:
            found.append(f"step {key} was given out as {of_step[step['id']]} command runs")
    for one in case.work:
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


def _untrue(case: _Case, notes: Notes) -> list[str]:
    """Outputs that no body made, or that were made from something else than what was committed."""
    found = []
    by_step = {one["step_id"]: one for one in case.work}
    for called, step in case.steps.items():
        key = step["key"]
        done = by_step.get(step["id"])
        if done is None or step["status"] != "completed":
            continue
        if step["output"] != done["output"]:
            found.append(f"step {called}: its output is not its command run's")
        if key in case.flow.requests:
            given = f"{case.run['id']}:{key}:{step['map_index']}"
            answer = notes.answers.get(given)
            made = [{"text": json.dumps(answer)}] if answer == done["output"]["body"] else []
        else:
            made = [one for one in notes.effects(case.tag, key) if one["output"] == done["output"]]
        if not made:
            found.append(f"step {called}: its output {done['output']} was made by no body")
        before = case.flow.quotes.get(key)
        if made and before and str(case.steps[before]["output"]["text"]) not in made[0]["text"]:
            found.append(f"step {called}: it was not given the committed output of {before}")
    keys = {key for key in notes.answers if key.startswith(f"{case.run['id']}:")}
    known = {
        f"{case.run['id']}:{step['key']}:{step['map_index']}"
        for called, step in case.steps.items()
        if step["key"] in case.flow.requests and called not in case.flow.lists
    }
    return found + [f"the server was asked under {key}, which belongs to no step" for key in keys - known]


def _untrue_lists(case: _Case) -> list[str]:
    """Lists whose output is not the outputs of their items in their order."""
    found = []
    for key, (count, _) in case.flow.lists.items():
        items = [case.steps.get(f"{key}#{index}", {}).get("output") for index in range(count)]
        if key in case.steps and case.steps[key]["output"] != items:
            found.append(f"step {key}: its output is not those of its items in their order")
    return found


def _together(parts: list[_Case]) -> list[str]:
    """Runs that wait for one place and were at work at the same time."""
    found = []
    for one, two in pairwise(sorted(parts, key=lambda part: part.run["started_at"])):
        if one.flow.more.get("concurrency", {}).get("limit") != 1:
            continue
        if one.run["workflow_id"] == two.run["workflow_id"]:
            finished = [event["seq"] for event in one.events if event["kind"] == "run.finished"]
            began = [
                event["seq"]
                for event in two.events
                if event["entity"] == "step" and event["kind"] != "step.finished"
            ]
            if not finished or not began or began[0] < finished[0]:
                found.append(f"{two.tag} #{two.run['number']} began before #{one.run['number']} was over")
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


BEGINNINGS = ("step.queued", "step.waiting", "step.started")


def _order(flow: Flow, events: list[dict[str, Any]]) -> list[str]:
    began: dict[str, int] = {}
    ended: dict[str, int] = {}
    items_ended: dict[str, int] = {}
    for event in events:
        if event["entity"] != "step":
            continue
        body = event["payload"]
        is_item = _called(body["key"], body["map_index"]) != body["key"]
        if event["kind"] in BEGINNINGS:
            began.setdefault(body["key"], event["seq"])
        elif event["kind"] == "step.finished":
            (items_ended if is_item else ended)[body["key"]] = event["seq"]
    found = [
        f"step {key} began before {need} was over"
        for key, needs in flow.needs.items()
        for need in needs
        if key in began and began[key] < ended.get(need, began[key] + 1)
    ]
    return found + [
        f"step {key} was over before its last item"
        for key, last in items_ended.items()
        if ended.get(key, last + 1) < last
    ]


def _too_many(flow: Flow, events: list[dict[str, Any]]) -> list[str]:
    """Lists of which more items were at work than their limit allows."""
    found = set()
    at_work: dict[str, set[int]] = {key: set() for key in flow.lists}
    for event in events:
        body = event["payload"]
        if event["entity"] != "step" or _called(body["key"], body["map_index"]) == body["key"]:
            continue
        items = at_work[body["key"]]
        if event["kind"] == "step.finished":
            items.discard(body["map_index"])
        elif event["kind"] in BEGINNINGS:
            items.add(body["map_index"])
        if len(items) > flow.lists[body["key"]][1]:
            found.add(f"step {body['key']}: more items were at work than its limit allows")
    return sorted(found)


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


def _standstills(events: list[dict[str, Any]], since: float | None) -> list[tuple[float, float]]:
    """From when to when nothing of the run moved after the fault, in seconds of the epoch."""
    times = sorted(event["at"].timestamp() for event in events)
    if since is None:
        return []
    return list(pairwise([since, *[at for at in times if at > since]]))
