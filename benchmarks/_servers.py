"""Starts the servers that are measured, each a process of its own in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.process import accepts, free_port

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "benchmark-only"
START_SECONDS = 60


class Server:
    def __init__(self, child: subprocess.Popen[str], port: int, home: Path) -> None:
        self.child = child
        self.port = port
        self.home = home

    def order(self, rate: float, seconds: float) -> None:
        """Have it make so many changes a second for so long."""
        assert self.child.stdin is not None
        self.child.stdin.write(f"{rate} {seconds}\n")
        self.child.stdin.flush()


@contextmanager
def running(*command: str, **env: str) -> Iterator[Server]:
    """`{port}` in the command becomes a free port; ends the process at the end."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mc-bench-") as home:
        settings = {"DATA_DIR": home, "MC_ADMIN_PASSWORD": PASSWORD, "MC_ENV_FILE": "", **env}
        words = [word.format(port=port) for word in command]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        child = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=kept | settings, stdin=subprocess.PIPE, text=True
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not accepts(port):
                if child.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{words[0]} did not start")
                time.sleep(0.05)
            yield Server(child, port, Path(home))
        finally:
            child.terminate()
            child.wait(20)
            if child.stdin:
                child.stdin.close()


@contextmanager
def product(agents: int) -> Iterator[Server]:
    with running("-m", "benchmarks._live_server", str(agents), "{port}") as server:
        yield server
