"""Runs lanes of checks or tests one after the other, all of them, and sums up at the end.

Usage: bin/lanes.py check | test | NAME...   (exit 1 when a lane failed; its output stays as it was)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
FRONTEND = ROOT / "frontend"
PYTEST = [str(BIN / "python"), "-m", "pytest", "-q"]


@dataclass(frozen=True)
class Lane:
    name: str
    command: list[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)


def python_tool(name: str, *arguments: str) -> list[str]:
    return [str(BIN / name), *arguments]


def manage(*arguments: str) -> list[str]:
    return [str(BIN / "python"), "manage.py", *arguments]


CHECKS = [
    Lane("ruff", python_tool("ruff", "check", ".")),
    Lane("format", python_tool("ruff", "format", "--check", ".")),
    Lane("mypy", python_tool("mypy")),
    Lane("imports", python_tool("lint-imports")),
    Lane("migrations", manage("makemigrations", "--check", "--dry-run")),
    Lane("schema", [str(BIN / "python"), "bin/schema.py", "--check"]),
    Lane("biome", ["npm", "run", "--silent", "lint"], FRONTEND),
    Lane("tsc", ["npm", "run", "--silent", "typecheck"], FRONTEND),
]
PARALLEL = [*PYTEST, "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
TESTS = [
    Lane("python, embedded", PARALLEL, env={"MC_TEST_MODE": "embedded"}),
    Lane("python, server", PARALLEL, env={"MC_TEST_MODE": "server"}),
    Lane("vitest", ["npm", "run", "--silent", "test"], FRONTEND),
    Lane("browser", [*PYTEST, "tests/browser"]),
    Lane("faults", [*PYTEST, "tests/faults"]),
]
GROUPS = {"check": CHECKS, "test": [*CHECKS, *TESTS]}


def chosen(names: list[str]) -> list[Lane]:
    every = {lane.name: lane for lane in [*CHECKS, *TESTS]}
    lanes: list[Lane] = []
    for name in names:
        if name not in GROUPS and name not in every:
            raise SystemExit(f"no lane {name!r}; there are: {', '.join([*GROUPS, *every])}")
        lanes += GROUPS[name] if name in GROUPS else [every[name]]
    return lanes


def run(lane: Lane) -> tuple[bool, float]:
    print(f"\n==> {lane.name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mc-lane-") as data:
        # Whatever a tool imports of the product must not touch the real data directory.
        env = {**os.environ, "DATA_DIR": data, "MC_ENV_FILE": "", **lane.env}
        done = subprocess.run(lane.command, cwd=lane.cwd, env=env, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0, time.monotonic() - started


def main(names: list[str]) -> int:
    results = [(lane, *run(lane)) for lane in chosen(names)]
    print()
    for lane, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'}  {lane.name:<18} {seconds:6.1f} s")
    failed = sum(not passed for _, passed, _ in results)
    print(f"lanes: {len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["check"]))
