"""What telemetry tells, from an export to its session, a span's detail and the run it belongs to."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.keyboard import press
from tests.rig.browser import log_in, overflow, violations, watch
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

TRACE = "5b8efff798038103d269b633813fc60c"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u202egnp.exe"


def of(**values: str | int) -> list[dict[str, Any]]:
    return [
        {
            "key": name.replace("__", "."),
            "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)},
        }
        for name, value in values.items()
    ]


def span(number: int, parent: int, name: str, seconds: tuple[int, int], **facts: Any) -> dict[str, Any]:
    now = time.time_ns()
    begin, end = (now - second * 1_000_000_000 for second in seconds)
    return {
        "traceId": TRACE,
        "spanId": f"eee19b7ec3c1b1{number:02x}",
        "parentSpanId": f"eee19b7ec3c1b1{parent:02x}" if parent else "",
        "name": name,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(end),
        "attributes": of(**facts.pop("attributes")),
        **facts,
    }


@pytest.fixture(scope="module")
def told(stack: Stack) -> None:
    """A session of one activity: an agent, a model call and a tool that failed, with hostile texts."""
    client = stack.client()
    key = client.post("keys/", {"name": "telemetry", "scopes": ["ingest"]})["key"]
    many = {f"lab__fact{number}": f"value {number}" for number in range(10)}
    spans = [
        span(1, 0, "invoke_agent Surveyor", (9, 1), attributes={
            "gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": "Surveyor",
            "gen_ai__conversation__id": "survey-7", "mc__task__title": "Survey three harbours",
        }),
        span(2, 1, "chat gpt-5-mini", (8, 4), attributes={
            "gen_ai__operation__name": "chat", "gen_ai__request__model": "no-such-model",
            "gen_ai__usage__input_tokens": 1200, "gen_ai__usage__output_tokens": 300, **many,
        }),
        span(3, 1, "execute_tool soundings", (4, 2), status={"code": 2, "message": HOSTILE}, attributes={
            "gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": HOSTILE,
            "gen_ai__tool__call__arguments": f'{{"harbour": {HOSTILE!r}}}', "lab__note": HOSTILE,
        }),
    ]  # fmt: skip
    resource = {"attributes": of(service__name="survey")}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    answer = httpx.post(f"{stack.url}/v1/traces", json=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text

    def is_whole() -> bool:
        found = client.get("sessions/")["results"]
        return bool(found) and found[0]["input_tokens"] == 1200

    until(is_whole, 60, "the session to be read")


@pytest.mark.usefixtures("told")
def test_a_session_opens_to_its_spans_and_a_span_to_its_detail_by_keyboard(stack: Stack, page: Page) -> None:
    faults = watch(page)
    log_in(page, stack.url)
    page.goto(f"{stack.url}/sessions")
    page.get_by_role("link", name="survey-7").click()
    activity = page.get_by_role("button", name=re.compile("Survey three harbours"))
    press(page, activity)
    spans = page.get_by_role("list", name="Spans").get_by_role("button")
    expect(spans).to_have_count(3)
    assert violations(page) == []
    press(page, spans.nth(1))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1,200 in, 300 out")
    expect(dialog).to_contain_text("unknown: nobody told it")
    dialog.get_by_label("Search attributes").fill("fact7")
    expect(dialog.get_by_text("value 7")).to_be_visible()
    expect(dialog.get_by_text("value 8")).to_have_count(0)
    assert violations(page) == []
    address = page.url
    assert "span=" in address
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(spans.nth(1)).to_be_focused()
    page.goto(address)
    expect(page.get_by_role("dialog")).to_contain_text("1,200 in, 300 out")
    assert faults == []


@pytest.mark.usefixtures("told")
def test_what_a_span_says_is_text_and_nothing_else(stack: Stack, page: Page) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/sessions/survey-7")
    page.get_by_role("button", name=re.compile("Survey three harbours")).click()
    page.get_by_role("list", name="Spans").get_by_role("button").nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("region", name="Arguments")).to_contain_text("<img src=x")
    expect(dialog.get_by_role("region", name=re.compile("Attributes"))).to_contain_text("<script>")
    assert dialog.locator("img, script").count() == 0
    assert "taken" not in page.title()
    assert "\u202e" not in dialog.inner_text()
    assert violations(page) == []


@pytest.mark.usefixtures("told")
def test_on_a_phone_nothing_is_wider_than_the_screen(stack: Stack, page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    log_in(page, stack.url)
    for path in ("/sessions", "/sessions/survey-7"):
        page.goto(stack.url + path)
        page.wait_for_selector("h1")
        assert overflow(page) == 0
    page.get_by_role("button", name=re.compile("Survey three harbours")).click()
    page.get_by_role("list", name="Spans").get_by_role("button").nth(2).click()
    expect(page.get_by_role("dialog").get_by_role("region", name="Arguments")).to_be_visible()
    assert overflow(page) == 0
    assert violations(page) == []


@pytest.mark.usefixtures("told")
def test_a_span_that_is_no_more_is_told_so(stack: Stack, page: Page, client: Client) -> None:
    log_in(page, stack.url)
    page.goto(f"{stack.url}/sessions/survey-7?span=999999999")
    expect(page.get_by_role("dialog")).to_contain_text("This span could not be loaded")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "span=" not in page.url
