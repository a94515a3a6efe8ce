"""Prepares the environment of a Python test run, before Django reads its settings.

MC_TEST_MODE=embedded (default): a SQLite file. MC_TEST_MODE=server: a real PostgreSQL and Redis.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

MODES = ("embedded", "server")

# Whoever runs the tests may have a real installation configured in the shell: none of it counts.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "DEBUG", "HOST", "PORT", "SECRET_KEY", "JWT_SIGNING_KEY")


def current() -> str:
    mode = os.environ.get("MC_TEST_MODE", "embedded")
    if mode not in MODES:
        raise RuntimeError(f"MC_TEST_MODE must be one of {', '.join(MODES)}, not {mode!r}")
    return mode


def clean_environment() -> None:
    """Drop every product setting inherited from the shell; tests set what they mean."""
    kept = ("MC_TEST_", "MC_CHROMIUM", "MC_BROWSER_")
    for name in list(os.environ):
        if name in FOREIGN or (name.startswith("MC_") and not name.startswith(kept)):
            del os.environ[name]


def prepare() -> Path:
    """Start what the mode needs, describe it in os.environ, return the run's own directory.

    Each process of a parallel run has servers of its own: Redis' channels are not divided by database.
    """
    clean_environment()
    home = Path(tempfile.mkdtemp(prefix="mc-test-"))
    owner = os.getpid()
    _at_exit(owner, lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ.update(
        DATA_DIR=str(home),
        MC_ENV_FILE="",
        SECRET_KEY="tests-only-" + "k" * 50,
        JWT_SIGNING_KEY="tests-only-" + "j" * 50,
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    if current() == "server":
        _start_servers(owner)
    return home


def _start_servers(owner: int) -> None:
    from tests.rig.postgres import Postgres
    from tests.rig.redis import Redis

    postgres, redis = Postgres().start(), Redis().start()
    _at_exit(owner, redis.stop)
    _at_exit(owner, postgres.stop)
    # A test that thinks for long inside its transaction is no frozen process.
    os.environ["DATABASE_URL"] = f"{postgres.url}?options=-c%20idle_in_transaction_session_timeout%3D120s"
    os.environ["REDIS_URL"] = redis.url


def _at_exit(owner: int, action: Callable[[], object]) -> None:
    """Register clean-up for this process only: a fork must not end its parent's servers."""
    atexit.register(lambda: action() if os.getpid() == owner else None)
