"""What a request meets on its way to Django, and what starts and stops with the server."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from apps.agents.api.longpoll import LongPoll
from apps.monitoring import live
from apps.monitoring.consumers import DashboardConsumer
from apps.monitoring.dashboard.ready import ReadyDashboard
from apps.monitoring.timing import ApiTimer
from config.bodies import BodyLimit
from config.lifespan import Lifespan, threaded
from config.middleware import API_HEADERS
from config.runtime import WebRuntime
from config.sockets import Doors


def compose(django_app: Any) -> Lifespan:
    """Sockets, then the ready dashboard bytes, then Django; the hub starts before the work does."""
    runtime = WebRuntime()
    ready = ReadyDashboard(LongPoll(django_app), API_HEADERS)
    http = ApiTimer(BodyLimit(ready, settings.MC.max_body_bytes))
    doors = Doors(http, {"/ws/dashboard/": DashboardConsumer.as_asgi()})

    async def start_hub() -> None:
        await live.start()

    return Lifespan(doors, [(start_hub, live.stop), threaded(runtime.start, runtime.stop)])
