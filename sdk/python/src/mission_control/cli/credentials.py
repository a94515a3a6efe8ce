"""Which server, and with which key: the options, then the environment, then the file that `login` wrote."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import MissionControlError
from mission_control.transport import DEFAULT_URL


class NotLoggedIn(MissionControlError):
    """There is no key for this server. Run `missionctl login`, or set MC_URL and MC_KEY."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


@dataclass(frozen=True)
class Credentials:
    url: str
    key: str


def path() -> Path:
    """The file, in the user's own folder for settings."""
    if named := os.environ.get("MC_CONFIG_DIR"):
        return Path(named) / "credentials.json"
    if sys.platform == "win32":
        root = os.environ.get("APPDATA") or str(Path.home())
    else:
        root = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(root) / "mission-control" / "credentials.json"


def stored() -> Credentials | None:
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        return Credentials(str(found["url"]), str(found["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(credentials: Credentials) -> Path:
    """Write the file so that only this user reads it, at no moment anybody else."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump({"url": credentials.url, "key": credentials.key}, out)
    draft.replace(file)
    return file


def chosen(url: str | None) -> Credentials:
    """What to use. A stored key is only ever sent to the server it was stored for. Raises NotLoggedIn."""
    url = (url or os.environ.get("MC_URL") or "").rstrip("/")
    if key := os.environ.get("MC_KEY"):
        return Credentials(url or DEFAULT_URL, key)
    known = stored()
    if known is None or (url and url != known.url):
        raise NotLoggedIn
    return known
