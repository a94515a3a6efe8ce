"""The example of the README, as a stranger would start it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.rig.client import Client
from tests.rig.process import Process
from tests.rig.stack import ROOT, Stack
from tests.rig.waiting import until
from tests.sdk.conftest import SOURCES, ended, key_for, order


def test_the_decorated_example_takes_a_command_to_its_end(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    env = {"MC_URL": stack.url, "MC_KEY": key_for(client, "agent"), "PYTHONPATH": str(SOURCES)}
    command: list[str | Path] = [sys.executable, ROOT / "examples" / "decorated.py"]
    program = Process("example", command, tmp_path, env={**env, "MC_SPOOL_DIR": str(tmp_path)})
    program.start()

    def agent() -> str:
        found = client.get("agents/", params={"q": "decorated-agent"})["results"]
        return str(found[0]["id"]) if found else ""

    run = ended(client, order(client, until(agent, 60, "the agent"), "one three seventeen"))
    assert run["output"] == {"text": "3 words, the longest is seventeen"}
    assert program.stop() == 0
