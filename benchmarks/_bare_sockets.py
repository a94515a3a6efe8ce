"""The least that can fan out: the `websockets` library sends one text to everybody.

Reads lines `<messages a second> <seconds>` from its standard input.
"""

from __future__ import annotations

import asyncio
import sys
import time

from websockets.asyncio.server import ServerConnection, broadcast, serve

FILLER = "x" * 450  # about as long as an agent's event


async def main() -> None:
    connected: set[ServerConnection] = set()
    loop = asyncio.get_running_loop()

    async def stay(connection: ServerConnection) -> None:
        connected.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connected.discard(connection)

    async with serve(stay, "127.0.0.1", int(sys.argv[1]), compression=None):
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            rate, seconds = (float(word) for word in line.split())
            began = time.perf_counter()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                broadcast(connected, f'{{"current_task":"{time.time()}","filler":"{FILLER}"}}')


asyncio.run(main())
