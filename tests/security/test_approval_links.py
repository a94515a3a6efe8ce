"""sec_28 and sec_21: a link opens one approval, cannot be made by others, and stays out of logs;
its page holds what strangers wrote and runs none of it."""

from __future__ import annotations

import base64
import logging
import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.signing import TimestampSigner
from django.test import Client

from apps.accounts.models import Project
from apps.workflows import links, services
from apps.workflows.models import Approval, ApprovalDecision, Notice
from config.logging import redact
from tests.rig.mailbox import Mailbox, mailbox
from tests.workflows.acting import make_project
from tests.workflows.telling import ask, asking, configure, link_of, press, send

pytestmark = pytest.mark.django_db

ADA = "ada@example.org"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7|add:7 }}{% debug %}",
    "javascript:alert(1)",
    "</textarea><svg onload=alert(1)>",
    "&lt;b&gt;\u202eevil\u200b",
]


OURS = {
    *("html", "head", "meta", "title", "link", "body", "main", "p", "h1", "h2", "pre", "section", "ul", "li"),
    *("strong", "span", "br", "form", "div", "label", "input", "textarea", "button", "a"),
}


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.texts: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}

    def handle_data(self, data: str) -> None:
        if self._open != "textarea":
            self.texts.append(data)


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with mailbox() as found:
        configure(settings, found)
        yield found


@pytest.fixture
def opened(project: Project, box: Mailbox) -> tuple[Approval, str]:
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    send()
    return approval, link_of(box)


def test_sec_28_a_changed_or_foreign_link_opens_nothing(opened: tuple[Approval, str]) -> None:
    _, link = opened
    token = link.split("/")[2]
    named, stamp, signature = token.split(".")
    other = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    forged = [
        f"{other}.{stamp}.{signature}",
        f"{named}.{stamp}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        f"{named}.{stamp}.",
        f"{named}.zzzzzz.{signature}",
        f"{named}.{signature}",
        named,
        "a.b.c",
        "...",
        "x" * 5000,
        TimestampSigner(salt="another purpose", sep=".").sign(named),
        TimestampSigner(key="k" * 50, salt=links.SALT, sep=".").sign(named),
        TimestampSigner(salt=links.SALT, sep=".").sign("not base64 ☃"),
        TimestampSigner(salt=links.SALT, sep=".").sign(other),
    ]
    for one in forged:
        for answer in (Client().get(f"/approve/{one}/"), press(f"/approve/{one}/")):
            assert answer.status_code == 404, one
            assert b"Ship it?" not in answer.content
    assert Client().get("/approve/").status_code == 404
    assert not ApprovalDecision.objects.exists()
    assert press(link).status_code == 200


def test_sec_28_each_link_is_of_one_receiver_and_one_question(project: Project, box: Mailbox) -> None:
    _, first = ask(asking(project, notify={"emails": [ADA]}))
    _, second = ask(asking(project, notify={"emails": [ADA]}))
    send()
    assert link_of(box, 0) != link_of(box, 1)
    press(link_of(box, 0))
    first.refresh_from_db()
    second.refresh_from_db()
    assert {first.state, second.state} == {"open", "approved"}


def test_sec_28_a_link_gives_no_other_access(opened: tuple[Approval, str]) -> None:
    approval, link = opened
    client = Client()
    assert client.get(link).status_code == 200
    assert client.cookies == {}
    token = link.split("/")[2]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Token {token}"}):
        assert client.get(f"/api/v1/approvals/{approval.pk}/", headers=headers).status_code == 401


def test_sec_21_a_link_is_in_no_log(opened: tuple[Approval, str], caplog: pytest.LogCaptureFixture) -> None:
    _, link = opened
    token = link.split("/")[2]
    for line in (f"GET {link} 200", f"Not Found: {link}", f'{{"path": "{link}"}}', f"https://x{link}?a=1"):
        assert token not in redact(line)
        assert "/approve/[redacted]" in redact(line)
    with caplog.at_level(logging.DEBUG):
        Client().get(link)
        press(link)
        press(link)
        Client().get(link + "more/")
    handler_lines = [redact(record.getMessage()) for record in caplog.records]
    assert not any(token in line for line in handler_lines)


def test_sec_21_a_link_is_stored_nowhere(project: Project, opened: tuple[Approval, str]) -> None:
    from django.core.management import call_command

    _, link = opened
    token = link.split("/")[2]
    press(link)
    import io

    dump = io.StringIO()
    call_command("dumpdata", "workflows", "events", "monitoring", stdout=dump)
    assert token not in dump.getvalue()
    assert token.split(".")[2] not in dump.getvalue()


def test_sec_15_the_page_allows_nothing_but_its_style_and_its_form(opened: tuple[Approval, str]) -> None:
    _, link = opened
    for answer in (Client().get(link), press(link, "none"), Client().get("/approve/wrong/")):
        directives = {part.strip() for part in answer["Content-Security-Policy"].split(";") if part.strip()}
        assert directives == {
            *("default-src 'none'", "style-src 'self'", "form-action 'self'"),
            *("frame-ancestors 'none'", "base-uri 'none'"),
        }
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Frame-Options"] == "DENY"
        page = answer.content.decode()
        assert "<script" not in page
        assert not re.search(r"\son\w+\s*=|\sstyle\s*=", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_sec_14_what_strangers_wrote_stays_text(project: Project, box: Mailbox, text: str) -> None:
    form = {"properties": {"why": {"type": "string", "title": text, "description": text, "default": text}}}
    workflow = asking(
        project,
        title="${{ input.text }}",
        details="${{ input.text }}",
        fields=form,
        min_approvals=2,
        notify={"emails": [ADA]},
    )
    services.start_run(workflow, {"text": text}, by=text[:100])
    send()
    link = link_of(box)
    for answer in (Client().get(link), press(link, "approve", comment=text, **{"field-why": text})):
        assert answer.status_code == 200
        page = Page()
        page.feed(answer.content.decode())
        assert page.tags <= OURS
        assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
        assert page.links <= {"/static/workflows/decide.css", "/approvals"}
        # What is in a field is the value itself; around it nothing hides or turns its direction.
        assert not set("\u202e\u200b") & set("".join(page.texts))
        assert text != HOSTILE[2] or text in " ".join(page.texts)
    assert Notice.objects.get().approval.decisions.get().comment == text.strip()
