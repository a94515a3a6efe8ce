"""One change to 1,000 sockets at 10 and 100 changes a second, beside a bare `websockets` server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time

import psutil

from benchmarks._servers import Server, product, running
from benchmarks.tables import percentile, ratio, row

SOCKETS = 1_000
SAMPLED = 50
SOCKETS_A_KEY = 20
RATES = (10, 100)
SECONDS = 6.0
HELLO = b'{"type":"hello","v":1}'
MADE_AT = re.compile(rb'"current_task":"(\d+\.\d+)"')


class Reader(asyncio.Protocol):
    """A socket that reads everything; a sampled one also notes how old each change is."""

    def __init__(self, port: int, key: str, sampled: bool) -> None:
        self.request = (
            f"GET /ws/dashboard/ HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        ).encode()
        self.sampled = sampled
        self.open = asyncio.get_running_loop().create_future()
        self.ages: list[float] = []
        self.bytes = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if not self.open.done():
            self.open.set_result(b" 101 " in data)
        elif self.sampled:
            now = time.time()
            self.ages += [(now - float(made)) * 1000 for made in MADE_AT.findall(data)]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def hello(self) -> None:
        """A masked text frame; a mask of zeros leaves the text as it is."""
        self.transport.write(bytes([0x81, 0x80 | len(HELLO), 0, 0, 0, 0]) + HELLO)


async def connect(port: int, keys: list[str]) -> list[Reader]:
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    for number in range(SOCKETS):
        reader = Reader(port, keys[number // SOCKETS_A_KEY % len(keys)], number % (SOCKETS // SAMPLED) == 0)
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)  # type: ignore[misc]
        assert await asyncio.wait_for(reader.open, 10)
        reader.hello()
        readers.append(reader)
    await asyncio.sleep(1)
    return readers


async def measure(name: str, server: Server, keys: list[str]) -> dict[int, float]:
    process = psutil.Process(server.child.pid)
    before = process.memory_info().rss
    readers = await connect(server.port, keys)
    print(
        f"{f'{name}: memory of {SOCKETS:,} sockets':44} {(process.memory_info().rss - before) / 1e6:8.1f} MB"
    )
    found: dict[int, float] = {}
    for rate in RATES:
        for reader in readers:
            reader.ages.clear()
        busy = sum(process.cpu_times()[:2])
        server.order(rate, SECONDS)
        await asyncio.sleep(SECONDS + 2)
        share = (sum(process.cpu_times()[:2]) - busy) / SECONDS
        ages = [age for reader in readers for age in reader.ages]
        print(row(f"{name}: {rate} changes/s", ages), f" cpu {share:.0%}")
        found[rate] = percentile(ages, 0.99)
        lost = sum(reader.lost for reader in readers)
        missing = int(rate * SECONDS) * SAMPLED - len(ages)
        print(f"{'':44} {lost} sockets lost, {missing} changes not shown one by one")
    for reader in readers:
        reader.transport.abort()
    return found


def main() -> None:
    with running("-m", "benchmarks._bare_sockets", "{port}") as bare:
        floor = asyncio.run(measure("bare websockets", bare, ["none"]))
    with product(100) as server:
        keys = json.loads((server.home / "keys.json").read_text())
        ours = asyncio.run(measure("mission control", server, keys))
    for rate in RATES:
        print(ratio(f"p99 at {rate} changes/s", ours[rate], floor[rate]))
