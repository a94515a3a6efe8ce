"""The first journey of a newcomer: start Bug Lifecycle from the screen and watch it to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.rig.browser import log_in, mark, reloaded
from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """As it comes: no model is configured, the demo model works."""
    with Stack("embedded") as running:
        yield running


def test_bug_lifecycle_runs_from_the_screen_to_its_end(stack: Stack, client: Client, page: Page) -> None:
    log_in(page, stack.url)
    mark(page)
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog", name="Run a workflow")
    dialog.get_by_label("Workflow").select_option("bug-lifecycle")
    dialog.get_by_role("button", name="Run", exact=True).click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text("Bug Lifecycle #1")
    expect(title).to_contain_text("Completed", timeout=60_000)
    expect(title).to_contain_text("demo model")
    assert not reloaded(page)

    run = client.run(page.url.rsplit("/", 1)[1].split("?")[0])
    assert run["status"] == "completed"
    timeline = page.get_by_role("list", name="Steps over time")
    expect(timeline.get_by_role("listitem")).to_have_count(len(run["steps"]))
    for step in run["steps"]:
        timeline.get_by_role("button", name=re.compile(f"^{re.escape(step['name'])} Completed")).click()
        output = page.get_by_role("region", name="Output")
        # Shown as formatted text: its words are all there, its marks are not.
        for word in re.findall(r"[A-Za-z]{4,}", step["output"]["text"])[:8]:
            expect(output).to_contain_text(word)


def test_a_run_can_be_cancelled_from_its_page(stack: Stack, client: Client, page: Page) -> None:
    log_in(page, stack.url)
    run = client.start("feature-development")
    page.goto(f"{stack.url}/runs/{run['id']}")
    page.get_by_role("button", name="Cancel run").click()
    dialog = page.get_by_role("alertdialog").or_(page.get_by_role("dialog"))
    dialog.get_by_role("button", name=re.compile("Cancel (the|this)? ?run", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")
    assert client.wait_run(run["id"])["status"] == "cancelled"
