"""A Redis server of the rig's own: loopback port, nothing saved unless asked, gone at the end."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

from tests.rig import programs
from tests.rig.process import Process, free_port


class Redis:
    """`with Redis() as redis: redis.url`. Without `durable`, a restart comes back empty."""

    def __init__(self, durable: bool = False) -> None:
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="mc-redis-"))
        keep = ["--appendonly", "yes"] if durable else ["--appendonly", "no"]
        command = [
            str(programs.redis_server()),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.home)),
            *("--save", "", "--maxmemory-policy", "noeviction"),
            *keep,
        ]
        self.process = Process("redis", command, self.home, cwd=self.home)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Redis:
        self.process.start(ready=self._answers)
        return self

    def stop(self) -> None:
        self.process.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def wipe(self) -> None:
        """FLUSHALL: everything Redis knew is gone, connections stay."""
        assert self.command("FLUSHALL") == "+OK"

    def lose_everything(self) -> None:
        """kill -9 and come back empty on the same port."""
        self.process.kill()
        self.start()

    def command(self, *words: str) -> str:
        """Send one command, return the first line of the raw reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
            wire.sendall(" ".join(words).encode() + b"\r\n")
            return wire.makefile().readline().strip()

    def __enter__(self) -> Redis:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        return self.command("PING") == "+PONG"
