"""The engine loop: repairs and dispatches work, fires what is due, samples metrics.

Any number of processes may run it; every piece of it wins its rows by compare-and-swap. It
needs the database only.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import DatabaseError, OperationalError, close_old_connections, connections

from apps.agents.telemetry import pokes
from apps.events.failpoints import fail_point

logger = logging.getLogger(__name__)

STOP_SECONDS = 5
TELEMETRY = "telemetry"
BEAT_FILE = "engine.beat"  # touched every round; a container's health check looks at its age


@dataclass(slots=True)
class Duty:
    """Something the loop does every `seconds`."""

    name: str
    seconds: float
    act: Callable[[], object]
    due_at: float = 0.0
    is_slow: bool = False  # it waits for the network, so it gets a thread of its own
    is_due: Callable[[], bool] | None = None  # asked before such a thread is begun
    thread: threading.Thread | None = None


def duties(is_stopped: Callable[[], bool] = lambda: False) -> list[Duty]:
    from apps.agents import many, repair
    from apps.agents.telemetry import presence, pruning, reading, sessions
    from apps.monitoring import alerts, metrics, retention
    from apps.monitoring.webhooks import sending as webhooks
    from apps.workflows import engine as runs
    from apps.workflows import firing, notices

    often = settings.MC.repair_seconds
    read_telemetry, forget_spans = partial(reading.read_all, is_stopped), partial(pruning.prune, is_stopped)
    return [
        Duty("repair command runs", often, repair.tick),
        Duty("repair runs", often, runs.sweep),
        Duty("schedules", often, firing.fire_due),
        Duty("notices", max(0.5, often), notices.send_due, is_slow=True, is_due=notices.is_due),
        Duty("webhooks", max(0.5, often), webhooks.send_due, is_slow=True, is_due=webhooks.is_due),
        Duty("silent spans", max(1.0, often), presence.sweep),
        Duty("sums of sessions", max(2.0, often), sessions.sum_stale, is_slow=True, is_due=sessions.is_due),
        Duty("alerts", max(5.0, often), alerts.sweep),
        Duty(TELEMETRY, max(0.5, often), read_telemetry, is_slow=True, is_due=reading.is_due),
        Duty("forget old spans", 60, forget_spans, is_slow=True),
        Duty("metrics", settings.MC.metrics_seconds, metrics.sample),
        Duty("retention", 60, retention.prune),
        Duty("forget workers", 60, repair.forget_dead_workers),
        Duty("forget event ids", 60, many.prune),
        Duty("forget moments of schedules", 3600, firing.prune_ticks),
        Duty("forget deliveries of webhooks", 3600, webhooks.prune),
    ]


class Engine:
    """Runs the duties until stopped. An error in one is logged and does not stop the others."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._duties = duties(self._stopped.is_set)

    def run(self) -> None:
        ear = None if settings.EMBEDDED else pokes.Ear()
        pokes.on_poke(self._telemetry_came)
        if ear is not None:
            ear.start()
        try:
            self._go_round()
        finally:
            pokes.off_poke(self._telemetry_came)
            if ear is not None:
                ear.stop()

    def _go_round(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            began = time.monotonic()  # of all of them, so that they stay due together: one waking, not six
            for duty in self._duties:
                if began >= duty.due_at and not self._stopped.is_set():
                    duty.due_at = began + duty.seconds
                    self._begin(duty)
            close_old_connections()
            (settings.DATA_DIR / BEAT_FILE).touch()
            next_due = min(duty.due_at for duty in self._duties)
            self._woken.wait(max(0.01, next_due - time.monotonic()))
        for duty in self._duties:
            if duty.thread is not None:  # what it leaves undone is due again
                duty.thread.join(timeout=STOP_SECONDS)

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()

    def _telemetry_came(self) -> None:
        """Have the inbox read at once instead of when it is due. Any thread."""
        for duty in self._duties:
            if duty.name == TELEMETRY and (duty.thread is None or not duty.thread.is_alive()):
                duty.due_at = 0.0
                self._woken.set()

    def _begin(self, duty: Duty) -> None:
        if not duty.is_slow:
            self._do(duty, duty.act)
        elif duty.thread is not None and duty.thread.is_alive():
            return
        elif duty.is_due is None or self._do(duty, duty.is_due):
            duty.thread = threading.Thread(target=self._do_apart, args=[duty], name=duty.name, daemon=True)
            duty.thread.start()

    def _do_apart(self, duty: Duty) -> None:
        try:
            self._do(duty, duty.act)
        finally:
            connections.close_all()

    def _do(self, duty: Duty, act: Callable[[], object]) -> object:
        """What it returned; None when it broke."""
        try:
            fail_point("engine.duty:before", OperationalError)
            found = act()
            fail_point("engine.duty:after", OperationalError)
            return found
        except DatabaseError:
            logger.warning("the database refused; trying again", extra={"duty": duty.name}, exc_info=True)
            close_old_connections()
        except Exception:
            logger.exception("a duty of the engine broke; the others go on", extra={"duty": duty.name})
        return None
