"""One installation and one Chromium for each file of flows; a picture is kept when a flow fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.rig.browser import chromium, keep, watch
from tests.rig.client import Client
from tests.rig.model import ModelServer
from tests.rig.stack import Stack

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def stack(model: ModelServer) -> Iterator[Stack]:
    with Stack("embedded", env=model.env) as running:
        yield running


@pytest.fixture(autouse=True)
def whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that failed shows the logs, and must not hold up or starve the next one."""
    yield
    if "model" in request.fixturenames:
        request.getfixturevalue("model").release()
    if "stack" in request.fixturenames and request.node.stash.get(FAILED, False):
        running: Stack = request.getfixturevalue("stack")
        print(running.logs())
        for index, web in enumerate(running.webs):
            if not web.alive:
                running.start_web(index)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    fresh = browser.new_context(viewport={"width": 1440, "height": 900})
    yield fresh
    if request.node.stash.get(FAILED, False):
        keep(fresh, request.node.name)
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not report an error of its own by the end of the test."""
    opened = context.new_page()
    errors = watch(opened)
    yield opened
    assert errors == []


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    signed_in = stack.client()
    yield signed_in
    signed_in.close()
