"""The ASGI application that every web server loads."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_asgi_application()

from config.composition import compose  # noqa: E402  (needs the registry that the line above fills)

application = compose(_django)
