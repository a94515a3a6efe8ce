"""Two web, two worker and two engine processes: browsers on different web processes see one truth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.rig.browser import agent, connection, log_in, mark, region, reloaded, run_row
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def stack(model: ModelServer) -> Iterator[Stack]:
    with Stack("server", webs=2, workers=2, engines=2, env=model.env) as running:
        yield running


@pytest.fixture
def elsewhere(browser: Browser) -> Iterator[Page]:
    """Another browser: a profile is signed in on every port of its host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def test_a_change_through_one_web_process_is_seen_on_the_other(
    stack: Stack, model: ModelServer, client: Client, page: Page, elsewhere: Page
) -> None:
    other = elsewhere
    log_in(page, stack.urls[0])
    log_in(other, stack.urls[1])
    model.hold()
    run = client.start("bug-lifecycle")
    model.wait_at_work(1)
    for each in (page, other):
        expect(agent(each, "Triager")).to_contain_text("Busy")
    model.release()
    assert client.wait_run(run["id"])["status"] == "completed"
    for each in (page, other):
        expect(run_row(each, run)).to_contain_text("Completed")


def test_a_lost_redis_does_not_leave_a_dashboard_behind(
    stack: Stack, model: ModelServer, client: Client, page: Page
) -> None:
    assert stack.redis is not None
    log_in(page, stack.urls[1])
    mark(page)
    model.hold()
    run = client.start("release")
    model.wait_at_work(1)
    stack.redis.lose_everything()
    model.release()
    assert client.wait_run(run["id"])["status"] == "completed"
    expect(run_row(page, run)).to_contain_text("Completed", timeout=30_000)
    expect(region(page, "Agents").get_by_text("Idle", exact=True)).to_have_count(16)
    expect(connection(page)).to_have_text("Connected")
    assert not reloaded(page)
