"""missionctl as a process of its own against the running product, one command after the other."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.client import Client
from tests.rig.process import Process, free_port
from tests.rig.stack import PASSWORD, Stack
from tests.rig.waiting import until
from tests.sdk.conftest import SOURCES, Robot, ended, key_for, order

COMMAND = [sys.executable, "-m", "mission_control.cli.main"]
HOSTILE = "\x1b[2Jgone\r\x07 \u202e=2+2\nnext"


class Shell:
    """`shell("runs", "--json")` runs missionctl with a home of its own."""

    def __init__(self, home: Path, **env: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.home = home
        self.env = {**kept, "HOME": str(home), "PYTHONPATH": str(SOURCES), **env}

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.env, input=stdin, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def shell(stack: Stack, client: Client, tmp_path: Path) -> Shell:
    return Shell(tmp_path, MC_URL=stack.url, MC_KEY=key_for(client, "read", "run"))


@pytest.fixture
def paused(client: Client) -> Iterator[str]:
    """The slug of a workflow whose runs stay where they are."""
    client.post("workflows/bug-lifecycle/pause/")
    yield "bug-lifecycle"
    client.request("DELETE", "workflows/bug-lifecycle/pause/")


def test_a_login_keeps_a_key_in_a_file_of_ones_own(stack: Stack, client: Client, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    none = shell("whoami")
    assert (none.returncode, none.stdout) == (3, "")
    assert "missionctl login" in none.stderr
    key = key_for(client, "read")
    done = shell("login", "--url", stack.url, "--key", "-", stdin=f"{key}\n")
    assert done.returncode == 0, done.stderr
    file = tmp_path / ".config" / "mission-control" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert shell.json("whoami")["url"] == stack.url
    assert key not in done.stdout + done.stderr
    # A key goes to its own server only.
    assert shell("whoami", "--url", "http://127.0.0.1:9").returncode == 3
    refused = shell("login", "--url", stack.url, "--key", "mc_wrong")
    assert refused.returncode == 3
    assert json.loads(file.read_text())["key"] == key


def test_a_password_is_exchanged_for_a_key_that_reads_and_runs(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    arguments = ("login", "--url", stack.url, "--user", "admin", "--password-stdin")
    done = shell(*arguments, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    made = client.get("keys/")["results"][0]
    assert made["name"].startswith("missionctl on ")
    assert made["scopes"] == ["read", "run"]
    assert shell("agents").returncode == 0
    assert shell(*arguments, stdin="not it\n").returncode == 3


def test_agents_and_runs_are_tables_for_people_and_json_for_programs(shell: Shell) -> None:
    table = shell("agents").stdout.splitlines()
    assert table[0].split()[:3] == ["NAME", "TYPE", "STATUS"]
    names = {agent["name"] for agent in shell.json("agents")}
    assert len(names) >= 16
    assert any(table[1].startswith(name) for name in names)
    assert shell.json("agents", "--status", "paused") == []
    wrong = shell("agents", "--status", "happy")
    assert wrong.returncode == 1
    assert "status" in wrong.stderr


def test_a_run_is_started_waited_for_shown_and_its_log_read(
    shell: Shell, client: Client, tmp_path: Path
) -> None:
    whole = tmp_path / "input.json"
    whole.write_text(json.dumps(client.example("bug-lifecycle")))
    done = shell("start", "bug-lifecycle", "--input", f"@{whole}", "--wait", "--json")
    assert done.returncode in (0, 5), done.stderr
    run = json.loads(done.stdout)
    assert (run["status"] == "completed") == (done.returncode == 0)
    shown = shell("run", run["id"]).stdout
    assert all(step["name"] in shown for step in run["steps"])
    assert any(row["id"] == run["id"] for row in shell.json("runs", "--workflow", "bug-lifecycle"))
    first = next(step["command_run_id"] for step in run["steps"] if step["command_run_id"])
    assert "Attempt 1 started" in shell("logs", first).stdout
    everything = shell("logs", run["id"], "-f").stdout
    assert "Attempt 1 started" in everything
    assert everything.count("\n") >= 5
    over = shell("cancel", run["id"])
    assert over.returncode == 1
    assert over.stderr.startswith("missionctl: ")


def test_the_same_key_starts_one_run_and_wrong_input_is_named(
    shell: Shell, client: Client, paused: str
) -> None:
    given = [f"{name}={json.dumps(value)}" for name, value in client.example(paused).items()]
    options = [part for one in given for part in ("--input", one)]
    first = shell.json("start", paused, *options, "--idempotency-key", "one")
    again = shell.json("start", paused, *options, "--idempotency-key", "one")
    assert first["id"] == again["id"]
    assert shell("cancel", first["id"]).returncode == 0
    wrong = shell("start", paused, "--input", "report=5")
    assert wrong.returncode == 1
    assert "report" in wrong.stderr
    assert shell("start", "no-such-thing").returncode == 1
    assert shell("start", paused, "--input", "nonsense").returncode == 2
    assert shell("start", paused, "--input", "x=@/nowhere/at/all").returncode == 2
    assert shell("run", "not-an-id").returncode == 1
    assert shell("run", "../../keys").returncode == 1
    assert shell("start").returncode == 2


@pytest.mark.parametrize(("verb", "state", "output"), [("approve", "approved", "True left ok"),
                                                       ("reject", "rejected", "False  ok")])  # fmt: skip
def test_what_people_are_asked_is_listed_and_decided(
    shell: Shell, client: Client, robots: Callable[..., Robot], verb: str, state: str, output: str
) -> None:
    command_run = order(client, robots().start(client), "ask")

    def asked() -> str | None:
        rows = shell.json("approvals")
        return next((row["id"] for row in rows if (row["command_run"] or {}).get("id") == command_run), None)

    approval = until(asked, 60, "the question")
    assert "Which?" in shell("approvals").stdout
    option = ("--option", "left") if verb == "approve" else ()
    assert shell.json(verb, approval, "--comment", "ok", *option)["state"] == state
    assert ended(client, command_run)["output"] == {"text": output}
    late = shell(verb, approval)
    assert late.returncode == 1


def test_a_log_is_followed_until_its_end(shell: Shell, client: Client, robots: Callable[..., Robot]) -> None:
    robot = robots()
    command_run = order(client, robot.start(client), "wait gate")
    follower = Process("follower", [*COMMAND, "logs", "-f", command_run], shell.home, env=shell.env)
    follower.start()
    until(lambda: "text.summarise: wait" in follower.log.read_text(), 60, "the first lines")
    robot.open("gate")
    assert follower.wait(60) == 0
    text = follower.log.read_text()
    assert "gate is open" in text
    assert text.count("text.summarise: wait") == 1
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_an_export_has_every_row_and_nothing_that_a_spreadsheet_would_calculate(
    shell: Shell, client: Client, stack: Stack
) -> None:
    robot = Client(stack.url)
    robot.http.headers["Authorization"] = f"Bearer {key_for(client, 'agent')}"
    name = '=HYPERLINK("http://127.0.0.1/","x")'
    me = robot.post("agents/register/", {"name": name, "capabilities": ["summarising"]})["id"]
    command_run = order(client, me, "x")
    until(lambda: client.get(f"command-runs/{command_run}/")["status"] == "dispatched", 60, "the dispatch")
    client.post(f"command-runs/{command_run}/cancellation/")
    robot.close()
    rows = [json.loads(line) for line in shell("export", "command-runs", "--since", "1d").stdout.splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    assert command_run in {row["id"] for row in rows}
    file = shell.home / "out.csv"
    done = shell("export", "command-runs", "--format", "csv", "-o", str(file))
    assert done.returncode == 0, done.stderr
    table = list(csv.DictReader(io.StringIO(file.read_text())))
    cell = next(row for row in table if row["id"] == command_run)["agent.name"]
    assert cell == f"'{name}"
    assert shell("export", "runs", "--since", "2099-01-01").stdout == ""
    assert shell("export", "runs", "--format", "csv").stdout.startswith("id,workflow,")
    assert shell("export", "runs", "--since", "soon").returncode == 2


def test_what_agents_say_does_nothing_to_the_terminal(shell: Shell, client: Client, stack: Stack) -> None:
    robot = Client(stack.url)
    robot.http.headers["Authorization"] = f"Bearer {key_for(client, 'agent')}"
    me = robot.post("agents/register/", {"name": "Mallory", "type": "shell"})["id"]
    robot.post(f"agents/{me}/heartbeat/", {"status": "busy", "current_task": HOSTILE})
    robot.close()
    for arguments in (("agents",), ("agents", "--json"), ("runs",)):
        shown = shell(*arguments).stdout
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown), arguments
    line = next(line for line in shell("agents").stdout.splitlines() if line.startswith("Mallory"))
    assert "gone" in line
    assert "next" in line


def test_a_server_that_is_not_there_is_told_apart_from_one_that_refuses(tmp_path: Path) -> None:
    shell = Shell(tmp_path, MC_URL=f"http://127.0.0.1:{free_port()}", MC_KEY="mc_x")
    for arguments in (("whoami",), ("runs",), ("logs", "x"), ("start", "x"), ("export", "runs")):
        done = shell(*arguments)
        assert done.returncode == 4, arguments
        assert done.stderr.startswith("missionctl: ")


def test_a_key_that_may_not_is_told_so(stack: Stack, client: Client, tmp_path: Path) -> None:
    shell = Shell(tmp_path, MC_URL=stack.url, MC_KEY=key_for(client, "read"))
    assert shell("start", "bug-lifecycle").returncode == 3
    assert Shell(tmp_path, MC_URL=stack.url, MC_KEY="mc_x")("runs").returncode == 3
