"""Signing in, and a dashboard on which every change appears by itself."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.rig.browser import agent, connection, log_in, mark, region, reloaded, run_row
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack


def test_login_leads_to_a_dashboard_with_sixteen_agents(stack: Stack, page: Page) -> None:
    log_in(page, stack.url)
    expect(page.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()
    expect(connection(page)).to_have_text("Connected")
    expect(region(page, "Agents").get_by_role("listitem")).to_have_count(16)
    figures = page.get_by_role("list", name="Figures")
    expect(figures).to_contain_text(re.compile(r"16\s*of 16 active"))
    for card in ("Agents", "Workflows", "Commands", "Response time"):
        expect(figures).to_contain_text(card)


def test_a_wrong_password_is_answered_in_words_and_a_session_survives_a_reload(
    stack: Stack, page: Page
) -> None:
    page.goto(stack.url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    log_in(page, stack.url)
    page.reload()
    expect(connection(page)).to_have_text("Connected")
    expect(page.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()


def test_signing_out_ends_the_session(stack: Stack, page: Page) -> None:
    log_in(page, stack.url)
    page.get_by_role("button", name="Account: admin").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(f"{stack.url}/agents")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_agents_status_and_task_change_by_themselves(
    stack: Stack, model: ModelServer, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    mark(page)
    expect(agent(page, "Triager")).to_contain_text("Idle")
    model.hold()
    run = client.start("bug-lifecycle")
    model.wait_at_work(1)
    expect(agent(page, "Triager")).to_contain_text("Busy")
    expect(agent(page, "Triager")).to_contain_text(re.compile("Triage the report|Check for gaps"))
    model.release()
    client.wait_run(run["id"])
    expect(agent(page, "Triager")).to_contain_text("Idle")
    assert not reloaded(page)


def test_a_runs_progress_grows_on_the_dashboard(
    stack: Stack, model: ModelServer, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    model.hold()
    run = client.start("release")
    model.wait_at_work(1)
    row = run_row(page, run)
    expect(row).to_contain_text("Running")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^\d+$"))
    model.release()
    client.wait_run(run["id"])
    expect(row).to_contain_text("Completed")


def test_two_browsers_show_the_same(
    stack: Stack, model: ModelServer, client: Client, context: BrowserContext, page: Page
) -> None:
    other_context = context.browser
    assert other_context is not None
    second = other_context.new_context(viewport={"width": 1440, "height": 900})
    try:
        other = second.new_page()
        for each in (page, other):
            log_in(each, stack.url)
        model.hold()
        runs = [client.start("bug-lifecycle"), client.start("release")]
        model.wait_at_work(3)
        busy = [a["name"] for a in client.dashboard("agents/") if a["status"] == "busy"]
        for each in (page, other):
            for name in busy:
                expect(agent(each, name)).to_contain_text("Busy")
        model.release()
        for run in runs:
            client.wait_run(run["id"])
            for each in (page, other):
                expect(run_row(each, run)).to_contain_text("Completed")
        for each in (page, other):
            expect(region(each, "Agents").get_by_text("Idle", exact=True)).to_have_count(16)
    finally:
        second.close()


def test_figures_and_charts_have_history_after_a_reload(stack: Stack, client: Client, page: Page) -> None:
    client.wait_run(client.start("release")["id"])
    log_in(page, stack.url)
    page.reload()
    expect(region(page, "Command runs finished per minute").get_by_role("img")).to_be_visible()
    stats = client.dashboard("stats/")
    total = re.compile(rf"{stats['total_workflows']} runs? in total")
    expect(page.get_by_role("list", name="Figures")).to_contain_text(total)
