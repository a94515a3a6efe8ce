"""A real Chromium for the flows: one browser a session, a fresh profile a test, axe at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

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


def watch(page: Page) -> list[str]:
    """Errors that the page's own code did not catch, collected as they happen."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def connection(page: Page) -> Locator:
    """The element that says Connected, Reconnecting or Stale."""
    return page.locator("[data-connection]")


def region(page: Page, name: str) -> Locator:
    """A titled block of the screen."""
    return page.get_by_role("region", name=name, exact=True)


def agent(page: Page, name: str) -> Locator:
    """An agent's card on the dashboard."""
    return region(page, "Agents").get_by_role("link").filter(has_text=name)


def run_row(page: Page, run: dict[str, Any]) -> Locator:
    """A run's line among the dashboard's workflows."""
    lines = region(page, "Workflows").get_by_role("listitem")
    return lines.filter(has=page.locator(f'a[href="/runs/{run["id"]}"]'))


def mark(page: Page) -> None:
    """Leave something in the page that a reload would take away."""
    page.evaluate("window.rigWasHere = true")


def reloaded(page: Page) -> bool:
    return not page.evaluate("window.rigWasHere === true")


# Resolves when no animation that has an end runs any more; a pulse has none.
SETTLED = """() => Promise.all(document.getAnimations()
    .filter(one => one.playState === 'running' && Number.isFinite(one.effect?.getComputedTiming().endTime))
    .map(one => one.finished.catch(() => {})))"""


def violations(page: Page) -> list[str]:
    """What axe finds wrong, one line a finding: rule, how many, where first.

    It judges what stands still: a dialog that is half faded in has no contrast yet.
    """
    page.evaluate(SETTLED)
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
