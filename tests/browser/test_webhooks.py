"""A webhook from its first form to a delivery that died and is sent again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.keyboard import press, tab_to
from tests.rig.answering import Answering, answering, http
from tests.rig.browser import log_in, violations
from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def receiver() -> Iterator[Answering]:
    with answering(http(200, {"heard": "<b>yes</b>"})) as server:
        yield server


@pytest.fixture(scope="module")
def stack(receiver: Answering) -> Iterator[Stack]:
    env = {"MC_OUTBOUND_ALLOW": receiver.address, "MC_OUTBOUND_PORTS": str(receiver.port)}
    with Stack("embedded", env=env) as running:
        yield running


def test_it_is_made_tried_given_up_and_what_died_is_sent_again(
    stack: Stack, client: Client, receiver: Answering, page: Page
) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/webhooks")
    page.get_by_role("button", name="New webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create webhook").click()
    expect(dialog.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Name").fill("Ours")
    dialog.get_by_label("Address").fill("ftp://nowhere")
    dialog.get_by_role("button", name="Create webhook").click()
    expect(dialog.locator("[id$=error]")).not_to_have_count(0)
    dialog.get_by_label("Address").fill(f"{receiver.url}hook")
    assert violations(page) == []
    dialog.get_by_role("button", name="Create webhook").click()
    secret = dialog.get_by_text("whsec_").first
    expect(secret).to_be_visible()
    dialog.get_by_role("button", name="Done").click()

    page.get_by_role("button", name="Send a test event to Ours").click()
    expect(page.get_by_text("The test event arrived")).to_be_visible()
    expect(page.get_by_text("<b>yes</b>")).to_be_visible()

    receiver.reply = http(410)
    client.wait_run(client.start("bug-lifecycle")["id"])
    page.get_by_role("link", name="Ours").click()
    expect(page.get_by_role("tab", name="Dead 1")).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Dead 1").click()
    receiver.reply = http(200)
    page.get_by_role("switch").click()
    page.get_by_role("list", name="Deliveries").get_by_role("button").first.click()
    expect(dialog.get_by_text("The receiver wants no more of these (410).")).to_be_visible()
    assert violations(page) == []
    dialog.get_by_role("button", name="Send again").click()
    dialog.get_by_role("button", name="Close").last.click()
    page.get_by_role("tab", name="Sent").click()
    expect(page.get_by_role("list", name="Deliveries")).to_contain_text("run.finished", timeout=60_000)
    sent = receiver.asked[-1]
    assert {one.headers["webhook-id"] for one in receiver.asked[-2:]} == {sent.headers["webhook-id"]}


def test_kinds_are_found_by_a_word_and_chosen_by_keyboard(stack: Stack, page: Page) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/webhooks")
    press(page, page.get_by_role("button", name="New webhook"))
    dialog = page.get_by_role("dialog")
    tab_to(page, dialog.get_by_label("Find a kind"))
    page.keyboard.type("approval")
    expect(dialog.get_by_role("group", name="Run", exact=True)).to_have_count(0)
    chosen = dialog.get_by_role("checkbox", name="approval.opened")
    press(page, chosen, "Space")
    expect(chosen).to_be_checked()
    tab_to(page, dialog.get_by_label("Find a kind"))
    for _ in "approval":
        page.keyboard.press("Backspace")
    expect(dialog.get_by_role("checkbox", name=re.compile("^run.finished"))).to_be_checked()
    expect(chosen).to_be_checked()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="New webhook")).to_be_focused()
