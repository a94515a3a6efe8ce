"""A product and workers of the SDK, each as processes of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.rig import mode
from tests.rig.client import TERMINAL, Client
from tests.rig.process import Process
from tests.rig.stack import ROOT, Stack
from tests.rig.waiting import until

PROGRAM = Path(__file__).with_name("program.py")
SOURCES = ROOT / "sdk" / "python" / "src"
OVER = (*TERMINAL, "timed_out")


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with Stack(mode.current()) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


def key_for(client: Client, *scopes: str) -> str:
    return str(client.post("keys/", {"name": "sdk", "scopes": list(scopes)})["key"])


class Robot:
    """A worker process, the agent it is, and the gates its bodies wait at."""

    def __init__(self, url: str, key: str, home: Path, concurrency: int = 1) -> None:
        self.name = f"robot-{uuid4().hex[:8]}"
        self.spool, self.gates = home / "spool", home / "gates"
        self.gates.mkdir(parents=True, exist_ok=True)
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "MC_URL": url,
            "MC_KEY": key,
            "PYTHONPATH": str(SOURCES),
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, PROGRAM, self.name, str(self.spool), str(self.gates), str(concurrency)]
        self.process = Process(f"{self.name}", [str(part) for part in command], home, env=env)

    def start(self, client: Client) -> str:
        """Start the process and return the agent's id, once it is known and not offline."""
        self.process.start()
        return str(until(lambda: self.agent(client), 60, f"{self.name} to register")["id"])

    def agent(self, client: Client) -> dict[str, Any] | None:
        if not self.process.alive:
            raise AssertionError(self.process.tail())
        found = client.get("agents/", params={"q": self.name})["results"]
        return found[0] if found and found[0]["status"] != "offline" else None

    def open(self, gate: str) -> None:
        (self.gates / gate).touch()

    def notes(self, what: str = "") -> list[str]:
        file = self.gates / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(what)]

    def kept(self) -> list[Path]:
        """What is in its spool."""
        return sorted(self.spool.glob("*/*/*.json"))

    def has_kept_a_result(self) -> bool:
        return any('"kind": "result"' in path.read_text() for path in self.kept())


@pytest.fixture
def robots(stack: Stack, client: Client, tmp_path: Path) -> Iterator[Callable[..., Robot]]:
    """Makes workers that end with the test; their logs are shown when it fails."""
    made: list[Robot] = []

    def make(url: str = "", concurrency: int = 1) -> Robot:
        home = tmp_path / str(len(made))
        home.mkdir()
        robot = Robot(url or stack.url, key_for(client, "agent"), home, concurrency)
        made.append(robot)
        return robot

    yield make
    for robot in made:
        print(robot.process.tail())
        if robot.process.alive:
            robot.process.kill()


def order(client: Client, agent_id: str, text: str, command: str = "text.summarise") -> str:
    body = {"command": command, "input": {"text": text}}
    return str(client.post(f"agents/{agent_id}/command-runs/", body)["id"])


def ended(client: Client, command_run: str, within: float = 90.0) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"command-runs/{command_run}/")
        return found if found["status"] in OVER else None

    return until(look, within, f"command run {command_run} over", every=0.2)


def log_of(client: Client, command_run: str) -> list[str]:
    return [line["text"] for line in client.get(f"command-runs/{command_run}/logs/")["results"]]
