"""Every page: no finding of axe in either theme, nothing cut off at 375 px, usable by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.rig.browser import connection, log_in, overflow, violations, watch
from tests.rig.stack import Stack

PAGES = ("/", "/agents", "/sessions", "/workflows", "/runs", "/commands", "/metrics", "/alerts", "/settings")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def details(stack: Stack) -> list[str]:
    """Pages of single things, filled by a finished run."""
    client = stack.client()
    run = client.wait_run(client.start("bug-lifecycle")["id"])
    step = run["steps"][0]
    return [
        f"/runs/{run['id']}",
        f"/runs/{run['id']}?step={step['key']}",
        f"/runs/compare?a={run['id']}&b={run['id']}",
        f"/command-runs/{step['command_run_id']}",
        f"/agents/{step['agent']['id']}",
        "/workflows/bug-lifecycle",
    ]


@pytest.fixture(params=THEMES)
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=request.param)
    page = context.new_page()
    errors = watch(page)
    yield page
    context.close()
    assert errors == []


def visit(page: Page, stack: Stack, path: str) -> None:
    """Open a page within the app and wait until nothing of it is loading."""
    page.goto(stack.url + path)
    expect(connection(page)).to_have_text("Connected")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)


def test_axe_finds_nothing(stack: Stack, details: list[str], themed: Page) -> None:
    themed.goto(stack.url)
    expect(themed.get_by_role("button", name="Sign in")).to_be_visible()
    found = {"/login": violations(themed)}
    log_in(themed, stack.url)
    for path in (*PAGES, *details):
        visit(themed, stack, path)
        found[path] = violations(themed)
    assert {path: what for path, what in found.items() if what} == {}


def test_axe_finds_nothing_in_the_run_dialog(stack: Stack, themed: Page) -> None:
    log_in(themed, stack.url)
    themed.get_by_role("button", name="Run", exact=True).click()
    expect(themed.get_by_role("dialog").get_by_label("Workflow")).to_be_visible()
    assert violations(themed) == []


def test_nothing_is_cut_off_at_375_pixels(stack: Stack, details: list[str], browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    page = context.new_page()
    try:
        log_in(page, stack.url)
        wide = {}
        for path in (*PAGES, *details):
            visit(page, stack, path)
            if wider := overflow(page):
                wide[path] = wider
        assert wide == {}
    finally:
        context.close()


def test_a_run_can_be_started_with_the_keyboard_alone(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type("a-password-for-the-rig")
    page.keyboard.press("Enter")
    expect(connection(page)).to_have_text("Connected")
    run = page.get_by_role("button", name="Run", exact=True)
    for _ in range(60):
        if run.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(run).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Workflow")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(run).to_be_focused()
