"""The checker of webhooks: each line of the journal that somebody subscribed to arrived, and only those.

An event that arrives is known by its id; the journal's line has none of its own, so they are matched
by kind and content: as many ids as lines.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from tests.faults.matrix.records import Records

# What the rig's two addresses ask for. `shaky` refuses every other event when it first comes.
ADDRESSES = {
    "calm": ("run.started", "run.finished", "step.finished", "command_run.retried", "command_run.finished"),
    "shaky": ("step.finished",),
}
Told = dict[str, dict[str, list[dict[str, Any]]]]


def undelivered(records: Records, project_id: Any, told: Told, since: int) -> tuple[list[str], int, int]:
    """What is wrong with what arrived of the lines after `since`; how many events arrived, and how
    many of them more than once."""
    found: list[str] = []
    arrived = repeated = 0
    for address, kinds in ADDRESSES.items():
        lines = records.rows(
            "SELECT kind, entity, entity_id, payload FROM events_event"
            " WHERE project_id = %s AND seq > %s AND kind = ANY(%s)",
            project_id,
            since,
            list(kinds),
        )
        wanted = Counter(_of_line(line) for line in lines)
        got: Counter[str] = Counter()
        names: dict[str, set[str]] = defaultdict(set)
        for event_id, copies in list(told.get(address, {}).items()):
            said = {_of_event(copy) for copy in copies}
            if len(said) > 1 or any(copy["id"] != event_id for copy in copies):
                found.append(f"{address}: different events came under the id {event_id}")
            what = _of_event(copies[0])
            got[what] += 1
            names[what].add(event_id)
            arrived += 1
            repeated += len(copies) > 1
        found += [f"{address}: {n} of {what} never arrived" for what, n in (wanted - got).items()]
        found += [f"{address}: {what} came under {n} ids too many" for what, n in (got - wanted).items()]
    return found, arrived, repeated


def _of_line(line: dict[str, Any]) -> str:
    body = dict(line["payload"])
    body.pop("type", None)
    if line["entity"] == "run":
        body["run_id"] = body.pop("workflow_id")
    return _said(f"mc.{line['kind']}", f"{line['entity']}/{line['entity_id']}", body)


def _of_event(event: dict[str, Any]) -> str:
    body = {name: value for name, value in event["data"].items() if name != "url"}
    return _said(event["type"], event["subject"], body)


def _said(kind: str, subject: str, body: dict[str, Any]) -> str:
    return f"{kind} {subject} {json.dumps(body, sort_keys=True)}"
