"""Named places where the fault suite may kill or stop this process or take its answer away.

Inert unless MC_FAIL_POINTS names a directory at start, which needs MC_FAIL_POINTS_ALLOWED=1 beside
it: only tests/faults sets both. Plain Python, so that every app may import it.

The directory is the whole protocol. Each point that is reached adds a line to `hits`. A test arms
one fault by writing `armed`: {"point", "action", "after"}; whichever process reaches the point as
number `after` takes the file away, says who it is in `fired` and suffers the action:
`kill` and `stop` end and freeze the process itself; `kill_peer` waits until the test has killed
another one and written `answered`; `lose` raises the error of somebody whose answer was lost.
"""

from __future__ import annotations

import fcntl
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_SECONDS = 20.0


def _home() -> Path | None:
    named = os.environ.get("MC_FAIL_POINTS")
    if not named:
        return None
    if os.environ.get("MC_FAIL_POINTS_ALLOWED") != "1":
        raise SystemExit("MC_FAIL_POINTS makes processes die and is for the fault suite only; unset it")
    return Path(named)


HOME: Final = _home()
ACTIVE: Final = HOME is not None


def fail_point(name: str, lost: Callable[[str], Exception] = ConnectionError) -> None:
    """A place with a name such as `agents.dispatch.publish:after`. `lost` makes the error that the code
    around it gets when the other side's answer is lost; after the effect it took place all the same."""
    if HOME is not None:
        _reach(HOME, name, lost)


def verb() -> str:
    """The function that opened the transaction of its caller, for example `agents.lease.finish`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        machinery = module in ("contextlib", "apps.events.journal")
        if not machinery and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            return f"{module.removeprefix('apps.')}.{frame.f_code.co_name.lstrip('_')}"
        frame = frame.f_back
    return "unknown"


def _reach(home: Path, name: str, lost: Callable[[str], Exception]) -> None:
    fault = _take(home, name)
    if fault is None:
        return
    match fault["action"]:
        case "kill":
            _signal_self(signal.SIGKILL)
        case "stop":
            _signal_self(signal.SIGSTOP)
        case "kill_peer":
            _wait_for(home / "answered")
        case "lose":
            raise lost(f"the answer was lost at {name}")


def _take(home: Path, name: str) -> dict[str, Any] | None:
    """Note that the point was reached; the armed fault if it is for this one."""
    with _locked(home):
        with (home / "hits").open("a") as hits:
            hits.write(f"{name}\n")
        try:
            fault: dict[str, Any] = json.loads((home / "armed").read_text())
        except FileNotFoundError:
            return None
        if fault["point"] != name:
            return None
        fault["after"] -= 1
        if fault["after"] > 0:
            _write(home / "armed", fault)
            return None
        (home / "armed").unlink()
        _write(home / "fired", {**fault, "pid": os.getpid(), "at": time.time()})
        return fault


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, value: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.rename(path)


def _signal_self(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.2)  # another thread may be the one that takes the signal


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with suppress(FileNotFoundError):
        path.unlink()
