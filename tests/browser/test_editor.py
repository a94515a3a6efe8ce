"""Writing a workflow on the screen: break it, mend it, see its graph, save it, run it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.rig.browser import log_in, overflow, region, violations
from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """As it comes: no model is configured, the demo model works."""
    with Stack("embedded") as running:
        yield running


def text_box(page: Page) -> None:
    """Wait until the text can be written, and put the cursor at its end."""
    box = page.get_by_role("textbox", name="Definition, YAML")
    box.click()
    page.keyboard.press("Control+End")


def test_a_workflow_is_written_broken_mended_saved_and_run(stack: Stack, client: Client, page: Page) -> None:
    refused: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            refused.append(message.text)

    page.on("console", note)
    log_in(page, stack.url)
    page.goto(f"{stack.url}/workflows")
    page.get_by_role("link", name="New workflow").click()
    problems, graph = region(page, "Problems"), region(page, "Graph")
    expect(problems).to_contain_text("No problems")
    expect(graph.get_by_role("button", name=re.compile("^Approve"))).to_be_visible()
    assert violations(page) == []

    text_box(page)
    page.keyboard.insert_text(
        "  - key: tell\n    needs: [aprove]\n    command: text.summarise\n    with: {text: done}\n"
    )
    wrong = problems.get_by_role("button", name=re.compile("did you mean 'approve'"))
    expect(wrong).to_contain_text("steps[2].needs[0]")
    expect(page.get_by_text("This is how it was before line", exact=False)).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_have_text("aprove")
    wrong.click()
    expect(page.locator(".cm-activeLine")).to_contain_text("needs: [aprove]")
    page.keyboard.press("Delete")
    page.keyboard.insert_text("ap")
    expect(problems).to_contain_text("No problems")
    expect(graph.get_by_role("button", name=re.compile("^Tell"))).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Edit New workflow")
    saved = client.get("workflows/new-workflow/")
    assert [step["key"] for step in saved["steps"]] == ["first", "approve", "tell"]

    text_box(page)
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.type(" of ours")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Save version 2")
    expect(dialog).to_contain_text("name: New workflow of ours")
    assert violations(page) == []
    expect(dialog.get_by_role("button", name="Save version 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()

    page.get_by_role("button", name="Run", exact=True).click()
    start = page.get_by_role("dialog", name="Run New workflow of ours")
    start.get_by_label("Text").fill("It rattles.")
    start.get_by_role("button", name="Start run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("New workflow of ours #1")
    assert refused == []


def test_a_version_saved_elsewhere_is_shown_and_not_overwritten(
    stack: Stack, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/workflows/release/edit")
    text_box(page)
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.type(" mine")
    theirs = client.get("workflows/release/")["source"].replace("name: Release", "name: Release theirs", 1)
    client.post("workflows/release/versions/", {"source": theirs})
    expect(page.get_by_text("admin saved version 2")).to_be_visible()
    page.get_by_role("button", name="Compare with mine").click()
    dialog = page.get_by_role("dialog", name="Save on top of version 2?")
    expect(dialog).to_contain_text("name: Release theirs")
    expect(dialog).to_contain_text("name: Release mine")
    dialog.get_by_role("button", name="Keep editing").click()
    page.get_by_role("button", name="Drop mine and load it").click()
    expect(page.get_by_role("textbox", name="Definition, YAML")).to_contain_text("name: Release theirs")

    page.goto(f"{stack.url}/workflows/release?tab=versions")
    rows = page.get_by_role("list", name="Versions").get_by_role("listitem")
    expect(rows).to_have_count(2)
    rows.nth(1).get_by_role("button", name="Use again").click()
    page.get_by_role("dialog").get_by_role("button", name="Use again").click()
    expect(rows).to_have_count(3)
    assert client.get("workflows/release/")["name"] == "Release"


def test_the_editor_is_left_by_escape_and_tab_and_fits_a_phone(stack: Stack, page: Page) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/workflows/release/edit")
    text_box(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Definition, YAML")).not_to_be_focused()
    page.set_viewport_size({"width": 375, "height": 812})
    for name in ("Text", "Graph", "Problems"):
        page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
        assert overflow(page) <= 0
        assert violations(page) == []
