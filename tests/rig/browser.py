"""A real Chromium for the flows: one browser a session, a fresh profile a test, axe at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.rig import programs
from tests.rig.stack import PASSWORD, ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
ARTIFACTS = ROOT / "tests" / "artifacts"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

expect.set_options(timeout=15_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless, without the sandbox that root and containers cannot have."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(programs.chromium()),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
        )
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, url: str, password: str = PASSWORD) -> None:
    """Open the product and sign in as a person would; ends on the dashboard."""
    page.goto(url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(connection(page)).to_contain_text("Connected")


def connection(page: Page) -> Any:
    """The element that says Connected, Reconnecting or Stale."""
    return page.locator("[data-connection]")


def violations(page: Page) -> list[str]:
    """What axe finds wrong, one line a finding: rule, how many, where first."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("levels => axe.run(document, {runOnly: {type: 'tag', values: levels}})", LEVELS)
    return [
        f"{v['id']} ({v['impact']}) x{len(v['nodes'])}: {v['help']}: {v['nodes'][0]['html'][:160]}"
        for v in found["violations"]
    ]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def keep(context: BrowserContext, name: str) -> Path:
    """Save a picture of every page of the context, for a test that failed."""
    ARTIFACTS.mkdir(exist_ok=True)
    for index, page in enumerate(context.pages):
        page.screenshot(path=ARTIFACTS / f"{name}-{index}.png")
    return ARTIFACTS
