"""Begins processes of one installation from a process that has read the product's code already.

A program that is started again dozens of times would spend most of that on imports. What is begun
here is a fork: `manage.py` with its own session, log and arguments, and whatever `django.setup` did
not do by itself. It is for tests that kill; how a program starts by itself is tested elsewhere.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
USED_LATER = ("pydantic_ai.direct", "pydantic_ai.models.openai", "pydantic_ai.providers.openai", "uvicorn")
START_SECONDS = 120.0


class Forked:
    """One process that was begun, with the part of `subprocess.Popen` that the rig needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self._over = threading.Event()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if not self._over.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        assert self._code is not None
        return self._code

    def ended(self, code: int) -> None:
        self._code = code
        self._over.set()


class Nursery:
    """`nursery.begin(["manage.py", "worker"], log)` after `start`; what was begun dies with it."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self._env, self._cwd = dict(env), cwd
        self._children: dict[int, Forked] = {}
        self._begun: list[int] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._asking = threading.Lock()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rig.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._env,
            cwd=self._cwd,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def begin(self, command: Sequence[str], log: Path) -> Forked:
        with self._asking:
            assert self._process.stdin
            said = {"command": list(command), "log": str(log)}
            self._process.stdin.write(f"{json.dumps(said)}\n")
            with self._news:
                if not self._news.wait_for(lambda: self._begun, START_SECONDS):
                    raise RuntimeError("the nursery does not answer")
                return self._children[self._begun.pop()]

    def stop(self) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(30)
        self._listener.join(30)

    def _listen(self) -> None:
        assert self._process.stdout
        with self._process.stdout as told:
            for line in told:
                said = json.loads(line)
                with self._news:
                    if "began" in said:
                        self._children[said["began"]] = Forked(said["began"])
                        self._begun.append(said["began"])
                    else:
                        self._children.pop(said["ended"]).ended(said["code"])
                    self._news.notify_all()


def main() -> None:
    """Reads orders from the rig and tells it what began and ended, one line of JSON each."""
    _die_with_parent()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    for name in USED_LATER:
        __import__(name)
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads cannot be forked")
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders = sys.stdin.fileno()
    rest = b""
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
            _tell_ended()
        if orders in ready:
            data = os.read(orders, 65_536)
            if not data:
                return
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    os.close(woken)
                    os.close(wake)
                    _become(order)
                    return
                _say(began=pid)


def _become(order: dict[str, Any]) -> None:
    """Be the program; its end is the end of this process, as of any Python."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    _die_with_parent()
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(given, number)
    os.close(log)
    os.close(nothing)
    sys.argv = order["command"]
    sys.path[0] = os.getcwd()
    runpy.run_path(order["command"][0], run_name="__main__")


def _tell_ended() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say(ended=pid, code=os.waitstatus_to_exitcode(status))


def _say(**said: int) -> None:
    os.write(1, f"{json.dumps(said)}\n".encode())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
