"""Prepares every Python test run: the mode's servers first, then Django, then the fixtures.

`pytest` runs the product's tests in one mode. `pytest tests/browser` and `pytest tests/faults` are
lanes of their own: they start whole stacks and never touch Django in this process.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.rig import mode, programs

LANES = ("browser", "faults")

try:
    HOME = mode.prepare()
except programs.Missing as missing:
    pytest.exit(str(missing), returncode=3)

import django  # noqa: E402  (settings are read here, after the environment is ready)

django.setup()
# pytest-xdist's processes inherit the environment; with this in it, pytest-django would read the
# settings, and so this process's servers, before their own conftest has started theirs.
del os.environ["DJANGO_SETTINGS_MODULE"]

from django.db import connections  # noqa: E402

if mode.current() == "embedded":
    # A file, as in the product: an in-memory SQLite has other locking and hides lost writers.
    connections["default"].settings_dict["TEST"]["NAME"] = str(HOME / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Nothing is dropped at the end: the file or the whole server goes, and threads of the tests
    may still hold connections."""
    return True


@pytest.fixture(autouse=True)
def empty_memories() -> None:
    """No test sees callers or counted tries that an earlier one left in this process."""
    from django.core.cache import cache

    from apps.accounts.roster import roster

    roster.clear()
    cache.clear()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the lanes out unless they are named on the command line."""
    if collection_path.name in LANES and collection_path.parent.name == "tests":
        named = any(collection_path.name in Path(arg).parts for arg in map(str, config.args))
        return None if named else True
    return None


def pytest_report_header() -> str:
    return f"mission control: {mode.current()} mode, data in {HOME}"
