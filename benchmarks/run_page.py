"""The page of a run of 1,000 steps and a map of 5,000 items in Chromium: time until it is usable, and
frames, long tasks and how busy the main thread is while 50 updates a second arrive (the stand-in for the
socket is a twentieth of that itself). Options: --seconds=10 --rate=50"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from typing import Any

from playwright.sync_api import CDPSession, Page, WebSocketRoute

from tests.rig.browser import chromium, log_in
from tests.rig.stack import Stack

MEASURE = """() => {
  window.__long = []; window.__frames = [];
  new PerformanceObserver(list => window.__long.push(...list.getEntries().map(e => e.duration)))
    .observe({type: 'longtask', buffered: true});
  let last = performance.now();
  const tick = now => { window.__frames.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
GO = "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }"
CLEAR = "() => { window.__long.length = 0; window.__frames.length = 0; }"
READ = "() => ({long: window.__long, frames: window.__frames})"


def option(name: str, default: float) -> float:
    found = [word.split("=")[1] for word in sys.argv if word.startswith(f"--{name}=")]
    return float(found[0]) if found else default


class Socket:
    """Stands in for the server's socket: the page gets exactly the updates that are measured."""

    def __init__(self, page: Page) -> None:
        self.route: WebSocketRoute | None = None
        self.seq = 0
        page.route_web_socket("**/ws/dashboard/", self._open)

    def _open(self, route: WebSocketRoute) -> None:
        route.on_message(lambda text: self._hello(route, json.loads(text)))

    def _hello(self, route: WebSocketRoute, said: dict[str, Any]) -> None:
        if said.get("type") == "ping":
            route.send(json.dumps({"type": "pong"}))
        if said.get("type") != "hello":
            return
        self.route, self.seq = route, said.get("seq") or 0
        ready = {"type": "ready", "mode": "resumed", "epoch": said["epoch"], "seq": self.seq, "floor": 0}
        route.send(json.dumps(ready | {"heartbeat_ms": 15_000}))

    def tell(self, **event: Any) -> None:
        assert self.route is not None, "the page did not connect"
        place = {"seq": self.seq + 1, "prev": self.seq, "at": event["started_at"], "kind": "step.changed"}
        self.seq += 1
        self.route.send(json.dumps(place | event))


def updates(made: dict[str, Any]) -> Any:
    """Steps and items that move on and on, each event as the journal words it."""
    rng = random.Random(1)
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    for number in itertools.count():
        common = {
            "type": "step_update", "run_id": made["run"], "name": "x", "wait_reason": "", "wakes_at": None,
            "attempt": 1, "agent_id": None, "agent_name": "", "command_run_id": None, "child_run_id": None,
            "progress": number % 100, "error": None, "started_at": at, "completed_at": None, "items": None,
            "status": "running", "previous_status": "queued", "step_kind": "command",
        }  # fmt: skip
        if number % 2:
            pk, place = made["items"][rng.randrange(1214, len(made["items"]))]
            where = {"parent_id": made["map"]["id"], "map_index": place, "index": 1000}
            yield common | {"step_id": pk, "key": made["map"]["key"], **where}
        else:
            pk, key, index = made["steps"][rng.randrange(500, 999)]
            yield common | {
                "step_id": pk, "key": key, "index": index, "parent_id": None, "map_index": None,
            }  # fmt: skip


def watched(
    page: Page, socket: Socket | None, made: dict[str, Any], seconds: float, rate: float
) -> list[Any]:
    """Frames and long tasks of `seconds`, with or without updates."""
    page.evaluate(CLEAR)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    before = busy(devtools)
    events, begun, sent = updates(made), time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < seconds:
        while socket is not None and sent < passed * rate:
            socket.tell(**next(events))
            sent += 1
        page.wait_for_timeout(20)
    spent = {name: after - before[name] for name, after in busy(devtools).items()}
    found = page.evaluate(READ)
    frames, long = sorted(found["frames"]), found["long"]
    slow = sum(frame > 34 for frame in frames)
    return [
        sent,
        f"{len(frames) / seconds:.0f}",
        f"{frames[int(len(frames) * 0.99)]:.0f}",
        f"{100 * slow / len(frames):.1f} %",
        len(long),
        f"{max(long, default=0):.0f}",
        *(f"{100 * part / seconds:.0f} %" for part in spent.values()),
    ]


def busy(devtools: CDPSession) -> dict[str, float]:
    """Seconds of the main thread's work so far: all of it, and what of it ran scripts."""
    told = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    return {name: told[name] for name in ("TaskDuration", "ScriptDuration")}


def main() -> None:
    seconds, rate = option("seconds", 10), option("rate", 50)
    rows = []
    with Stack("embedded") as stack, chromium() as browser:
        made = json.loads(stack.manage("shell", "-v0", "-c", SEED).strip().splitlines()[-1])
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        socket = Socket(page)
        log_in(page, stack.url)
        page.evaluate(MEASURE)
        begun = time.perf_counter()
        page.evaluate(GO, f"/runs/{made['run']}?step={made['map']['key']}")
        page.get_by_role("list", name="Steps over time").wait_for()
        listed = time.perf_counter() - begun
        page.locator(".react-flow__node").first.wait_for()
        drawn = time.perf_counter() - begun
        loading = page.evaluate(READ)["long"]
        print(
            f"list in {listed * 1000:.0f} ms, graph in {drawn * 1000:.0f} ms; long tasks meanwhile: "
            f"{len(loading)}, the longest {max(loading, default=0):.0f} ms"
        )
        page.wait_for_timeout(2000)
        rows.append(["nothing happens", *watched(page, None, made, seconds, rate)])
        rows.append([f"{rate:.0f} updates a second", *watched(page, socket, made, seconds, rate)])
        nodes = page.evaluate("() => document.querySelectorAll('*').length")
        print(f"elements in the page: {nodes}")
    heads = ["", "updates", "frames/s", "p99 ms", "over 34 ms", "long tasks", "longest ms", "busy", "scripts"]
    for row in [heads, *rows]:
        print(f"{row[0]:22}", *(f"{cell!s:>13}" for cell in row[1:]))


SEED = "import json; from benchmarks._big_run import make; print(json.dumps(make()))"

if __name__ == "__main__":
    main()
