"""What a request meets on its way to Django, and what starts and stops with the server."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from apps.agents.api import mcp_server
from apps.agents.api import mcp_tools as agents_tools
from apps.agents.api.longpoll import LongPoll
from apps.agents.api.mcp_door import McpDoor
from apps.agents.api.otlp import Limits, OtlpDoor
from apps.monitoring import live
from apps.monitoring.consumers import DashboardConsumer
from apps.monitoring.dashboard.ready import ReadyDashboard
from apps.monitoring.timing import ApiTimer
from apps.workflows.api import mcp_tools as workflows_tools
from config import bodies
from config.bodies import BodyLimit
from config.lifespan import Lifespan, threaded
from config.middleware import API_HEADERS
from config.runtime import WebRuntime
from config.sockets import Doors


def compose(django_app: Any) -> Lifespan:
    """Sockets, then the ready dashboard bytes, then Django; the hub starts before the work does."""
    runtime = WebRuntime()
    ready = ReadyDashboard(LongPoll(django_app), API_HEADERS)
    tools = mcp_server.server([*agents_tools.TOOLS, *workflows_tools.TOOLS])
    mcp = McpDoor(ready, tools, bodies.loads, API_HEADERS)
    http = ApiTimer(BodyLimit(mcp, settings.MC.max_body_bytes))
    # Outside of the body limit: telemetry has its own.
    doors = Doors(_otlp(http), {"/ws/dashboard/": DashboardConsumer.as_asgi()})

    async def start_hub() -> None:
        await live.start()

    work = threaded(runtime.start, runtime.stop)
    return Lifespan(doors, [(start_hub, live.stop), (mcp.start, mcp.stop), work])


def _otlp(http: Any) -> OtlpDoor:
    env = settings.MC
    limits = Limits(
        max_bytes=env.otlp_max_bytes,
        items_per_second=env.otlp_items_per_second,
        bytes_per_second=env.otlp_bytes_per_second,
        backlog_bytes=env.otlp_backlog_bytes,
    )
    return OtlpDoor(http, limits, API_HEADERS)
