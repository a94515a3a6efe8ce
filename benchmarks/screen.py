"""The screen: a change committed to painted, and a cold page load, in a real Chromium.

Beside each stands a bare page on the same machine in the same run: one socket that writes one
text node, and one document that shows its data without a build, a framework or a login.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from playwright.sync_api import Browser, Page
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from benchmarks.tables import percentile, ratio, row
from tests.rig.browser import chromium, log_in
from tests.rig.client import Client
from tests.rig.stack import Stack

CHANGES = 120
LOADS = 9
PAUSE_SECONDS = 0.05

# Resolves {text: epoch ms at which the frame that shows it was done} for texts that match.
WATCH = """
(pattern) => {
  const seen = (window.__seen = {});
  const wanted = new RegExp(pattern, 'g');
  new MutationObserver((changes) => {
    const found = [];
    for (const change of changes) {
      const text = change.target.textContent || '';
      for (const match of text.matchAll(wanted)) if (!(match[0] in seen)) found.push(match[0]);
    }
    if (!found.length) return;
    const dom = performance.timeOrigin + performance.now();
    for (const text of found) seen[text] = { dom, painted: null };
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        const painted = performance.timeOrigin + performance.now();
        for (const text of found) seen[text].painted = painted;
      };
      channel.port2.postMessage(null);
    });
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}
"""

BARE_PAGE = b"""<!doctype html><title>bare</title><p id=out>none</p><ul id=list></ul><script>
const rows = %s; document.getElementById('list').append(...rows.map((r) => {
  const li = document.createElement('li'); li.textContent = r.name + ' ' + r.status; return li; }));
if (location.hash) { const s = new WebSocket('ws://' + location.host + '/ws');
  s.onmessage = (m) => { document.getElementById('out').textContent = JSON.parse(m.data).current_task; }; }
</script>"""


def main() -> None:
    with Stack("embedded") as stack, chromium() as browser:
        client = stack.client()
        key = client.post("keys/", {"name": "bench", "scopes": ["agent"]})["key"]
        bare_rows = client.dashboard("agents/")
        with bare_server(bare_rows) as bare:
            changes(stack, browser, key, bare)
            loads(stack, browser, bare)


def changes(stack: Stack, browser: Browser, key: str, bare: Bare) -> None:
    agent = Client(stack.url)
    agent.http.headers["Authorization"] = f"Bearer {key}"
    about = {"name": "Benchmark", "type": "bench", "capabilities": []}
    agent_id = agent.post("agents/register/", about)["id"]
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    log_in(page, stack.url)
    page.get_by_text("Benchmark", exact=True).first.wait_for()
    page.evaluate(WATCH, r"change-\d+-")
    asked: dict[str, float] = {}
    answered: dict[str, float] = {}
    for number in range(CHANGES):
        text = f"change-{number}-"
        asked[text] = time.time() * 1000
        agent.post(f"agents/{agent_id}/heartbeat/", {"status": "busy", "current_task": text})
        answered[text] = time.time() * 1000
        page.wait_for_function("text => window.__seen[text]?.painted", arg=text)
        time.sleep(PAUSE_SECONDS)
    seen = page.evaluate("window.__seen")
    committed = {
        event["current_task"]: event["at"]
        for event in stack.client().get("events/", params={"limit": 100})["results"]
        if event["type"] == "agent_status_change" and event["name"] == "Benchmark"
    }
    page.context.close()
    agent.close()
    bare_seen = bare_changes(browser, bare)
    dom = [seen[text]["dom"] - asked[text] for text in asked]
    painted = [seen[text]["painted"] - asked[text] for text in asked]
    since_commit = [seen[t]["painted"] - _epoch_ms(at) for t, at in committed.items() if t in seen]
    print(row("API change asked -> DOM", dom))
    print(row("API change asked -> painted", painted))
    print(row("written to the journal -> painted", since_commit))
    print(row("the API call itself", [answered[text] - asked[text] for text in asked]))
    print(row("bare socket: sent -> DOM", [d for d, _ in bare_seen]))
    print(row("bare socket: sent -> painted", [p for _, p in bare_seen]))
    bare_p50 = percentile([p for _, p in bare_seen], 0.5)
    print(ratio("journal -> painted, p50", percentile(since_commit, 0.5), bare_p50))
    print(ratio("API change -> DOM, p50", percentile(dom, 0.5), percentile([d for d, _ in bare_seen], 0.5)))


def bare_changes(browser: Browser, bare: Bare) -> list[tuple[float, float]]:
    """(DOM, painted) in ms after the send, of a page without a framework."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{bare.url}/#live")
    bare.wait_connected()
    page.evaluate(WATCH, r"change-\d+-")
    sent: dict[str, float] = {}
    for number in range(CHANGES):
        text = f"change-{number}-"
        sent[text] = time.time() * 1000
        bare.send({"type": "agent_status_change", "agent_id": "x", "status": "busy", "current_task": text})
        page.wait_for_function("text => window.__seen[text]?.painted", arg=text)
        time.sleep(PAUSE_SECONDS)
    seen = page.evaluate("window.__seen")
    page.context.close()
    return [(seen[text]["dom"] - at, seen[text]["painted"] - at) for text, at in sent.items()]


def loads(stack: Stack, browser: Browser, bare: Bare) -> None:
    """A cold browser that is already signed in (its cookie) opens the dashboard."""
    ours = [cold_load(browser, stack.url, "Backend Engineer", signed_in=True) for _ in range(LOADS)]
    theirs = [cold_load(browser, bare.url, "Backend Engineer", signed_in=False) for _ in range(LOADS)]
    visible = [one["visible_ms"] for one in ours]
    bare_visible = [one["visible_ms"] for one in theirs]
    print(row("cold load -> 16 agents visible", visible))
    print(row("bare page: cold load -> rows visible", bare_visible))
    print(f"{'bytes on the wire before the data':44} {max(one['bytes'] for one in ours) / 1000:8.1f} kB")
    print(f"{'requests before the data':44} {max(one['requests'] for one in ours):8.0f}")
    print(ratio("cold load, p50", percentile(visible, 0.5), percentile(bare_visible, 0.5)))


def cold_load(browser: Browser, url: str, shown: str, *, signed_in: bool) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    if signed_in:
        page = context.new_page()
        log_in(page, url)
        cookies = context.cookies()
        context.close()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(
        f"""(() => {{ const look = () => document.body?.textContent?.includes({json.dumps(shown)})
          ? (window.__visible = performance.now()) : requestAnimationFrame(look); look(); }})()"""
    )
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => window.__visible")
    figures = _figures(page)
    context.close()
    return figures


def _figures(page: Page) -> dict[str, float]:
    found: dict[str, float] = page.evaluate(
        """() => { const all = [...performance.getEntriesByType('navigation'),
             ...performance.getEntriesByType('resource')].filter((e) => e.startTime < window.__visible
               && e.responseEnd > 0 && e.responseEnd <= window.__visible);
           return { visible_ms: window.__visible, requests: all.length,
             bytes: all.reduce((sum, e) => sum + e.transferSize, 0) }; }"""
    )
    return found


def _epoch_ms(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000


class Bare:
    """A document and a socket from the plain `websockets` library."""

    def __init__(self, rows: Any) -> None:
        self.url = ""
        self._page = BARE_PAGE % json.dumps(rows).encode()
        self._loop = asyncio.new_event_loop()
        self._sockets: set[ServerConnection] = set()
        self._connected = threading.Event()
        self._ready = threading.Event()
        self._stopped: asyncio.Event
        self.thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), daemon=True
        )

    def send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        asyncio.run_coroutine_threadsafe(self._send(text), self._loop).result(timeout=10)

    def wait_connected(self) -> None:
        if not self._connected.wait(timeout=30):
            raise RuntimeError("the bare page did not connect")

    def start(self) -> None:
        self.thread.start()
        self._ready.wait(timeout=10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self.thread.join(timeout=10)
        self._loop.close()

    async def _send(self, text: str) -> None:
        for socket in self._sockets:
            await socket.send(text)

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        async with serve(self._socket, "127.0.0.1", 0, process_request=self._page_of) as server:
            self.url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            self._ready.set()
            await self._stopped.wait()

    async def _socket(self, socket: ServerConnection) -> None:
        self._sockets.add(socket)
        self._connected.set()
        await socket.wait_closed()
        self._sockets.discard(socket)

    def _page_of(self, _: ServerConnection, request: Request) -> Response | None:
        if request.path == "/ws":
            return None
        headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(self._page))})
        return Response(200, "OK", headers, self._page)


@contextmanager
def bare_server(rows: Any) -> Iterator[Bare]:
    server = Bare(rows)
    server.start()
    try:
        yield server
    finally:
        server.stop()
