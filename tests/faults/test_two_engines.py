"""Two engine processes fire one schedule: each of its moments becomes one run, also when one dies."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

MINUTES = 40
EACH_MINUTE = {"name": "Each minute", "workflow": "nap", "cron": "* * * * *", "time_zone": "UTC"}
NAP = {"name": "Nap", "slug": "nap", "steps": [{"key": "rest", "wait": {"seconds": 0.1}}]}


def test_forty_missed_minutes_become_forty_runs_although_an_engine_dies(stack: Stack, client: Client) -> None:
    folder = stack.home / "nap"
    folder.mkdir()
    (folder / "nap.json").write_text(json.dumps(NAP))
    stack.manage("workflows", "apply", str(folder))
    policy = {"misfire": "catch_up", "catch_up_limit": MINUTES, "overlap": "allow"}
    schedule = client.post("schedules/", EACH_MINUTE | policy)
    assert stack.postgres
    with psycopg.connect(stack.postgres.url, autocommit=True) as wire:

        def rows(query: str) -> list[Any]:
            return wire.execute(query, [schedule["id"]]).fetchall()

        ticks = "SELECT scheduled_for, outcome, run_id FROM workflows_scheduletick WHERE schedule_id = %s"
        since = f"date_trunc('minute', now()) - interval '{MINUTES - 1} minutes'"
        rows(f"UPDATE workflows_schedule SET next_at = {since} WHERE id = %s RETURNING id")
        until(lambda: len(rows(ticks)) > MINUTES / 8, 60, "the first runs")
        stack.engines[0].kill()
        until(lambda: len(rows(ticks)) >= MINUTES, 90, "a run of each minute")
        client.request("PATCH", f"schedules/{schedule['id']}/", json={"enabled": False}).raise_for_status()
        fired = sorted(rows(ticks))
        minutes = [(at - fired[0][0]).total_seconds() / 60 for at, _, _ in fired]
        assert minutes == list(range(len(fired)))
        assert {outcome for _, outcome, _ in fired} == {"started"}
        assert len({run for _, _, run in fired}) == len(fired)
    runs = until(lambda: _over(client, len(fired)), 90, "every nap over", every=0.5)
    numbers = sorted(run["number"] for run in runs)
    assert numbers == list(range(1, len(fired) + 1))


def _over(client: Client, count: int) -> list[dict[str, Any]] | None:
    runs = client.get("runs/", params={"workflow": "nap", "limit": 100})["results"]
    assert len(runs) == count, "a minute was run twice, or not at all"
    return runs if all(run["status"] == "completed" for run in runs) else None
