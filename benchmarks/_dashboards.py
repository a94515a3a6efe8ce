"""Open dashboards in a process of their own: they read all they are sent and count the frames.

`python -m benchmarks._dashboards URL KEY …` opens SOCKETS_A_KEY sockets with each key, at most the
COUNT of the environment; says `open` when each has its first frame, and the frames of all when its
input ends.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.rig.client import Client
from tests.rig.stack import ROOT, Stack

SOCKETS_A_KEY = 20
HELLO = orjson.dumps({"type": "hello", "v": 1}).decode()


class Watched:
    """What the dashboards saw, once they are closed."""

    count = 0
    frames = 0


@contextmanager
def watching(stack: Stack, human: Client, count: int) -> Iterator[Watched]:
    """So many dashboards are open inside the block."""
    watched = Watched()
    watched.count = count
    if not count:
        yield watched
        return
    keys = [
        human.post("keys/", {"name": f"screen {number}", "scopes": ["read"]})["key"]
        for number in range(-(-count // SOCKETS_A_KEY))
    ]
    url = f"{stack.url.replace('http', 'ws')}/ws/dashboard/"
    command = [sys.executable, "-m", "benchmarks._dashboards", url, *keys]
    env = {**os.environ, "COUNT": str(count)}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        if child.stdout.readline().strip() != "open":
            raise RuntimeError("the dashboards did not open")
        try:
            yield watched
        finally:
            said, _ = child.communicate(timeout=60)
            watched.frames = int(said or 0)


async def main() -> None:
    url, *keys = sys.argv[1:]
    count = int(os.environ["COUNT"])
    frames = [0] * count
    waiting = count
    opened = asyncio.Event()

    async def look(number: int) -> None:
        nonlocal waiting
        login = {"Authorization": f"Bearer {keys[number // SOCKETS_A_KEY]}"}
        async with connect(url, additional_headers=login, compression=None, max_size=None) as socket:
            await socket.send(HELLO)
            with suppress(ConnectionClosed):
                async for _ in socket:
                    frames[number] += 1
                    if frames[number] == 1:
                        waiting -= 1
                        if not waiting:
                            opened.set()

    looking = [asyncio.create_task(look(number)) for number in range(count)]
    await asyncio.wait_for(opened.wait(), 120)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for one in looking:
        one.cancel()
    await asyncio.wait(looking)
    print(sum(frames), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
