"""The ASGI application: sockets, the ready dashboard bytes, then Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

# Everything below needs Django's registry, which the call above has filled.
from django.conf import settings

from apps.monitoring import live
from apps.monitoring.consumers import DashboardConsumer
from apps.monitoring.dashboard.ready import ReadyDashboard
from apps.monitoring.timing import ApiTimer
from config.bodies import BodyLimit
from config.lifespan import Lifespan, threaded
from config.middleware import API_HEADERS
from config.runtime import WebRuntime
from config.sockets import Doors

_runtime = WebRuntime()
_http = ApiTimer(BodyLimit(ReadyDashboard(django_app, API_HEADERS), settings.MC.max_body_bytes))
_doors = Doors(_http, {"/ws/dashboard/": DashboardConsumer.as_asgi()})

application = Lifespan(_doors, [(live.start, live.stop), threaded(_runtime.start, _runtime.stop)])
