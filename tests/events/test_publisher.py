"""A process that ends at once: what it told is heard, and it ends well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from redis import Redis as Client

from tests.rig.redis import Redis

ROOT = Path(__file__).parents[2]
TOLD = 2_000
TELL = f"""
import django
django.setup()
from apps.events.layer import ring
for number in range({TOLD}):
    ring(f"<{{number}}>")
"""


def tell(redis: Redis) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MC_ENV_FILE": "",
        "SECRET_KEY": "tests-only-" + "k" * 50,
        "JWT_SIGNING_KEY": "tests-only-" + "j" * 50,
        "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:9/never-asked",
        "REDIS_URL": redis.url,
    }
    return subprocess.run(
        [sys.executable, "-c", TELL], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_what_a_process_told_before_it_ended_is_heard() -> None:
    with Redis() as redis, Client.from_url(redis.url, socket_timeout=10) as client, client.pubsub() as ear:
        ear.psubscribe("*")
        assert ear.get_message(timeout=10)
        done = tell(redis)
        heard = b""
        while (message := ear.get_message(timeout=1)) is not None:
            heard += message["data"]
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [number for number in range(TOLD) if f"<{number}>".encode() not in heard] == []


def test_a_process_whose_redis_is_gone_ends_all_the_same() -> None:
    with Redis() as redis:
        pass
    done = tell(redis)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
