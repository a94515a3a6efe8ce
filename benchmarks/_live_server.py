"""The product's live path as one process, with a thread that changes agents at a wished rate.

Reads lines `<changes a second> <seconds>` from its standard input; each agent's task then says when
the change was made.
"""

# ruff: noqa: E402  (models can be imported after django.setup() only)
from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

import uvicorn
from django.core.asgi import get_asgi_application
from django.core.management import call_command

from apps.accounts.models import Membership, User
from apps.accounts.services import default_project, issue_key
from apps.agents.models import Agent
from apps.agents.record import record_agent
from apps.events import journal
from apps.monitoring.consumers import DashboardConsumer
from apps.monitoring.dashboard.ready import ReadyDashboard
from apps.monitoring.timing import ApiTimer
from config.middleware import API_HEADERS
from config.sockets import Doors

KEYS = 60


def prepare(agents: int) -> None:
    """An installation with so many agents and enough keys for a thousand sockets."""
    call_command("migrate", verbosity=0)
    project = default_project()
    user = User.objects.create_superuser("admin", password=os.environ["MC_ADMIN_PASSWORD"])
    Membership.objects.create(user=user, project=project, role="admin")
    Agent.objects.bulk_create(
        Agent(project=project, slug=f"a{n}", name=f"Agent {n:05}", type="review", capabilities=["review"])
        for n in range(agents)
    )
    keys = [issue_key(project_id=project.pk, name=f"k{n}", scopes=["read"]).text for n in range(KEYS)]
    Path(os.environ["DATA_DIR"], "keys.json").write_text(json.dumps(keys))


def change_agents() -> None:
    agents = list(Agent.objects.all()[:100])
    for line in sys.stdin:
        rate, seconds = (float(word) for word in line.split())
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            agent = agents[number % len(agents)]
            with journal.changes(agent.project_id) as change:
                agent.current_task = str(time.time())
                record_agent(change, "agent.changed", agent)


def main() -> None:
    prepare(int(sys.argv[1]))
    threading.Thread(target=change_agents, daemon=True).start()
    pages: Any = get_asgi_application()
    http = ApiTimer(ReadyDashboard(pages, API_HEADERS))
    uvicorn.run(
        Doors(http, {"/ws/dashboard/": DashboardConsumer.as_asgi()}),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


main()
