"""One child process of the rig: started with a log file, probed until ready, ended by its pid.

Every child gets the kernel's parent-death signal where `setpriv` exists, so that a test run that
is itself killed leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from tests.rig.nursery import Forked, Nursery
from tests.rig.waiting import NotInTime, until

STOP_SECONDS = 30.0


def free_port() -> int:
    """A port nobody listens on now, on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Died(RuntimeError):
    """A process of the rig ended when it should not have."""


class Process:
    """A program, its log, and the signals a test may send it. One of a nursery is `python manage.py …`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        home: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = home / f"{name}.log"
        self.env = dict(env) if env is not None else None
        self.user = user
        self.cwd = cwd
        self._nursery = nursery
        self._child: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise Died(f"{self.name} was never started")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        return None if self._child is None else self._child.poll()

    def start(self, ready: Callable[[], object] | None = None, within: float = 60.0) -> None:
        """Start it and, given a probe, wait until the probe answers."""
        self._child = self._begin()
        if ready is not None:
            self.wait_ready(ready, within)

    def _begin(self) -> subprocess.Popen[bytes] | Forked:
        if self._nursery is not None:
            return self._nursery.begin(self.command[1:], self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                _wrapped(self.command, self.user),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )

    def wait_ready(self, ready: Callable[[], object], within: float = 60.0) -> None:
        def probe() -> object:
            if not self.alive:
                raise Died(f"{self.name} ended with {self.exit_code}\n{self.tail()}")
            return ready()

        try:
            until(probe, within, f"{self.name} ready", ignoring=(OSError, httpx.HTTPError))
        except NotInTime as late:
            raise NotInTime(f"{late}\n{self.tail()}") from None

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to this process alone (never to a group or a name)."""
        if self.alive:
            os.kill(self.pid, signum)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, and wait for the kernel to have done it."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self, signum: signal.Signals = signal.SIGTERM, within: float = STOP_SECONDS) -> int:
        """Ask it to end and return its exit code; kill it when it does not within the time."""
        if self._child is None:
            return 0
        self.thaw()
        self.send(signum)
        try:
            return self.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotInTime(f"{self.name} did not stop in {within:g} s\n{self.tail()}") from None

    def wait(self, within: float = STOP_SECONDS) -> int:
        assert self._child is not None
        return self._child.wait(within)

    def tail(self, lines: int = 60) -> str:
        """The end of the log, to be shown when something fails."""
        if not self.log.exists():
            return f"--- {self.name}: no log ---"
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- {self.name}: last lines of {self.log} ---", *text])


def _wrapped(command: list[str], user: str | None) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command if user is None else ["su", user, "-c", " ".join(command)]
    drop = [] if user is None else [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return [setpriv, *drop, "--pdeathsig", "KILL", "--", *command]
