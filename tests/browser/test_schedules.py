"""What starts runs without anybody at the screen: a schedule by a clock, a trigger by a signed call."""

from __future__ import annotations

import re
import subprocess

from playwright.sync_api import Page, expect

from tests.browser.keyboard import press, tab_to
from tests.rig.browser import log_in, violations
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until


def test_a_schedule_is_made_by_keyboard_shows_its_next_moments_and_is_disabled(
    stack: Stack, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/schedules")
    press(page, page.get_by_role("button", name="New schedule"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Workflow").locator("option")).not_to_have_count(1)
    tab_to(page, dialog.get_by_label("Workflow"))
    page.keyboard.type("Bug")
    tab_to(page, dialog.get_by_label("Name"))
    page.keyboard.type("Last Sunday")
    tab_to(page, dialog.get_by_role("textbox", name="When"))
    page.keyboard.type("30 2 25-31 3 SUN")
    expect(dialog.get_by_role("status", name="The next five moments")).to_contain_text("02:30")
    zone = dialog.get_by_label("Time zone")
    tab_to(page, zone)
    page.keyboard.press("Control+a")
    page.keyboard.type("Europe/Berlim")
    expect(zone).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Backspace")
    page.keyboard.type("n")
    # That night the clock goes from 2:00 to 3:00, so half past two is no moment of it.
    moments = dialog.get_by_role("status", name="The next five moments").get_by_role("listitem")
    expect(moments).to_have_count(5)
    assert all("2:30" in each or "3:30" in each or "3:00" in each for each in moments.all_inner_texts())
    assert violations(page) == []
    tab_to(page, dialog.get_by_role("button", name="Create schedule"))
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    row = page.get_by_role("list", name="Schedules").get_by_role("listitem").filter(has_text="Last Sunday")
    expect(row).to_contain_text("Europe/Berlin")
    made = client.get("schedules/")["results"][0]
    expect(row.locator(f'time[datetime="{made["next_at"]}"]')).to_have_count(1)
    press(page, row.get_by_role("switch"), "Space")
    expect(row).to_contain_text("Disabled")
    assert client.get("schedules/")["results"][0]["next_at"] is None
    press(page, row.get_by_role("switch"), "Space")
    expect(row).not_to_contain_text("Disabled")
    assert violations(page) == []


def test_a_trigger_shows_its_secret_once_and_the_pasted_script_starts_a_run(
    stack: Stack, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/schedules?tab=triggers")
    page.get_by_role("button", name="New trigger").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Workflow").select_option("bug-lifecycle")
    dialog.get_by_label("Name").fill("Issues")
    dialog.get_by_label("Only if").fill("body.title ==")
    dialog.get_by_role("button", name="Create trigger").click()
    expect(dialog.get_by_label("Only if")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Only if").fill("body.title == 'It broke'")
    needed = client.get("workflows/bug-lifecycle/")["input"]["required"][0]
    dialog.get_by_label("Input of its runs").fill(f'{{"{needed}": "${{{{ body.title }}}}"}}')
    dialog.get_by_role("button", name="Create trigger").click()
    script = dialog.locator("pre").last.inner_text()
    secret = re.search(r"whsec_\S+(?=')", script)
    assert secret
    assert violations(page) == []
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text(secret[0])).to_have_count(0)
    subprocess.run(["sh", "-c", script], check=True, capture_output=True, timeout=30)
    [run] = until(
        lambda: [one for one in client.get("runs/")["results"] if one["workflow"] == "bug-lifecycle"],
        30,
        "the run of the trigger",
    )
    page.goto(f"{stack.url}/runs/{run['id']}")
    expect(page.get_by_role("link", name="Issues")).to_be_visible()
    assert client.run(run["id"])["input"][needed] == "It broke"
