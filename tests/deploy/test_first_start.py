"""What somebody is told who starts the server before there is a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.rig.stack import ROOT


def test_a_server_without_tables_says_what_makes_them(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "MC_ENV_FILE": ""}
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", "0"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "manage.py setup" in done.stderr
    assert "Traceback" not in done.stderr
