"""Turns DATABASE_URL (or its absence) into Django's DATABASES entry, with the measured options."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# Without IMMEDIATE, a transaction that reads before it writes fails at once with "database is
# locked", whatever the timeout (507 of 1,200 in a measurement of 2026-11).
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
    "PRAGMA cache_size=-65536;PRAGMA mmap_size=134217728;PRAGMA temp_store=MEMORY;"
)

# Nothing slow happens inside a transaction, so ten seconds without a statement mean a frozen process.
FROZEN_SECONDS = 10
# Whoever waits longer for a connection is better told to come again (503); some requests wait twice.
POOL_SECONDS = 3


def sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS},
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
    }


def postgres(url: str, *, pool_size: int = 16) -> dict[str, Any]:
    """A pooled PostgreSQL connection; query parameters become connection options.

    The pool replaces persistent connections, which leak one per thread under ASGI.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    # A process that is frozen in the middle of a transaction holds its project's journal row, and
    # with it everybody who writes; the database gives it up. Name `options` in the URL for another.
    options.setdefault("options", f"-c idle_in_transaction_session_timeout={FROZEN_SECONDS}s")
    options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": POOL_SECONDS}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        # No CONN_HEALTH_CHECKS: with the server away every request would wait for the pool's whole
        # timeout to find a living connection, where a dead one answers 503 at once.
        "OPTIONS": options,
    }
