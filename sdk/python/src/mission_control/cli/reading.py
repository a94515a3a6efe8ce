"""The commands that only read."""

from __future__ import annotations

import re
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from mission_control.cli.text import as_csv, as_json, table, visible
from mission_control.cli.verbs import Usage, client
from mission_control.client import OVER, Client
from mission_control.errors import Refused, Unreachable
from mission_control.outbox import backoff

FOLLOW_SECONDS = 1.0
AGE = re.compile(r"(\d{1,6})([smhdw])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
RUN_COLUMNS = (
    "id", "workflow", "number", "name", "status", "status_reason", "progress", "created_at", "started_at",
    "completed_at", "requested_by", "tokens.input", "tokens.output",
)  # fmt: skip
COMMAND_RUN_COLUMNS = (
    "id", "command", "title", "agent.name", "status", "attempt", "error_code", "model", "tokens.input",
    "tokens.output", "cost_usd", "run_id", "queued_at", "started_at", "finished_at", "requested_by",
)  # fmt: skip


def agents(given: Namespace) -> int:
    with client(given) as asked:
        rows = list(asked.agents(status=given.status or ""))
    if given.json:
        as_json(rows)
    else:
        table(
            ("NAME", "TYPE", "STATUS", "TASK", "ID"),
            [(row["name"], row["type"], row["status"], row["current_task"], row["id"]) for row in rows],
        )
    return 0


def runs(given: Namespace) -> int:
    if given.limit < 1:
        raise Usage("--limit must be 1 or more")
    with client(given) as asked:
        rows = list(islice(asked.runs(status=given.status or "", workflow=given.workflow or ""), given.limit))
    if given.json:
        as_json(rows)
    else:
        table(
            ("RUN", "STATUS", "DONE", "STARTED", "ID"),
            [
                (f"{row['name']} #{row['number']}", row["status"], f"{row['progress']} %", row["started_at"],
                 row["id"])
                for row in rows
            ],
        )  # fmt: skip
    return 0


def run(given: Namespace) -> int:
    with client(given) as asked:
        found = asked.run(given.id)
    if given.json:
        as_json(found)
        return 0
    head = f"{found['name']} #{found['number']}: {found['status']}, {found['progress']} %"
    sys.stdout.write(visible(head) + "\n")
    for label, said in (("why", found["status_reason"]), ("error", _of(found["error"], "message"))):
        if said:
            sys.stdout.write(f"{label}: {visible(said)}\n")
    table(
        ("STEP", "KIND", "STATUS", "AGENT", "WHY", "COMMAND RUN"),
        [
            (step["name"], step["kind"], step["status"], _of(step["agent"], "name"),
             _of(step["error"], "message") or step["wait_reason"], step["command_run_id"])
            for step in found["steps"]
        ],
    )  # fmt: skip
    return 0


def _of(found: Any, name: str) -> str:
    return str(found[name]) if found else ""


def approvals(given: Namespace) -> int:
    with client(given) as asked:
        rows = list(asked.approvals(state="" if given.all else "open"))
    if given.json:
        as_json(rows)
    else:
        table(
            ("TITLE", "STATE", "OPTIONS", "ASKED BY", "ID"),
            [
                (row["title"], row["state"], ", ".join(row["options"]), row["requested_by"], row["id"])
                for row in rows
            ],
        )
    return 0


def logs(given: Namespace) -> int:
    """Of a command run, or of every command run of a run."""
    seen: dict[str, int] = {}
    tries = 0
    with client(given) as asked:
        command_runs, is_over = _what(asked, given.id)
        while True:
            try:
                for command_run, name in command_runs:
                    _print_lines(asked, given, command_run, name if len(command_runs) > 1 else "", seen)
                if is_over or not given.follow:
                    return 0
                time.sleep(FOLLOW_SECONDS)
                command_runs, is_over = _what(asked, given.id)
                tries = 0
            except (Unreachable, Refused) as error:
                is_passing = not isinstance(error, Refused) or error.is_passing
                if not given.follow or not is_passing or getattr(error, "status", 0) in (401, 403):
                    raise
                time.sleep(backoff(tries, error))
                tries += 1


def _what(asked: Client, given: str) -> tuple[list[tuple[str, str]], bool]:
    """The command runs that an id stands for, and whether no more lines will come of them."""
    try:
        one = asked.command_run(given)
        return [(one["id"], one["title"])], one["status"] in OVER
    except Refused as error:
        if error.status != 404:
            raise
    run = asked.run(given)
    found = [(step["command_run_id"], step["name"]) for step in run["steps"] if step["command_run_id"]]
    return [(command_run, name) for command_run, name in found if command_run], run["status"] in OVER


def _print_lines(asked: Client, given: Namespace, command_run: str, name: str, seen: dict[str, int]) -> None:
    for line in asked.log(command_run, after=seen.get(command_run, 0)):
        seen[command_run] = line["number"]
        if given.json:
            as_json({"command_run_id": command_run, **line}, indent=None)
            continue
        before = f"[{visible(name)}] " if name else ""
        level = "" if line["level"] == "info" else f"{visible(line['level']).upper()} "
        sys.stdout.write(f"{visible(line['at'])} {before}{level}{visible(line['text'])}\n")
    sys.stdout.flush()


def export(given: Namespace) -> int:
    """Newest first, as the lists are."""
    since = moment(given.since) if given.since else None
    with client(given) as asked:
        name = "created_at" if given.what == "runs" else "queued_at"
        rows: Iterator[Any] = asked.runs() if given.what == "runs" else asked.command_runs()
        if since is not None:
            rows = takewhile(lambda row: _read(row[name]) >= since, rows)
        target = (
            Path(given.output).open("w", encoding="utf-8", newline="")  # noqa: SIM115  (closed below)
            if given.output
            else nullcontext(sys.stdout)
        )
        with target as out:
            if given.format == "csv":
                as_csv(RUN_COLUMNS if given.what == "runs" else COMMAND_RUN_COLUMNS, rows, out)
            else:
                for row in rows:
                    as_json(row, out, indent=None)
    return 0


def moment(text: str) -> datetime:
    """`2026-11-20`, `2026-11-20T08:00:00Z`, or an age: `90m`, `12h`, `7d`, `2w`. Raises Usage."""
    if age := AGE.fullmatch(text):
        try:
            return datetime.now(timezone.utc) - timedelta(seconds=int(age[1]) * SECONDS[age[2]])
        except OverflowError:
            raise Usage(f"--since {text}: that is before there were calendars") from None
    try:
        return _read(text)
    except ValueError:
        raise Usage(f"--since {text}: must be a date, a moment, or an age such as 12h or 7d") from None


def _read(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
