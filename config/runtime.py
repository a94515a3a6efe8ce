"""Starts and stops what a process is made of. The one place, with settings, where the modes part.

Embedded: the web process also runs a Celery worker in threads, the engine loop and the
dispatcher. Server: each of web, worker and engine is a process of its own.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import celery.worker.state
from django.conf import settings

from apps.agents import dispatch, worker
from config import transport
from config.celery import app
from config.engine import Engine
from config.pool import WakingPool

logger = logging.getLogger(__name__)


class WorkerService:
    """A Celery worker on a thread of this process, with the lease keeper beside it."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._thread: threading.Thread | None = None
        self._controller: Any = None
        self.ended = threading.Event()

    def start(self) -> None:
        worker.start(self._slots)
        transport.begin()
        celery.worker.state.should_stop = None
        self._controller = app.WorkController(
            app=app,
            pool=WakingPool,
            concurrency=self._slots,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._thread = threading.Thread(target=self._run, name="celery-worker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._controller.start()
        except SystemExit:
            pass  # Celery's way of ending after `should_stop`
        except Exception:
            logger.exception("the Celery worker ended with an error")
        finally:
            self.ended.set()

    def stop(self) -> None:
        """Claim nothing more, let bodies end or give their work back, then end Celery."""
        process = worker.current()
        process.drain()
        # Celery reads it as an exit code; its stubs know None only.
        celery.worker.state.should_stop = 0  # type: ignore[assignment]
        transport.end()
        if self._thread:
            self._thread.join(timeout=10)
        process.stop()


class EngineService:
    """The engine loop on a thread of this process."""

    def __init__(self) -> None:
        self._engine = Engine()
        self._thread = threading.Thread(target=self._engine.run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._engine.stop()
        self._thread.join(timeout=10)


class WebRuntime:
    """What a web process starts beside its server: the dispatcher, and all the rest when embedded."""

    def __init__(self) -> None:
        self._services: list[WorkerService | EngineService] = []

    def start(self) -> None:
        dispatch.start()
        if settings.EMBEDDED:
            self._services = [WorkerService(settings.MC.worker_slots), EngineService()]
        for service in self._services:
            service.start()

    def stop(self) -> None:
        for service in reversed(self._services):
            service.stop()
        dispatch.stop()
