"""Whoever has the link of a notice decides its approval without signing in: once, by a POST, and
only where the document allows them to."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.errors import Conflict
from apps.workflows import approvals, engine
from apps.workflows.models import Approval, ApprovalDecision, Run, Step
from tests.accounts.people import make_user
from tests.rig.mailbox import Mailbox, mailbox
from tests.workflows.acting import make_project
from tests.workflows.telling import ask, asking, configure, expire, link_of, path_of, press, send

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@example.org", "bob@example.org"
FORM = {
    "type": "object",
    "required": ["why", "percent"],
    "properties": {
        "why": {"type": "string", "title": "Reason", "maxLength": 50},
        "percent": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
        "ratio": {"type": "number"},
        "notify": {"type": "boolean"},
        "where": {"enum": ["eu", "us", 3], "description": "Region"},
    },
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with mailbox() as found:
        configure(settings, found)
        yield found


def asked(project: Project, box: Mailbox, by: str = "olga", **question: Any) -> tuple[Approval, str]:
    """An open question and the link that was sent to ADA."""
    _, approval = ask(asking(project, **{"notify": {"emails": [ADA]}, **question}), by=by)
    send()
    return approval, link_of(box)


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_page_shows_the_question_and_decides_nothing(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box, details="Build 7 is green.")
    for client in (Client(), Client()):
        for method in (client.get, client.head, client.get):
            answer = method(link)
            assert answer.status_code == 200
    text = text_of(answer)
    for part in ("Ship it?", "Build 7 is green.", "Asked by Trial #1", "for olga", "Approve", "Reject"):
        assert part in text
    assert f"You decide as {ADA} (by link)" in text
    approval.refresh_from_db()
    assert approval.state == "open"
    assert not ApprovalDecision.objects.exists()


def test_a_press_of_the_button_decides_as_the_address(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    answer = press(link, "approve", comment="fine by me")
    assert answer.status_code == 200
    assert "It is approved." in text_of(answer)
    approval.refresh_from_db()
    said = approval.decisions.get()
    assert (approval.state, said.by, said.comment) == ("approved", f"{ADA} (by link)", "fine by me")
    output = Step.objects.get(approvals=approval).output
    assert output
    assert output["by"] == f"{ADA} (by link)"
    assert Run.objects.get(approvals=approval).status == "running"


def test_a_no_rejects(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    assert press(link, "reject", comment="no").status_code == 200
    approval.refresh_from_db()
    assert approval.state == "rejected"
    assert Step.objects.get(approvals=approval).error == f"Rejected by {ADA} (by link): no"


def test_a_link_decides_once_and_then_shows_the_first_decision(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    assert press(link, "reject").status_code == 200
    again = press(link, "approve")
    assert again.status_code == 409
    assert f"Already rejected by {ADA} (by link)" in text_of(again)
    seen = Client().get(link)
    assert seen.status_code == 200
    assert f"Already rejected by {ADA} (by link)" in text_of(seen)
    assert b"<form" not in seen.content
    assert approval.decisions.count() == 1


def test_a_link_comes_second_to_somebody_signed_in(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    approvals.decide(approval, approved=True, by="otto", comment="done")
    answer = press(link, "reject")
    assert answer.status_code == 409
    assert "Already approved by otto" in text_of(answer)


@pytest.mark.django_db(transaction=True)
def test_of_many_presses_at_once_one_counts(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    with ThreadPoolExecutor(6) as people:
        answers = list(people.map(lambda n: press(link, "approve" if n % 2 else "reject"), range(12)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 11]
    assert approval.decisions.count() == 1


def test_a_press_of_neither_button_decides_nothing(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    for said in ("", "yes", "APPROVE"):
        assert press(link, said).status_code == 400
    for method in ("put", "delete", "patch", "options"):
        assert getattr(Client(), method)(link).status_code == 405
    assert not approval.decisions.exists()


def test_a_form_of_simple_values_is_filled_in_on_the_page(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box, fields=FORM)
    page = Client().get(link).content.decode()
    assert 'name="field-why"' in page
    assert 'type="number" name="field-percent" value="10" step="1"' in page
    assert '<option value="us"' in page
    wrong = press(link, "approve", **{"field-percent": "many", "field-ratio": "x"})
    assert wrong.status_code == 400
    assert "The form is not complete." in text_of(wrong)
    assert 'value="many"' in wrong.content.decode()
    assert not approval.decisions.exists()
    given = {"field-why": "tested", "field-percent": "20", "field-ratio": "0.5", "field-where": "3"}
    assert press(link, "approve", **given, **{"field-notify": "on"}).status_code == 200
    said = approval.decisions.get()
    assert said.fields == {"why": "tested", "percent": 20, "ratio": 0.5, "notify": True, "where": 3}


def test_a_no_needs_no_form(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box, fields=FORM)
    assert press(link, "reject").status_code == 200
    assert approval.decisions.get().fields == {}


def test_a_form_that_the_page_cannot_show_leads_to_the_login(project: Project, box: Mailbox) -> None:
    form = {"required": ["hosts"], "properties": {"hosts": {"type": "array", "title": "Hosts"}}}
    _, link = asked(project, box, fields=form)
    page = Client().get(link)
    assert "The form also asks for Hosts (needed)" in text_of(page)
    assert b'value="approve"' not in page.content
    assert press(link, "approve").status_code == 400
    assert press(link, "reject").status_code == 200


def test_as_many_addresses_as_asked_must_agree(project: Project, box: Mailbox) -> None:
    approval, _ = asked(project, box, min_approvals=2, notify={"emails": [ADA, BOB]})
    first, second = link_of(box, 0), link_of(box, 1)
    answer = press(first, "approve")
    assert answer.status_code == 200
    assert "1 more must agree." in text_of(answer)
    again = press(first, "approve")
    assert again.status_code == 409
    assert "You decided this" in text_of(again)
    assert press(second, "approve").status_code == 200
    approval.refresh_from_db()
    assert approval.state == "approved"


def test_nobody_agrees_twice_by_link_and_signed_in(project: Project, box: Mailbox) -> None:
    make_user(Role.OPERATOR, project, "ada", email=ADA.upper())
    approval, link = asked(project, box, min_approvals=2)
    assert press(link, "approve").status_code == 200
    with pytest.raises(Conflict, match="You decided this"):
        approvals.decide(approval, approved=True, by="ada")
    other, link = asked(project, box, min_approvals=2)
    approvals.decide(other, approved=True, by="ada")
    assert press(link, "approve").status_code == 409


def test_whoever_started_the_run_cannot_decide_it_by_link(project: Project, box: Mailbox) -> None:
    make_user(Role.OPERATOR, project, "ada", email="Ada@Example.org")
    approval, link = asked(project, box, by="ada", allow_requester=False)
    page = Client().get(link)
    assert "Whoever started the run cannot decide this" in text_of(page)
    assert b"<form" not in page.content
    assert press(link, "approve").status_code == 403
    assert not approval.decisions.exists()
    other, link = asked(project, box, by="otto", allow_requester=False)
    assert press(link, "approve").status_code == 200
    assert other.decisions.count() == 1


def test_where_nothing_tells_the_requester_apart_a_link_does_not_decide(
    project: Project, box: Mailbox
) -> None:
    make_user(Role.OPERATOR, project, "otto", email="")
    approval, link = asked(project, box, by="otto", allow_requester=False)
    answer = press(link, "approve")
    assert answer.status_code == 403
    assert "sign in to decide" in text_of(answer)
    assert not approval.decisions.exists()


@pytest.mark.parametrize("question", [{"allow_requester": False}, {"min_approvals": 2}])
def test_a_webhook_s_link_decides_only_where_it_does_not_matter_who(
    project: Project, settings: Any, question: dict[str, Any]
) -> None:
    configure(settings)
    hook = {"webhooks": ["https://hooks.example.org/x"]}
    _, approval = ask(asking(project, notify=hook, **question))
    refused = press(path_of(approval), "approve")
    assert refused.status_code == 403
    assert "It matters who decides this" in text_of(refused)
    _, free = ask(asking(project, notify=hook))
    assert press(path_of(free), "approve").status_code == 200
    assert free.decisions.get().by == "hooks.example.org (by link)"


def test_a_link_ends_with_its_question(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box, expires_seconds=60)
    expire(approval)
    engine.sweep()
    answer = press(link, "approve")
    assert answer.status_code == 409
    assert "Already expired" in text_of(answer)


def test_a_link_of_a_question_without_end_is_good_for_a_week(
    project: Project, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval, link = asked(project, box)
    later = timezone.now() + timedelta(days=6, hours=23)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    assert Client().get(link).status_code == 200
    later += timedelta(hours=2)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    assert Client().get(link).status_code == 410
    answer = press(link, "approve")
    assert answer.status_code == 410
    assert "too old" in text_of(answer)
    Approval.objects.update(expires_at=later + timedelta(days=3))
    assert Client().get(link).status_code == 200
    assert not approval.decisions.exists()


def test_links_of_a_deleted_question_are_not_found(project: Project, box: Mailbox) -> None:
    approval, link = asked(project, box)
    approval.delete()
    assert Client().get(link).status_code == 404
    assert press(link).status_code == 404
