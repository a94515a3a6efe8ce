"""A PostgreSQL cluster of the rig's own: fresh directory, loopback port, gone at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from tests.rig import programs
from tests.rig.process import Process, free_port

OWNER = "mc"
PASSWORD = "rig-only"  # the cluster listens on loopback and lives as long as the test run


class Postgres:
    """`with Postgres() as pg: pg.url`. `durable=True` keeps fsync on, for crash tests."""

    def __init__(self, durable: bool = False) -> None:
        self.bin = programs.postgres_bin()
        self.durable = durable
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="mc-pg-"))
        # The server refuses to run as root; Debian's package brings the user to run it as.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.process = Process("postgres", self._command(), self.home, user=self.user, cwd=self.home)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return self.url_of("mission_control")

    def url_of(self, database: str) -> str:
        return f"postgres://{OWNER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Postgres:
        if self.user is not None:
            self.home.chmod(0o755)
            shutil.chown(self.home, self.user)
        self._initialise()
        self.process.start(ready=self._answers)
        self.create_database("mission_control")
        return self

    def restart(self) -> None:
        self.process.start(ready=self._answers)

    def stop(self) -> None:
        """Fast shutdown, then the directory goes."""
        self.process.stop(signal.SIGINT)
        shutil.rmtree(self.home, ignore_errors=True)

    def create_database(self, name: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _initialise(self) -> None:
        secret = self.home / "secret"
        secret.write_text(PASSWORD)
        if self.user is not None:
            shutil.chown(secret, self.user)
        options = ["-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(secret)]
        self._run("initdb", "-D", str(self.data), "-E", "UTF8", "--no-sync", *options)

    def _command(self) -> list[str]:
        fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
            **({} if self.durable else fast),
        }
        pairs = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), *pairs]

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
            return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        if self.user is not None:
            drop = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--"]
            command = ["setpriv", *drop, *command]
        done = subprocess.run(command, cwd=self.home, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")
