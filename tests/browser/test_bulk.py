"""Many runs at once: chosen by their filter or one by one, cancelled and run again."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.browser.keyboard import press
from tests.rig.browser import log_in, region, violations
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

MANY = 53  # more than the first page shows


def begun(client: Client, slug: str, count: int) -> None:
    """Runs that all wait for an answer that nobody gives."""
    steps = [{"key": "ask", "approval": {"title": "Go on?"}}]
    client.post(
        "workflows/", {"source": json.dumps({"name": slug.capitalize(), "slug": slug, "steps": steps})}
    )
    for _ in range(count):
        client.start(slug)
    until(lambda: statuses(client, slug) == ["waiting"] * count, 90, "all of them waiting", every=0.5)


def statuses(client: Client, slug: str) -> list[str]:
    rows = client.get("runs/", params={"workflow": slug, "limit": 100})["results"]
    return [row["status"] for row in rows]


def test_all_that_match_the_filter_are_cancelled_at_once(stack: Stack, client: Client, page: Page) -> None:
    begun(client, "many", MANY)
    log_in(page, stack.url)
    page.goto(f"{stack.url}/runs?status=waiting&workflow=many")
    page.get_by_role("checkbox", name="Choose Many #", exact=False).first.check()
    bar = region(page, "Chosen runs")
    expect(bar.get_by_role("status")).to_have_text("1 run chosen")
    bar.get_by_role("button", name=f"All {MANY} that match").click()
    expect(bar.get_by_role("status")).to_have_text(f"All {MANY} chosen")
    assert violations(page) == []
    bar.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{MANY} runs will be cancelled")
    assert violations(page) == []
    dialog.get_by_role("button", name="Cancel runs").click()
    expect(dialog.get_by_role("status")).to_have_text(f"{MANY} runs cancelled.")
    dialog.get_by_role("button", name="Done").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_text("No run matches")).to_be_visible()
    assert statuses(client, "many") == ["cancelled"] * MANY


def test_a_few_are_chosen_and_run_again_by_keyboard(stack: Stack, client: Client, page: Page) -> None:
    begun(client, "few", 3)
    log_in(page, stack.url)
    page.goto(f"{stack.url}/runs?workflow=few")
    boxes = page.get_by_role("checkbox", name="Choose Few #", exact=False)
    press(page, boxes.nth(0), "Space")
    press(page, boxes.nth(1), "Space")
    bar = region(page, "Chosen runs")
    expect(bar.get_by_role("status")).to_have_text("2 runs chosen")
    page.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    press(page, boxes.nth(1), "Space")
    press(page, bar.get_by_role("button", name="Run again"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 run will be run again")
    press(page, dialog.get_by_role("button", name="Run again"))
    expect(dialog.get_by_role("status")).to_have_text("1 run started again.")
    press(page, dialog.get_by_role("button", name="Done"))
    expect(dialog).to_have_count(0)
    assert len(statuses(client, "few")) == 4
