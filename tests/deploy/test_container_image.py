"""The image's recipe, checked without an engine: what it copies exists, and it says nothing unwise."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "Dockerfile").read_text()
STAGES = RECIPE.split("\nFROM ")


def copied_from_context() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", RECIPE, re.MULTILINE)
    return [source.rstrip("/") for line in lines for source in line.split()[:-1]]


def sent_to_the_engine(path: str) -> bool:
    """Whether .dockerignore lets this path through; the last rule that matches decides."""
    sent = True
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = rule.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        parts = [path, *[str(parent) for parent in Path(path).parents]]
        if any(fnmatch(part, pattern) for part in parts):
            sent = rule.startswith("!")
    return sent


def test_everything_the_image_copies_exists_and_is_sent() -> None:
    for source in copied_from_context():
        assert (ROOT / source).exists(), source
        assert sent_to_the_engine(source), f"{source} is held back by .dockerignore"


@pytest.mark.parametrize("path", [".env", "data/secret_key", ".git/config", "tests/conftest.py"])
def test_nothing_private_is_sent(path: str) -> None:
    assert not sent_to_the_engine(path)


def test_the_image_holds_every_package_of_the_product() -> None:
    copied = set(copied_from_context())
    for package in ("config", "apps", "manage.py", "requirements.lock"):
        assert package in copied


def test_the_last_stage_runs_as_a_numbered_user_and_has_a_health_check() -> None:
    last = STAGES[-1]
    assert re.search(r"^USER [1-9]\d+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert not re.search(r"PASSWORD|SECRET|API_KEY", last)


def test_the_health_check_is_a_program_that_runs() -> None:
    line = re.search(r'^    CMD \["python", "-c", (".*")\]$', RECIPE, re.MULTILINE)
    assert line is not None
    compile(line[1][1:-1].replace('\\"', '"'), "HEALTHCHECK", "exec")


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint has a wheel for Linux on x86-64 only")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_the_image_copies_is_enough_to_set_up_and_check(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for source in copied_from_context():
        if source.startswith(("frontend", "requirements")):
            continue
        original, copy = ROOT / source, app / source
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(original, copy) if original.is_dir() else shutil.copy(original, copy)
    env = {
        "PATH": "/usr/bin:/bin",
        "DATA_DIR": str(tmp_path / "data"),
        "MC_ADMIN_PASSWORD": "only-for-this-test",
    }
    for command in ("setup", "check"):
        done = subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=app,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
