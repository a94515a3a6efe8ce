"""Rows 1 and 15 as a browser sees them: where tokens are kept, and what the policy stops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.rig.browser import chromium, log_in
from tests.rig.stack import PASSWORD, Stack

PAGES = ("/", "/agents", "/workflows", "/runs", "/commands", "/metrics", "/alerts", "/settings")
TOKEN = re.compile(r"eyJ[\w-]{10,}|mc_[0-9A-Za-z]{8}_")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("embedded") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    fresh = browser.new_context()
    yield fresh
    fresh.close()


def watched(context: BrowserContext, foreign: list[str], refused: list[str], own: str) -> Page:
    """A page that notes what the policy refused and every request to another host."""
    page = context.new_page()
    page.on("request", lambda r: None if _is_own(r.url, own) else foreign.append(r.url))
    page.on("console", lambda m: refused.append(m.text) if _is_refusal(m.text) else None)
    page.on("pageerror", lambda e: refused.append(str(e)) if "TrustedTypes" in str(e) else None)
    return page


def _is_own(url: str, own: str) -> bool:
    return url.startswith((own, own.replace("http", "ws", 1), "data:", "blob:"))


def _is_refusal(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text


def test_sec_1_after_login_no_script_can_read_a_token(stack: Stack, context: BrowserContext) -> None:
    page = context.new_page()
    log_in(page, stack.url)
    page.reload()
    page.wait_for_selector("[data-connection]")
    readable = page.evaluate(
        """async () => JSON.stringify({
            local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie,
            databases: await indexedDB.databases(), caches: await caches.keys(), name: window.name,
            globals: Object.keys(window).map(
                k => { try { return JSON.stringify(window[k]) } catch { return "" } }),
        })"""
    )
    assert not TOKEN.search(readable), TOKEN.search(readable)
    assert "mc_refresh" not in readable
    assert not TOKEN.search(page.url)
    cookie = next(one for one in context.cookies() if one["name"].endswith("mc_refresh"))
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/"


def test_sec_15_no_page_breaks_the_policy_or_calls_elsewhere(stack: Stack, context: BrowserContext) -> None:
    foreign: list[str] = []
    refused: list[str] = []
    page = watched(context, foreign, refused, stack.url)
    log_in(page, stack.url)
    for path in PAGES:
        page.goto(stack.url + path)
        page.wait_for_load_state("load")
        page.wait_for_selector("h1")
    assert refused == []
    assert foreign == []


def test_sec_15_the_admin_and_the_api_document_work_under_their_policy(
    stack: Stack, context: BrowserContext
) -> None:
    foreign: list[str] = []
    refused: list[str] = []
    page = watched(context, foreign, refused, stack.url)
    page.goto(f"{stack.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("text=Administration")
    for path in ("accounts/user/", "accounts/apikey/add/", "agents/agent/", "workflows/run/"):
        page.goto(f"{stack.url}/admin/{path}")
        page.wait_for_selector("#content")
    page.goto(f"{stack.url}/api/v1/docs/")
    page.wait_for_selector(".opblock", timeout=30_000)
    assert refused == []
    assert foreign == []


def test_sec_15_an_injected_script_does_not_run(stack: Stack, context: BrowserContext) -> None:
    page = context.new_page()
    log_in(page, stack.url)
    outcome: Any = page.evaluate(
        """() => {
            window.ran = [];
            const attempt = (name, work) => { try { work() } catch { } };
            attempt("html", () => { document.body.innerHTML += '<img src=x onerror="ran.push(1)">' });
            attempt("script", () => {
                const script = document.createElement("script");
                script.textContent = "ran.push(3)";
                document.body.append(script);
            });
            attempt("timer", () => { setTimeout("ran.push(4)", 0) });
            return new Promise(done => setTimeout(() => done(window.ran), 300));
        }"""
    )
    assert outcome == []


def test_sec_4_another_site_cannot_use_the_cookie(stack: Stack, context: BrowserContext) -> None:
    page = context.new_page()
    log_in(page, stack.url)
    elsewhere = stack.url.replace("127.0.0.1", "localhost")
    other = context.new_page()
    other.goto(f"{elsewhere}/login")
    answer = other.evaluate(
        """url => fetch(url, {method: "POST", credentials: "include", body: "{}",
            headers: {"Content-Type": "application/json"}}).then(r => r.status, () => "refused")""",
        f"{stack.url}/api/v1/auth/token/refresh/",
    )
    assert answer == "refused"
    assert httpx.get(f"{stack.url}/healthz").is_success
