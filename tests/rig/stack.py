"""A whole installation as its own processes: embedded (one process) or server (several of each)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.rig.client import Client
from tests.rig.nursery import Nursery
from tests.rig.postgres import Postgres
from tests.rig.process import Process, free_port
from tests.rig.redis import Redis
from tests.rig.viewer import Viewer
from tests.rig.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "a-password-for-the-rig"

# Short leases, so that a test sees a recovery within seconds. The product's own are longer.
QUICK = {"MC_LEASE_SECONDS": "4", "MC_HEARTBEAT_SECONDS": "1", "MC_REPAIR_SECONDS": "0.25"}


class Stack:
    """`with Stack("server", webs=2) as stack: stack.client().start("bug-lifecycle")`. With `forked`
    its processes come from a nursery, so that they are at work again at once after a kill."""

    def __init__(
        self,
        mode: str = "embedded",
        webs: int = 1,
        workers: int = 1,
        engines: int = 1,
        durable: bool = False,
        env: dict[str, str] | None = None,
        forked: bool = False,
    ) -> None:
        self.mode = mode
        self.counts = {"worker": workers, "engine": engines}
        self.home = Path(tempfile.mkdtemp(prefix="mc-stack-"))
        self.postgres = Postgres(durable) if mode == "server" else None
        self.redis = Redis() if mode == "server" else None
        self.ports = [free_port() for _ in range(webs if mode == "server" else 1)]
        self.webs: list[Process] = []
        self.workers: list[Process] = []
        self.engines: list[Process] = []
        self._extra = dict(env or {})
        self._forked = forked
        self._nursery: Nursery | None = None
        self._clients: list[Client] = []

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def processes(self) -> list[Process]:
        return [*self.webs, *self.workers, *self.engines]

    def start(self) -> Stack:
        if self.postgres and self.redis:
            self.postgres.start()
            self.redis.start()
        self.manage("setup")
        if self._forked:
            self._nursery = Nursery(self.env(), ROOT)
            self._nursery.start()
        self.webs = [
            self._process(f"web{i}", "serve", "--port", str(port)) for i, port in enumerate(self.ports)
        ]
        if self.mode == "server":
            self.workers = [self._process(f"worker{i}", "worker") for i in range(self.counts["worker"])]
            self.engines = [self._process(f"engine{i}", "engine") for i in range(self.counts["engine"])]
        for process in self.processes:
            process.start()
        for index in range(len(self.webs)):
            self.wait_web(index)
        client = self.client()
        until(lambda: self._working(client), 60, "the workers", ignoring=(httpx.HTTPError,))
        return self

    def extra(self, **env: str) -> None:
        """More settings for every process, given before the start."""
        self._extra |= env

    def start_web(self, index: int = 0) -> None:
        """Start one web process again, on its old port, and wait until it answers."""
        self.webs[index].start()
        self.wait_web(index)

    def wait_web(self, index: int = 0) -> None:
        url = f"{self.urls[index]}/healthz"
        self.webs[index].wait_ready(lambda: httpx.get(url, timeout=2).is_success, within=90)

    def client(self, index: int = 0) -> Client:
        client = Client(self.urls[index], "admin", PASSWORD)
        self._clients.append(client)
        return client.login()

    def viewer(self, index: int = 0) -> Viewer:
        return Viewer(self.client(index))

    def worker_at_work(self, client: Client) -> Process:
        """A worker process that holds at least one command run now."""
        for row in client.get("command-runs/", params={"status": "running"})["results"]:
            held_by = client.get(f"command-runs/{row['id']}/")["attempts"][-1]["worker"]
            for worker in self.workers:
                if worker.alive and held_by.endswith(f":{worker.pid}"):
                    return worker
        raise AssertionError("no worker holds any work")

    def manage(self, *arguments: str) -> str:
        """Run one management command to its end and return what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def env(self, **more: str) -> dict[str, str]:
        """The environment of every process: nothing of the shell's own settings gets in."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
        settings = {
            "DATA_DIR": str(self.home / "data"),
            "MC_ENV_FILE": "",
            "MC_ADMIN_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
            **QUICK,
            **self._extra,
        }
        if self.postgres and self.redis:
            settings |= {
                "DATABASE_URL": self.postgres.url,
                "REDIS_URL": self.redis.url,
                "SECRET_KEY": "rig-" + "s" * 60,
                "JWT_SIGNING_KEY": "rig-" + "j" * 60,
            }
        return {**kept, **settings, **more}

    def logs(self) -> str:
        return "\n".join(process.tail() for process in self.processes)

    def stop(self) -> dict[str, int]:
        """Stop everything in order and return the exit codes by process name."""
        for client in self._clients:
            client.close()
        codes = {}
        for process in [*self.engines, *self.workers, *self.webs]:
            codes[process.name] = process.exit_code if not process.alive else process.stop()
        if self._nursery is not None:
            self._nursery.stop()
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        return {name: -1 if code is None else code for name, code in codes.items()}

    def __enter__(self) -> Stack:
        try:
            return self.start()
        except BaseException:
            print(self.logs())
            self.stop()
            raise

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is not None:
            print(self.logs())
        self.stop()

    def _process(self, name: str, *command: str) -> Process:
        whole = [sys.executable, "manage.py", *command]
        return Process(name, whole, self.home, env=self.env(), cwd=ROOT, nursery=self._nursery)

    @staticmethod
    def _working(client: Client) -> bool:
        health = client.request("GET", "/api/v1/monitoring/dashboard/health/").json()
        return bool(health["celery"] == "running")
