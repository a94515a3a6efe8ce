"""Connecting an agent as a person does it: choose, make a key, paste, and see it arrive."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.rig.browser import log_in, mark, region, reloaded
from tests.rig.stack import ROOT, Stack


def test_a_pasted_script_turns_the_page_green_and_its_agent_is_there(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    log_in(page, stack.url)
    page.get_by_role("link", name="Agents").first.click()
    page.get_by_role("link", name="Connect an agent").click()
    expect(page.get_by_role("heading", name="Connect an agent", level=1)).to_be_visible()
    mark(page)
    page.get_by_role("button", name="Make a key").click()
    signal_card = region(page, "4. Its first signal")
    expect(signal_card).to_contain_text("Waiting for the first signal")
    pasted = region(page, "Shell").locator("pre").inner_text()
    assert (ROOT / "examples" / "agent.sh").read_text() in pasted
    program = subprocess.Popen(["sh", "-c", pasted], cwd=tmp_path, start_new_session=True)
    try:
        expect(signal_card).to_contain_text("Your agent is here")
        signal_card.get_by_role("link", name="shell-agent").click()
        expect(page.get_by_role("heading", name="shell-agent", level=1)).to_be_visible()
        assert not reloaded(page)
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def test_a_rotated_key_is_shown_once_and_stands_in_its_chain(stack: Stack, page: Page) -> None:
    client = stack.client()
    old = client.post("keys/", {"name": "to rotate", "scopes": ["read"]})
    log_in(page, stack.url)
    page.goto(f"{stack.url}/keys")
    page.get_by_role("button", name="Rotate to rotate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Rotate key").click()
    expect(dialog).to_contain_text("The old key works until")
    text = dialog.locator("pre").inner_text()
    for key in (old["key"], text):
        answer = client.http.get("/api/v1/me/", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text(text)).to_have_count(0)
    expect(page.get_by_text("Replaced by")).to_be_visible()
    client.request("DELETE", f"keys/{old['id']}/")
    # Told live, and away from the list of keys in use.
    expect(page.get_by_text("Replaced by")).to_have_count(0)
