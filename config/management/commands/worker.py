"""`manage.py worker`: a Celery worker that executes command runs (server mode)."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.agents import dispatch
from config.runtime import WorkerService

BEAT_FILE = "worker.beat"  # touched every second; a container's health check looks at its age


class Command(BaseCommand):
    help = "Execute command runs. SIGTERM lets running work end for 20 s, then gives it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--slots", type=int, default=settings.MC.worker_slots)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EMBEDDED:
            raise CommandError("without REDIS_URL the worker runs inside `manage.py serve`")
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        dispatch.start()
        service = WorkerService(options["slots"])
        service.start()
        self.stdout.write(f"worker ready, {options['slots']} slots")
        self.stdout.flush()
        beat = settings.DATA_DIR / BEAT_FILE
        beat.touch()
        while not stopped.wait(1):
            if service.ended.is_set():
                raise CommandError("the Celery worker ended by itself; the log says why")
            beat.touch()
        service.stop()
        dispatch.stop()
