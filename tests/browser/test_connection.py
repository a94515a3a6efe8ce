"""A server that dies and a network that goes away: the screen says so, then catches up by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.rig.browser import agent, connection, log_in, mark, region, reloaded, run_row
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.proxy import Proxy
from tests.rig.stack import Stack

AWAY = re.compile("Reconnecting|Stale since")


@pytest.fixture
def wire(stack: Stack) -> Iterator[Proxy]:
    with Proxy(stack.ports[0]) as proxy:
        yield proxy


def test_a_killed_server_is_announced_and_the_page_catches_up_without_a_reload(
    stack: Stack, model: ModelServer, client: Client, page: Page
) -> None:
    log_in(page, stack.url)
    mark(page)
    model.hold()
    run = client.start("bug-lifecycle")
    model.wait_at_work(1)
    expect(agent(page, "Triager")).to_contain_text("Busy")
    stack.webs[0].kill()
    expect(connection(page)).to_contain_text(AWAY)
    model.release()
    stack.start_web()
    expect(connection(page)).to_have_text("Connected", timeout=45_000)
    assert client.wait_run(run["id"])["status"] == "completed"
    expect(run_row(page, run)).to_contain_text("Completed")
    expect(region(page, "Agents").get_by_text("Idle", exact=True)).to_have_count(16)
    assert not reloaded(page)


def test_offline_and_back_shows_what_happened_meanwhile(
    stack: Stack, client: Client, wire: Proxy, page: Page
) -> None:
    log_in(page, wire.url)
    mark(page)
    wire.cut()
    page.context.set_offline(True)
    expect(connection(page)).to_contain_text(AWAY)
    run = client.wait_run(client.start("release")["id"])
    expect(connection(page)).to_contain_text(AWAY)
    wire.heal()
    page.context.set_offline(False)
    expect(connection(page)).to_have_text("Connected", timeout=30_000)
    expect(run_row(page, run)).to_contain_text("Completed")
    assert not reloaded(page)
