"""`manage.py engine`: the repair and dispatch loop (server mode; run as many as wanted)."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.engine import Engine


class Command(BaseCommand):
    help = "Repair, dispatch, sample metrics and raise alerts, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EMBEDDED:
            raise CommandError("without REDIS_URL the engine runs inside `manage.py serve`")
        engine = Engine()
        for number in (signal.SIGTERM, signal.SIGINT):
            # On a thread: the handler interrupts the loop, which may hold the lock that stopping needs.
            signal.signal(number, lambda *_: threading.Thread(target=engine.stop).start())
        self.stdout.write("engine ready")
        self.stdout.flush()
        engine.run()
