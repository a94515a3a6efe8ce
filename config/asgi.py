"""The ASGI application: sockets, the ready dashboard bytes, then Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

# Everything below needs Django's registry, which the call above has filled.
from config.lifespan import Lifespan, threaded
from config.runtime import WebRuntime

_runtime = WebRuntime()

application = Lifespan(django_app, [threaded(_runtime.start, _runtime.stop)])
