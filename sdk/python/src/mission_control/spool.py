"""Files that outlive the process: what could not be sent yet, one file an item, in order of their names.

Each process holds a directory of its own by a lock that the kernel lets go when the process ends,
however it ends. A new process takes over what dead ones left.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

MOST_PROCESSES = 256
LARGEST_ITEM = 8 * 2**20


def default_home() -> Path:
    """Where programs of this user keep state; `MC_SPOOL_DIR` names another place."""
    if named := os.environ.get("MC_SPOOL_DIR"):
        return Path(named)
    root = os.environ.get("XDG_STATE_HOME") or (Path.home() / ".local" / "state")
    return Path(root) / "mission-control" / "spool"


class Spool:
    """`write`, `read` and `drop` items by name. Raises OSError where the disk does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock: IO[bytes] | None = None
        self._sizes: dict[str, int] = {}
        self.folder = self._take_folder()
        self._adopt()

    @property
    def size(self) -> int:
        return sum(self._sizes.values())

    def names(self) -> list[str]:
        """The items that are there, oldest first."""
        return sorted(self._sizes)

    def write(self, name: str, item: dict[str, Any]) -> None:
        """Keep it so that a power cut a moment later changes nothing."""
        data = json.dumps(item).encode()
        path = self.folder / f"{name}.json"
        draft = path.with_suffix(".tmp")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(self.folder)
        self._sizes[name] = len(data)

    def read(self, name: str) -> dict[str, Any] | None:
        """The item; None when it is gone or is no item of ours."""
        try:
            item = json.loads((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return item if isinstance(item, dict) else None

    def drop(self, name: str) -> None:
        self._sizes.pop(name, None)
        (self.folder / f"{name}.json").unlink(missing_ok=True)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_folder(self) -> Path:
        for number in range(MOST_PROCESSES):
            folder = self.home / str(number)
            folder.mkdir(exist_ok=True, mode=0o700)
            lock = _locked(folder)
            if lock is not None:
                self._lock = lock
                return folder
        raise OSError(f"{self.home} is used by {MOST_PROCESSES} processes already")

    def _adopt(self) -> None:
        """Find what is left here, and move in what was left by processes that are gone."""
        for folder in self.home.iterdir():
            if folder == self.folder or not folder.is_dir():
                continue
            lock = _locked(folder)
            if lock is None:
                continue
            with lock:
                for path in folder.glob("*.json"):
                    path.replace(self.folder / path.name)
        for path in self.folder.glob("*.tmp"):
            path.unlink(missing_ok=True)
        for path in self.folder.glob("*.json"):
            size = path.stat().st_size
            if size > LARGEST_ITEM:
                path.unlink(missing_ok=True)
            else:
                self._sizes[path.stem] = size


def _locked(folder: Path) -> IO[bytes] | None:
    """The open lock file of a folder, None when a living process has it."""
    file = (folder / "lock").open("ab")
    if sys.platform == "win32":
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            file.close()
            return None
        return file
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
