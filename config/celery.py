"""The Celery app: messages carry ids only, rows decide, nothing is kept in a result backend."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("mission_control")

# Numbers are seconds. A broker that accepts and never answers blocks `.delay()` for ever without
# socket_timeout; max_retries 0 makes a refused one fail in 3 ms. Redelivery by the broker is
# harmless, because every execution claims its row first.
_redis: dict[str, Any] = {
    "broker_transport_options": {
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "retry_on_timeout": False,
        "global_keyprefix": "mc:",
        "visibility_timeout": 3600,
    },
}

app.conf.update(
    broker_url=settings.REDIS_URL or "wakingmemory://",
    task_ignore_result=True,
    result_backend=None,
    task_default_queue="work",
    task_create_missing_queues=True,
    task_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    timezone="UTC",
    task_acks_late=False,
    task_publish_retry=False,
    task_publish_retry_policy={"max_retries": 0},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=2,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_soft_shutdown_timeout=20,
    **(_redis if settings.REDIS_URL else {}),
)
app.autodiscover_tasks(["apps.agents", "apps.workflows", "apps.monitoring"])
