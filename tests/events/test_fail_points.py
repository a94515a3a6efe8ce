"""Fail points do nothing unless two variables say so, and one of them alone stops the start."""

from __future__ import annotations

import os
import subprocess
import sys

from apps.events import failpoints

TRY = "from apps.events.failpoints import ACTIVE, fail_point; fail_point('here'); print(ACTIVE)"


def start(**env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MC_FAIL")}
    return subprocess.run(
        [sys.executable, "-c", TRY], env={**kept, **env}, capture_output=True, text=True, check=False
    )


def test_they_are_inert_in_this_process() -> None:
    assert not failpoints.ACTIVE
    failpoints.fail_point("anything", RuntimeError)


def test_a_directory_alone_stops_the_start(tmp_path: object) -> None:
    done = start(MC_FAIL_POINTS=str(tmp_path))
    assert done.returncode != 0
    assert "for the fault suite only" in done.stderr


def test_permission_alone_changes_nothing() -> None:
    assert start(MC_FAIL_POINTS_ALLOWED="1").stdout == "False\n"


def test_both_together_note_what_was_reached(tmp_path: object) -> None:
    assert start(MC_FAIL_POINTS=str(tmp_path), MC_FAIL_POINTS_ALLOWED="1").stdout == "True\n"
    with open(f"{tmp_path}/hits") as hits:
        assert hits.read() == "here\n"
