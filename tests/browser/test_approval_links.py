"""The page behind a signed link of an e-mail, as somebody without an account sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.keyboard import press, tab_to
from tests.rig.browser import overflow, violations
from tests.rig.client import Client
from tests.rig.mailbox import Mailbox, mailbox
from tests.rig.stack import Stack
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture(scope="module")
def stack(box: Mailbox) -> Iterator[Stack]:
    env = {"MC_EMAIL_URL": box.url, "MC_EMAIL_FROM": "mc@example.org"}
    made = Stack("embedded", env=env)
    made.extra(MC_PUBLIC_URL=made.url)
    with made as running:
        yield running


def asked(client: Client, box: Mailbox, slug: str, **question: Any) -> tuple[dict[str, Any], str]:
    """A run that waits for one decision, and the link that was sent for it."""
    before = len(box.messages)
    told = {"title": "Ship <b>it</b>?", "notify": {"emails": ["ada@example.org"]}}
    steps = [{"key": "ask", "approval": told | question}]
    client.post("workflows/", {"source": json.dumps({"name": slug, "slug": slug, "steps": steps})})
    run = client.start(slug)
    until(lambda: len(box.messages) > before, 60, "the e-mail")
    body = box.messages[before].get_body()
    assert isinstance(body, EmailMessage)
    found = re.search(r"http://\S+/approve/\S+", str(body.get_content()))
    assert found
    return run, found[0]


def test_a_link_approves_once_by_keyboard_without_an_account(
    client: Client, box: Mailbox, page: Page
) -> None:
    run, link = asked(client, box, "linked")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Ship <b>it</b>?")
    assert violations(page) == []
    tab_to(page, page.get_by_label("Comment"))
    page.keyboard.type("Looks right.")
    press(page, page.get_by_role("button", name="Approve"))
    expect(page.get_by_role("status")).to_contain_text("Your decision is kept")
    assert client.wait_run(run["id"])["status"] == "completed"
    page.goto(link)
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("listitem")).to_contain_text("Looks right.")
    expect(page.get_by_role("listitem")).to_contain_text("ada@example.org (by link)")
    assert violations(page) == []


def test_whoever_comes_second_is_told_of_the_first(
    client: Client, box: Mailbox, browser: Browser, page: Page
) -> None:
    _, link = asked(client, box, "twice")
    context = browser.new_context(viewport={"width": 375, "height": 812}, color_scheme="dark")
    try:
        second = context.new_page()
        for each in (page, second):
            each.goto(link)
        assert overflow(second) == 0
        assert violations(second) == []
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_role("status")).to_contain_text("rejected")
        second.get_by_role("button", name="Approve").click()
        expect(second.get_by_role("alert")).to_be_visible()
        expect(second.get_by_role("listitem")).to_contain_text("Rejected")
        expect(second.get_by_role("button")).to_have_count(0)
    finally:
        context.close()


def test_an_expired_question_and_a_forged_link_offer_no_buttons(
    client: Client, box: Mailbox, page: Page
) -> None:
    run, link = asked(client, box, "late", expires_seconds=1)
    client.wait_run(run["id"])
    page.goto(link)
    expect(page.get_by_role("status")).to_contain_text("expired")
    expect(page.get_by_role("button")).to_have_count(0)
    assert violations(page) == []
    page.goto(f"{link[:-4]}xxx/")
    expect(page.get_by_role("alert")).to_contain_text("This link is not valid.")
    expect(page.get_by_role("button")).to_have_count(0)
    assert violations(page) == []
