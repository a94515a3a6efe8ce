"""`manage.py serve`: the web server; embedded, it is the whole of Mission Control."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import socket
from argparse import ArgumentParser
from typing import IO, Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from apps.agents import repair
from apps.monitoring import live

# Frames of the dashboard's socket are small; uvicorn's own limit is 16 MiB.
MAX_FRAME = 64 * 1024


class Server(uvicorn.Server):
    """Says where it listens once it does; tells the sockets when to come back before they are closed."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            print(f"Mission Control listens on http://{host}:{self.config.port}/", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await live.stop()
        await super().shutdown(sockets)


class Command(BaseCommand):
    help = "Serve Mission Control. Without REDIS_URL, the worker and the engine run in this process too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.MC.host)
        parser.add_argument("--port", type=int, default=settings.MC.port)

    def handle(self, *args: Any, **options: Any) -> None:
        lock = self._only_one() if settings.EMBEDDED else None
        if lock and connection.vendor == "sqlite":
            # The lock says that whoever served these data before is dead, the file that nobody else
            # can: nothing is gained by waiting until the leases of the dead end.
            try:
                repair.end_leases_of_the_dead()
            except DatabaseError as error:
                raise CommandError(f"{error}: run `manage.py setup` first, it makes the tables") from error
            connection.close()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        config = uvicorn.Config(
            "config.asgi:application",
            host=options["host"],
            port=options["port"],
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        server = Server(config)
        config.load()
        # Collecting the app's own lifelong objects again and again cost 50 ms at p99 (2026-11).
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 50, 1_000)
        # uvicorn raises the signal again after `run`; without a handler the clean-up below is lost.
        signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            server.run()
        except KeyboardInterrupt:
            pass
        finally:
            if lock:
                lock.close()
        if not server.started:
            raise CommandError("the server did not start; the lines above say why")

    def _only_one(self) -> IO[str]:
        """Embedded, the in-memory broker and layer reach one process; refuse a second."""
        lock = open(settings.DATA_DIR / "serve.lock", "w")  # noqa: SIM115  (held until the process ends)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise CommandError(
                f"another process already serves {settings.DATA_DIR}; stop it, choose another DATA_DIR, "
                "or set DATABASE_URL and REDIS_URL to run many processes"
            ) from None
        return lock
