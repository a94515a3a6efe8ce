"""The dashboard's GETs at 16, 1,000 and 10,000 agents, beside bare uvicorn with as many bytes."""

from __future__ import annotations

import asyncio
import time

import httpx

from benchmarks._servers import PASSWORD, Server, product, running
from benchmarks.tables import percentile, ratio, row

SIZES = (16, 1_000, 10_000)
REQUESTS = 300
CONNECTIONS = 16
SECONDS = 2.0
PATH = "/api/v1/monitoring/dashboard/"


class Wire:
    """One keep-alive connection that asks and reads to the end, and does nothing else."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> Wire:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**25)
        return self

    async def ask(self, path: str, headers: str = "") -> tuple[int, int, str]:
        """(status, bytes of the body, its tag)."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        length = int(fields.get("content-length", 0))
        await self.reader.readexactly(length)
        return int(head.split()[1]), length, fields.get("etag", "")


async def times(port: int, path: str, headers: str = "") -> list[float]:
    wire = await Wire(port).open()
    found = []
    for number in range(REQUESTS + 20):
        began = time.perf_counter()
        await wire.ask(path, headers)
        if number >= 20:
            found.append((time.perf_counter() - began) * 1000)
    wire.writer.close()
    return found


async def rate(port: int, path: str, headers: str = "") -> float:
    """Answers a second over several connections."""
    deadline = time.perf_counter() + SECONDS
    done = 0

    async def keep_asking() -> None:
        nonlocal done
        wire = await Wire(port).open()
        while time.perf_counter() < deadline:
            await wire.ask(path, headers)
            done += 1
        wire.writer.close()

    await asyncio.gather(*(keep_asking() for _ in range(CONNECTIONS)))
    return done / SECONDS


def token(server: Server) -> str:
    body = {"username": "admin", "password": PASSWORD, "cookie": False}
    answer = httpx.post(f"http://127.0.0.1:{server.port}/api/v1/auth/token/", json=body)
    return str(answer.raise_for_status().json()["access"])


async def measure(server: Server, agents: int) -> None:
    login = f"Authorization: Bearer {token(server)}\r\n"
    wire = await Wire(server.port).open()
    _, size, _ = await wire.ask(f"{PATH}agents/", login)
    with running("-m", "uvicorn", "benchmarks._bare_http:app", "--port", "{port}", "--log-level", "error",
                 BARE_BYTES=str(size)) as bare:  # fmt: skip
        floor = await times(bare.port, "/")
        floor_rate = await rate(bare.port, "/")
        print(row(f"bare uvicorn, {size:,} bytes", floor))
        for part in ("stats", "agents", "workflows", "snapshot"):
            found = await times(server.port, f"{PATH}{part}/", login)
            print(row(f"{part}, {agents:,} agents", found))
            if part == "agents":
                print(ratio("  at p50", percentile(found, 0.5), percentile(floor, 0.5)))
        wire.writer.close()
        wire = await Wire(server.port).open()  # the first has been idle for too long meanwhile
        status, _, tag = await wire.ask(f"{PATH}agents/", login)
        again = f"{login}If-None-Match: {tag}\r\n".replace('w/"', 'W/"')
        assert (status, (await wire.ask(f"{PATH}agents/", again))[0]) == (200, 304)
        print(row("agents, not modified", await times(server.port, f"{PATH}agents/", again)))
        ours = await rate(server.port, f"{PATH}agents/", login)
        print(f"{f'agents at {CONNECTIONS} connections':44} {ours:8.0f} requests/s, bare {floor_rate:.0f}")
        print(ratio("  requests/s", ours, floor_rate))
    wire.writer.close()


def main() -> None:
    for agents in SIZES:
        with product(agents) as server:
            asyncio.run(measure(server, agents))
