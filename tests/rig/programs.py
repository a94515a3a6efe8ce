"""Finds the programs the rig needs and says how to install the ones that are missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

INSTALL = {
    "postgres": "apt-get install -y postgresql          (macOS: brew install postgresql@15)",
    "redis-server": "apt-get install -y redis-server    (macOS: brew install redis)",
    "chromium": "apt-get install -y chromium            (or set MC_CHROMIUM=/path/to/chrome)",
    "node": "install Node 20 or newer",
}


class Missing(RuntimeError):
    """A program the tests need is not installed; the message says how to get it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed. Run:  {INSTALL[name]}")


def find(name: str, *elsewhere: str) -> Path:
    """The program's path from PATH or the usual places, or `Missing`."""
    places = [shutil.which(name), *elsewhere]
    for place in places:
        if place and os.access(place, os.X_OK):
            return Path(place)
    raise Missing(name)


def postgres_bin() -> Path:
    """The directory that holds `postgres`, `initdb` and `pg_ctl`, newest version first."""
    kept_aside = [
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),  # Debian keeps them off PATH
        *Path("/usr/pgsql").glob("*/bin/postgres"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin/postgres"),
    ]
    newest_first = sorted(kept_aside, key=_version, reverse=True)
    return find("postgres", *map(str, newest_first)).parent


def redis_server() -> Path:
    return find("redis-server")


def chromium() -> Path:
    named = os.environ.get("MC_CHROMIUM")
    if named:
        return find(named) if os.sep not in named else Path(named)
    others = ["chromium-browser", "google-chrome", "google-chrome-stable"]
    return find("chromium", *[path for other in others if (path := shutil.which(other))])


def _version(path: Path) -> float:
    digits = "".join(c for c in path.parents[1].name if c.isdigit() or c == ".")
    return float(digits or 0)
