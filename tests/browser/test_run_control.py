"""A hand on a run: approve it, hold it, stop everything, and read what is logged while it happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.rig.browser import log_in, region, violations, watch
from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demo model works, and a lease outlasts what a browser needs to open a page."""
    with Stack("embedded", env={"MC_LEASE_SECONDS": "60"}) as running:
        yield running


@pytest.fixture
def second(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Somebody else who looks on, in a browser of their own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    errors = watch(page)
    log_in(page, stack.url)
    yield page
    context.close()
    assert errors == []


def title(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def test_an_approval_from_the_inbox_lets_the_run_go_on(
    stack: Stack, client: Client, page: Page, second: Page
) -> None:
    log_in(page, stack.url)
    run = client.start("guarded-release")
    second.goto(f"{stack.url}/runs/{run['id']}")
    expect(title(second)).to_contain_text("Waiting", timeout=60_000)
    page.goto(f"{stack.url}/approvals")
    page.get_by_role("button", name="Approve", exact=True).first.click()
    dialog = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
    if dialog.count():
        dialog.get_by_role("button", name="Approve").click()
    expect(title(second)).not_to_contain_text("Waiting", timeout=60_000)


def test_a_pause_is_seen_by_everybody_and_undone_by_a_resume(
    stack: Stack, client: Client, page: Page, second: Page
) -> None:
    log_in(page, stack.url)
    run = client.start("feature-development")
    for each in (page, second):
        each.goto(f"{stack.url}/runs/{run['id']}")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(title(second)).to_contain_text("Paused")
    second.get_by_role("button", name="Resume", exact=True).click()
    expect(title(page)).not_to_contain_text("Paused")
    assert client.wait_run(run["id"])["status"] == "completed"


def test_everything_is_stopped_and_released_in_one_click_each(
    stack: Stack, client: Client, page: Page, second: Page
) -> None:
    log_in(page, stack.url)
    page.get_by_role("button", name="Stop everything").click()
    dialog = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
    dialog.get_by_role("button", name="Stop everything").click()
    expect(region(second, "Everything is paused")).to_be_visible()
    run = client.start("bug-lifecycle")
    second.goto(f"{stack.url}/runs/{run['id']}")
    graph = region(second, "Graph").bounding_box()
    banner = region(second, "Everything is paused").bounding_box()
    assert graph
    assert banner
    second.mouse.wheel(0, 2000)
    expect(region(second, "Everything is paused")).to_be_visible()
    graph = region(second, "Graph").bounding_box()
    assert graph
    assert graph["y"] >= banner["y"] + banner["height"]
    region(second, "Everything is paused").get_by_role("button", name="Resume").click()
    expect(region(page, "Everything is paused")).to_have_count(0)
    assert client.wait_run(run["id"])["status"] == "completed"


class Agent:
    """An external agent that holds one command run."""

    def __init__(self, people: Client) -> None:
        key = people.post("keys/", {"name": "logger", "scopes": ["agent"]})["key"]
        self.http = httpx.Client(
            base_url=f"{people.base}/api/v1/", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        about = {"name": "logger", "type": "script", "capabilities": ["summarising"]}
        self.id = self._post("agents/register/", about)["id"]
        command = next(
            one for one in people.get("commands/?limit=100")["results"] if one["capability"] == "summarising"
        )
        order = {"command": command["name"], "input": _example(command["parameters"])}
        people.post(f"agents/{self.id}/command-runs/", order)
        self.work = self._post(f"agents/{self.id}/claims/?wait=25", {})["command_run"]

    def close(self) -> None:
        self.http.close()

    def log(self, *texts: str, level: str = "info") -> None:
        self._tell("logs", lines=[{"text": text, "level": level} for text in texts])

    def finish(self) -> None:
        self._tell("result", output={"text": "done"})

    def _tell(self, what: str, **said: Any) -> None:
        self._post(f"command-runs/{self.work['id']}/{what}/", {"fence": self.work["fence"], **said})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()


def _example(schema: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(schema.get("required", []), "x")


@pytest.fixture
def agent(client: Client) -> Iterator[Agent]:
    holder = Agent(client)
    yield holder
    holder.close()


def test_lines_arrive_in_the_open_log_and_are_there_after_a_reload(
    stack: Stack, agent: Agent, page: Page
) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/command-runs/{agent.work['id']}")
    log = region(page, "Lines of the log")
    expect(log).to_contain_text("Attempt 1 started by logger")
    agent.log(*(f"line {number}" for number in range(300)))
    expect(log).to_contain_text("line 299")
    agent.log("it broke", level="error")
    expect(log).to_contain_text("it broke")
    page.get_by_label("Level").select_option("error")
    expect(log).not_to_contain_text("line 299")
    assert violations(page) == []
    page.reload()
    expect(log).to_contain_text("it broke")
    agent.finish()
    expect(log).to_contain_text("Completed")


def test_two_runs_are_compared(stack: Stack, client: Client, page: Page) -> None:
    log_in(page, stack.url)
    runs = [client.wait_run(client.start("bug-lifecycle")["id"]) for _ in range(2)]
    page.goto(f"{stack.url}/runs/{runs[1]['id']}")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_label("First run")).to_have_value(runs[0]["id"])
    page.get_by_label("Only different").uncheck()
    rows = page.get_by_role("list", name="Steps of both runs").get_by_role("listitem")
    expect(rows).to_have_count(len(runs[0]["steps"]))
    assert violations(page) == []
