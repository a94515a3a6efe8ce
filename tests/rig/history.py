"""Judges what happened by what was recorded, through the published API and without the product's code."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.rig.client import Client

STEP_OVER = ("completed", "failed", "cancelled", "skipped", "timed_out")


def journal(client: Client) -> list[dict[str, Any]]:
    """Every kept event, oldest first."""
    events: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        query = {"limit": 100} | ({"before": before} if before is not None else {})
        page = client.get("events/", params=query)["results"]
        if not page:
            return sorted(events, key=lambda event: int(event["seq"]))
        events += page
        before = min(int(event["seq"]) for event in page)


def problems(client: Client, run_ids: list[str]) -> list[str]:
    """What is wrong with these runs and with the journal; an empty list is the proof."""
    events = journal(client)
    found = _gaps(events) + _doubles(events)
    for run_id in run_ids:
        run = client.run(run_id)
        if run["status"] != "completed":
            found.append(f"run {run['number']} is {run['status']}: {run.get('error')}")
        for step in run["steps"]:
            found += _step(client, run, step)
    return found


def _gaps(events: list[dict[str, Any]]) -> list[str]:
    numbers = [int(event["seq"]) for event in events]
    if len(set(numbers)) != len(numbers):
        return ["a sequence number is used twice"]
    if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
        return [f"gap in the journal: {len(numbers)} events from {numbers[0]} to {numbers[-1]}"]
    return []


def _doubles(events: list[dict[str, Any]]) -> list[str]:
    """Ends that were recorded more than once for the same run, step or command run."""
    ends: Counter[str] = Counter()
    for event in events:
        body = event.get("payload", event)
        if event["kind"] in ("command_run.finished", "run.finished"):
            ends[f"{event['kind']} {event['entity_id']}"] += 1
        ended = event["type"] == "step_update" and body["status"] in STEP_OVER
        if ended and body.get("previous_status") != body["status"]:
            ends[f"end of step {body['step_id']}"] += 1
    return [f"{what}: {count} times" for what, count in ends.items() if count > 1]


def _step(client: Client, run: dict[str, Any], step: dict[str, Any]) -> list[str]:
    name = f"run {run['number']}, step {step['key']}"
    if step["status"] not in ("completed", "skipped"):
        return [f"{name} is {step['status']}: {step.get('error')}"]
    if step["status"] == "skipped" or step["command_run_id"] is None:
        return []
    work = client.get(f"command-runs/{step['command_run_id']}/")
    found = []
    if not step["output"] or step["output"] != work["output"]:
        found.append(f"{name}: its output is not its command run's output")
    completed = [attempt for attempt in work["attempts"] if attempt["outcome"] == "completed"]
    if len(completed) != 1:
        found.append(f"{name}: {len(completed)} attempts completed: {work['attempts']}")
    return found
