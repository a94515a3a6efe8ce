"""What comes in: OTLP spans in batches of 512 from 4 senders; answered (committed) and stored a second.

Beside it the bare database: the same rows through `executemany`, nothing else. `--spans=N` to send
(20,480), `--only=server` or `--only=embedded`, `--dashboards=N` sockets that listen meanwhile
(200).
Heartbeats are measured by `updates`.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import httpx
import psutil
import psycopg
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks._dashboards import watching
from benchmarks.tables import ratio, row
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

DEFAULTS = {"spans": 20_480, "dashboards": 200}
SENDERS = 4
BATCH = 512
TURN = 8  # spans of one turn of an agent: itself, and models and tools in turns
WITHIN = 900.0
# No quota: how fast it is without one is the question.
USUAL = {
    "MC_LEASE_SECONDS": "45",
    "MC_HEARTBEAT_SECONDS": "10",
    "MC_REPAIR_SECONDS": "1",
    "MC_OTLP_ITEMS_PER_SECOND": "0",
    "MC_OTLP_BYTES_PER_SECOND": "0",
}
COLUMNS = (
    "project_id, trace_id, span_id, parent_span_id, root_span_id, kind, source, status, name, title, "
    "started_at, ended_at, session, provider, model, input_tokens, output_tokens, cost_source, tool, "
    "call_id, error_type, error, seen_at, names_agent"
)


def main() -> None:
    sizes, modes = _asked()
    for mode in modes:
        with ExitStack() as open_things:
            stack = open_things.enter_context(Stack(mode, durable=True, env=USUAL))
            client = stack.client()
            open_things.enter_context(watching(stack, client, sizes["dashboards"]))
            spans(stack, client, mode, sizes["spans"])


def spans(stack: Stack, client: Client, mode: str, count: int) -> None:
    """Send them, time every answer, and wait until the inbox is empty."""
    key = str(client.post("keys/", {"name": "sender", "scopes": ["ingest"]})["key"])
    _send(stack, key, [export(0) for _ in range(SENDERS)])
    _until_stored(stack)
    bodies = [export(number) for number in range(count // BATCH)]
    before = psutil.getloadavg()[0]
    began = time.perf_counter()
    answers = _send(stack, key, bodies)
    committed = time.perf_counter() - began
    _until_stored(stack)
    stored = time.perf_counter() - began
    sent = len(bodies) * BATCH
    print(row(f"{mode}: answers of {BATCH} spans", answers))
    _say(f"{mode}: committed", sent / committed, "spans/s")
    _say(f"{mode}: stored", sent / stored, "spans/s")
    _say(f"{mode}: behind when the last was answered", stored - committed, "s")
    bare = _bare(stack, sent)
    _say(f"{mode}: bare executemany of as many rows", bare, "rows/s")
    print(ratio(f"{mode}: stored", sent / stored, bare))
    _say(f"{mode}: load of the machine before and after", before, f"and {psutil.getloadavg()[0]:.2f}")


def export(number: int) -> bytes:
    """Turns of one agent: it asks a model and calls tools."""
    request = ExportTraceServiceRequest()
    about = request.resource_spans.add()
    _tell(about.resource, {"service.name": f"service-{number % 8}", "service.version": "1.2.3"})
    spans = about.scope_spans.add().spans
    now = time.time_ns()
    for _ in range(BATCH // TURN):
        trace_id, root_id = os.urandom(16), os.urandom(8)
        for place in range(TURN):
            span = spans.add(trace_id=trace_id, span_id=os.urandom(8))
            span.start_time_unix_nano, span.end_time_unix_nano = now + place * 1000, now + place * 2000
            if place:
                span.parent_span_id = root_id
            else:
                span.span_id = root_id
            span.name, told = _turn(place)
            _tell(span, told)
    return request.SerializeToString()


def _turn(place: int) -> tuple[str, dict[str, str | int]]:
    if place == 0:
        return "invoke_agent triage", {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "triage",
            "gen_ai.conversation.id": "conversation-1",
        }
    if place % 2:
        return "chat a-model", {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.usage.input_tokens": 1200 + place,
            "gen_ai.usage.output_tokens": 80,
            "gen_ai.response.id": os.urandom(12).hex(),
        }
    return "execute_tool search", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.id": os.urandom(12).hex(),
        "gen_ai.tool.call.arguments": '{"query": "the weather of tomorrow"}',
    }


def _tell(one: Any, attributes: dict[str, str] | dict[str, str | int]) -> None:
    for name, value in attributes.items():
        told = one.attributes.add(key=name).value
        if isinstance(value, int):
            told.int_value = value
        else:
            told.string_value = value


def _send(stack: Stack, key: str, bodies: list[bytes]) -> list[float]:
    """The ms of each answer; a sender that is told to come back does."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/x-protobuf"}
    here = threading.local()

    def post(body: bytes) -> float:
        if not hasattr(here, "http"):
            here.http = httpx.Client(base_url=stack.url, headers=headers, timeout=120)
        while True:
            began = time.perf_counter()
            answer = here.http.post("/v1/traces", content=body)
            if answer.status_code not in (429, 503):
                answer.raise_for_status()
                return (time.perf_counter() - began) * 1000
            time.sleep(float(answer.headers["retry-after"]))

    with ThreadPoolExecutor(SENDERS) as senders:
        return list(senders.map(post, bodies))


def _until_stored(stack: Stack) -> None:
    ask = _asking(stack)
    until(lambda: ask("SELECT count(*) FROM agents_telemetrybatch") == 0, WITHIN, "the inbox", every=0.1)


def _asking(stack: Stack) -> Callable[[str], int]:
    def ask(query: str) -> int:
        if stack.postgres:
            with psycopg.connect(stack.postgres.url) as wire:
                found = wire.execute(query).fetchone()
        else:
            with closing(sqlite3.connect(stack.home / "data" / "missioncontrol.sqlite3", timeout=20)) as file:
                found = file.execute(query).fetchone()
        assert found is not None
        return int(found[0])

    return ask


def _bare(stack: Stack, count: int) -> float:
    """Rows a second into a table with the same columns and indexes, a batch in a transaction."""
    mark = "%s" if stack.postgres else "?"
    places = ", ".join([mark] * len(COLUMNS.split(", ")))
    statement = f"INSERT INTO bare_span ({COLUMNS}) VALUES ({places})"  # noqa: S608  (nothing is given)
    batches = [[_bare_row() for _ in range(BATCH)] for _ in range(count // BATCH)]
    if stack.postgres:
        with psycopg.connect(stack.postgres.url) as wire:
            wire.execute("CREATE TABLE bare_span (LIKE agents_span INCLUDING ALL)")
            wire.commit()
            began = time.perf_counter()
            for batch in batches:
                with wire.cursor() as cursor:
                    cursor.executemany(statement, batch)
                wire.commit()
            return count / (time.perf_counter() - began)
    with closing(sqlite3.connect(stack.home / "data" / "missioncontrol.sqlite3", timeout=60)) as file:
        file.execute("PRAGMA synchronous=NORMAL")
        tables = "SELECT sql FROM sqlite_master WHERE tbl_name = 'agents_span' AND sql IS NOT NULL"
        for (sql,) in file.execute(f"{tables} ORDER BY type DESC").fetchall():
            named = sql.replace('INDEX "', 'INDEX "bare_').replace("INDEX span", "INDEX bare_span")
            file.execute(named.replace('"agents_span"', '"bare_span"'))
        file.commit()
        began = time.perf_counter()
        for batch in batches:
            file.executemany(statement, batch)
            file.commit()
        return count / (time.perf_counter() - began)


def _bare_row() -> tuple[Any, ...]:
    now = "2026-11-23 00:00:00+00:00"
    told = (os.urandom(16).hex(), os.urandom(8).hex(), os.urandom(8).hex(), os.urandom(8).hex())
    words = ("llm", "span", "ok", "chat a-model", "", now, now, "conversation-1", "openai", "gpt-5-mini")
    return (_PROJECT, *told, *words, 1200, 80, "unknown", "", "", "", "", now, True)


_PROJECT = "00000000000000000000000000000000"


def _say(name: str, value: float, unit: str) -> None:
    print(f"{name:44} {value:8.2f} {unit}", flush=True)


def _asked() -> tuple[dict[str, int], list[str]]:
    words = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
    sizes = {name: int(words.get(name, usual)) for name, usual in DEFAULTS.items()}
    modes = ["embedded", "server"] if words.get("only") is None else [words["only"]]
    return sizes, modes


if __name__ == "__main__":
    main()
