"""Runs in flight under an earlier version finish under this one.

The rows in fixtures/previous.json.gz were written by commit d182bcf (how: fixtures/make_previous.py)
and hold runs in every state a run can be in, their workers gone. They are loaded into a database of
that version, which is then upgraded as an installation is: `manage.py setup`, and new processes.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.rig.client import Client
from tests.rig.history import journal, problems
from tests.rig.stack import ROOT, Stack
from tests.rig.waiting import until

COMPLETES = (
    *("running in the middle", "running at the beginning", "waits for its next attempt", "half of a join"),
    *("lost its worker once", "waits for people", "waits for time", "paused", "its workflow is paused"),
    *("dispatched and never claimed", "queued"),
)
OTHERS = {
    "fails and stops the rest": "failed",
    "is being cancelled": "cancelled",
    "completed before": "completed",
    "failed before": "failed",
    "cancelled before": "cancelled",
}
BEFORE = ("completed before", "failed before", "cancelled before")

pytestmark = pytest.mark.timeout(400)


class Upgraded(Stack):
    """A stack whose database was that of the earlier version until a moment ago."""

    def manage(self, *arguments: str) -> str:
        if arguments == ("setup",):
            command = [sys.executable, "-m", "tests.faults.fixtures.load_previous"]
            env = self.env(DJANGO_SETTINGS_MODULE="config.settings")
            (self.home / "data").mkdir(exist_ok=True)
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        return super().manage(*arguments)


def by_tag(client: Client) -> dict[str, Any]:
    rows = client.get("runs/", params={"limit": 100})["results"]
    runs = [client.run(row["id"]) for row in rows]
    return {run["input"]["tag"]: run for run in runs}


@pytest.mark.parametrize("mode", ["embedded", "server"])
def test_runs_in_flight_finish_under_the_next_version(mode: str) -> None:
    with Upgraded(mode) as stack:
        client = stack.client()
        first = by_tag(client)
        assert set(first) == {*COMPLETES, *OTHERS}
        before = {tag: first[tag] for tag in BEFORE}

        def asked() -> Any:
            return client.get("approvals/")["results"]

        for one in asked():
            client.post(f"approvals/{one['id']}/decision/", {"approved": True})
        client.request("DELETE", f"runs/{first['paused']['id']}/pause/").raise_for_status()
        client.request("DELETE", "workflows/halted/pause/").raise_for_status()

        def over() -> Any:
            runs = by_tag(client)
            open_ones = {tag: run["status"] for tag, run in runs.items() if run["completed_at"] is None}
            return runs if not open_ones else None

        runs = until(over, 150, "every run over", every=1, ignoring=(httpx.HTTPError,))
        assert {tag: run["status"] for tag, run in runs.items()} == OTHERS | dict.fromkeys(
            COMPLETES, "completed"
        )
        assert problems(client, [runs[tag]["id"] for tag in COMPLETES]) == []
        assert len(journal(client)) > 197, "the journal goes on where it stood"
        for tag in BEFORE:
            assert _kept(runs[tag]) == _kept(before[tag])
        made_before = [step for step in runs["running in the middle"]["steps"] if step["key"] == "a"]
        assert made_before[0]["output"]["text"].startswith("Made by the previous version")


def _kept(run: dict[str, Any]) -> Any:
    return (
        run["status"],
        run["output"],
        [(step["key"], step["status"], step["output"]) for step in run["steps"]],
    )
