"""People outside are told of a question by real e-mail and real webhooks, at least once, and the
approval says whether it arrived."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.models import Project, Role, Scope
from apps.agents import signatures
from apps.errors import Conflict, NotFound
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from apps.workflows import approvals, engine, notices, services
from apps.workflows.models import Approval, Notice, NoticeState, Step
from config.engine import duties
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.monitoring.verify import verify_action
from tests.rig.answering import Answering, answering, http
from tests.rig.mailbox import Mailbox, mailbox
from tests.workflows.acting import events, fresh, make_project
from tests.workflows.telling import (
    ask,
    asking,
    configure,
    expire,
    link_in,
    link_of,
    make_due,
    send,
    text_of,
)

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with mailbox() as found:
        configure(settings, found)
        yield found


@pytest.fixture
def hook(settings: Any) -> Iterator[Answering]:
    with answering(http(204)) as found:
        configure(settings, hook=found)
        yield found


def notice(approval: Approval) -> Notice:
    return Notice.objects.get(approval=approval)


def test_an_e_mail_tells_what_is_asked_and_where_to_decide(project: Project, box: Mailbox) -> None:
    run, approval = ask(asking(project, details="Build 7 is green.", notify={"emails": [ADA]}))
    assert notice(approval).state == "pending"
    assert send() == 1
    (message,) = box.messages
    assert (message["to"], message["from"]) == (ADA, "MC <mc@example.org>")
    assert message["subject"] == "Approval needed: Ship it?"
    assert str(notice(approval).pk) in message["message-id"]
    text = text_of(message)
    assert "Build 7 is green." in text
    assert f"Asked by Trial #{run.number} for olga." in text
    assert link_of(box).startswith("/approve/")
    told = notice(approval)
    assert (told.state, told.attempts, told.error, told.next_at) == ("sent", 1, "", None)
    assert told.sent_at
    assert send() == 0


def test_notices_are_written_with_the_question_or_not_at_all(project: Project) -> None:
    _, approval = ask(asking(project, notify={"emails": [ADA, BOB, ADA], "webhooks": ["https://a.example/"]}))
    rows = Notice.objects.filter(approval=approval).order_by("kind", "target")
    assert list(rows.values_list("kind", "target")) == [
        *(("email", ADA), ("email", BOB), ("webhook", "https://a.example/")),
    ]
    _, silent = ask(asking(project))
    assert not silent.notices.exists()


def test_what_a_stranger_wrote_is_text_and_no_header(project: Project, box: Mailbox) -> None:
    question = {"title": "${{ input.title }}", "details": "${{ input.details }}", "notify": {"emails": [ADA]}}
    workflow = asking(project, **question)
    value = {"title": "Ship\r\nBcc: evil@example.org\r\n\r\nit\u202e?", "details": "a\u200bb <script>\x1b[2J"}
    services.start_run(workflow, value, by="x\ny")
    send()
    (message,) = box.messages
    assert message["subject"] == "Approval needed: Ship Bcc: evil@example.org it\\u{202e}?"
    assert message["bcc"] is None
    text = text_of(message)
    assert "a\\u{200b}b <script>\\u{1b}[2J" in text
    assert "for x y." in text


def test_a_webhook_is_signed_and_says_what_is_asked(project: Project, hook: Answering, capsys: Any) -> None:
    run, approval = ask(asking(project, details="Go?", notify={"webhooks": [hook.url + "in?key=1"]}))
    send()
    (asked,) = hook.asked
    assert (asked.method, asked.path) == ("POST", "/in?key=1")
    call_command("webhook_secret", project=project.slug)
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("whsec_")
    assert signatures.is_signed(secret, asked.headers, asked.body, time.time())
    assert not signatures.is_signed(secret, asked.headers, asked.body + b" ", time.time())
    assert asked.headers["content-type"] == "application/cloudevents+json"
    event = json.loads(asked.body)
    assert event["id"] == asked.headers["webhook-id"] == str(notice(approval).pk)
    assert (event["specversion"], event["type"]) == ("1.0", "mc.approval.opened")
    assert event["subject"] == f"approval/{approval.pk}"
    assert event["data"]["approval"]["title"] == "Ship it?"
    assert event["data"]["run"]["id"] == str(run.pk)
    assert link_in(event["data"]["decide_url"])
    assert notice(approval).state == "sent"


def test_admins_and_nobody_else_read_the_secret_over_http(project: Project, capsys: Any) -> None:
    call_command("webhook_secret", project=project.slug)
    printed = capsys.readouterr().out.strip()
    answer = caller(make_user(Role.ADMIN, project)).get("project/notice-secret/")
    assert answer.status_code == 200
    assert answer.json() == {"secret": printed, "version": 1, "old_secret_until": None}
    assert "no-store" in answer.headers["Cache-Control"]
    assert caller(make_user(Role.OPERATOR, project)).get("project/notice-secret/").status_code == 403
    assert caller(make_user(Role.VIEWER, project)).get("project/notice-secret/").status_code == 403
    key = make_key(*Scope.values, project=project)
    assert Caller(key.text).get("project/notice-secret/").status_code == 403
    other = caller(make_user(Role.ADMIN, make_project())).get("project/notice-secret/")
    assert other.json()["secret"] != printed


def test_a_rotated_secret_signs_beside_the_old_one_until_the_overlap_is_over(
    project: Project, hook: Answering
) -> None:
    admin = caller(make_user(Role.ADMIN, project))
    old = admin.get("project/notice-secret/").json()["secret"]
    answer = admin.post("project/notice-secret/", {"overlap_hours": 1})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert "no-store" in answer.headers["Cache-Control"]
    new = answer.json()["secret"]
    assert new != old
    workflow = asking(project, notify={"webhooks": [hook.url]})
    for good in (True, False):
        ask(workflow)
        send()
        asked = hook.asked[-1]
        assert signatures.is_signed(new, asked.headers, asked.body, time.time())
        assert signatures.is_signed(old, asked.headers, asked.body, time.time()) is good
        Project.objects.filter(pk=project.pk).update(old_notice_secret_until=timezone.now())
    assert admin.get("project/notice-secret/").json() == {
        "secret": new,
        "version": 2,
        "old_secret_until": None,
    }
    third = admin.post("project/notice-secret/", {"overlap_hours": 0}).json()
    assert (third["version"], third["old_secret_until"]) == (3, None)
    assert third["secret"] not in {old, new}


def test_the_journal_tells_of_a_rotation_and_not_of_the_secret(project: Project) -> None:
    admin = caller(make_user(Role.ADMIN, project))
    with verify_action(project.pk) as told:
        made = admin.post("project/notice-secret/", {"overlap_hours": 1}).json()
    (event,) = told
    assert (event.kind, event.payload["version"]) == ("project.secret_rotated", 2)
    assert event.payload["old_secret_until"] == made["old_secret_until"]
    assert event.payload["by"] == admin.get("me/").json()["username"]
    assert made["secret"] not in str(event)


def test_only_admins_rotate_the_secret_and_a_wrong_overlap_is_named(project: Project) -> None:
    admin = caller(make_user(Role.ADMIN, project))
    for wrong in (-1, 169, "soon", None):
        refused = admin.post("project/notice-secret/", {"overlap_hours": wrong})
        assert refused.status_code == 400
        assert "overlap_hours" in str(refused.json())
    operator = caller(make_user(Role.OPERATOR, project))
    assert operator.post("project/notice-secret/", {"overlap_hours": 1}).status_code == 403
    assert admin.get("project/notice-secret/").json()["version"] == 1


def test_each_project_signs_with_a_secret_of_its_own(project: Project, capsys: Any) -> None:
    other = make_project()
    for one in (project, other, project):
        call_command("webhook_secret", project=one.slug)
    first, second, third = capsys.readouterr().out.split()
    assert first == third != second


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(project: Project, hook: Answering) -> None:
    hook.reply = http(500)
    _, approval = ask(asking(project, notify={"webhooks": [hook.url]}))
    pauses: list[float] = []
    for _ in range(3):
        make_due()
        send()
        told = notice(approval)
        assert (told.state, told.error) == ("pending", "The receiver answered 500.")
        assert told.next_at
        pauses.append(round((told.next_at - timezone.now()).total_seconds()))
    assert pauses == [10, 30, 90]
    hook.reply = http(200)
    make_due()
    send()
    assert (notice(approval).state, notice(approval).error) == ("sent", "")
    assert len({asked.headers["webhook-id"] for asked in hook.asked}) == 1
    assert len(hook.asked) == 4


def test_a_receiver_may_ask_for_a_longer_pause(project: Project, hook: Answering) -> None:
    hook.reply = http(503, retry_after="600")
    _, approval = ask(asking(project, notify={"webhooks": [hook.url]}))
    send()
    next_at = notice(approval).next_at
    assert next_at
    assert next_at > timezone.now() + timedelta(seconds=590)


def test_what_nobody_takes_within_a_day_is_given_up_and_raises_an_alert(
    project: Project, hook: Answering
) -> None:
    hook.reply = http(500)
    _, approval = ask(asking(project, notify={"webhooks": [hook.url]}))
    tried = 0
    while notice(approval).state == "pending":
        make_due()
        tried += send()
    assert tried == 10
    assert notice(approval).error == "The receiver answered 500."
    assert events(project, "approval.undelivered")[-1]["undelivered"] == 1
    alerts.sweep()
    alert = Alert.objects.get(project=project, rule="notice_undelivered")
    assert (alert.state, alert.level) == ("open", "error")
    assert alert.message == "Somebody could not be told of “Ship it?”"
    approvals.decide(approval, approved=True, by="otto")
    alerts.sweep()
    alert.refresh_from_db()
    assert alert.state == "resolved"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]/"])
def test_a_webhook_to_the_inside_is_refused_for_good(project: Project, hook: Answering, url: str) -> None:
    _, approval = ask(asking(project, notify={"webhooks": [url]}))
    send()
    told = notice(approval)
    assert (told.state, told.attempts) == ("dead", 1)
    assert "not allowed" in told.error
    assert hook.asked == []


def test_a_receiver_that_is_gone_is_not_asked_again(project: Project, hook: Answering) -> None:
    hook.reply = http(410)
    _, approval = ask(asking(project, notify={"webhooks": [hook.url]}))
    send()
    assert (notice(approval).state, notice(approval).attempts) == ("dead", 1)


def test_without_a_mail_server_the_approval_says_so(project: Project) -> None:
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    send()
    assert notice(approval).state == "dead"
    assert notice(approval).error == "No mail server is configured: set MC_EMAIL_URL."


@pytest.mark.parametrize(("refusal", "state"), [("550 no such user", "dead"), ("451 later", "pending")])
def test_a_mail_server_s_refusal_is_final_or_not_as_it_says(
    project: Project, box: Mailbox, refusal: str, state: str
) -> None:
    box.refuse = refusal
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    send()
    assert notice(approval).state == state
    assert notice(approval).error == f"The mail server answered {refusal[:3]}: {refusal[4:]}"


def test_a_mail_server_that_is_away_is_tried_again(project: Project, box: Mailbox, settings: Any) -> None:
    with mailbox() as gone:
        pass
    configure(settings, gone)
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    send()
    assert notice(approval).state == "pending"
    assert "could not be reached" in notice(approval).error


def test_a_question_that_is_closed_is_told_to_nobody(project: Project, box: Mailbox) -> None:
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    approvals.decide(approval, approved=True, by="otto")
    send()
    assert box.messages == []
    assert notice(approval).state == "dead"
    alerts.sweep()
    assert not Alert.objects.filter(project=project).exists()


def test_an_engine_that_died_while_it_sent_leaves_the_notice_to_others(
    project: Project, box: Mailbox
) -> None:
    """Two win nothing twice; what was won and not ended is due again when the lease is over."""
    _, approval = ask(asking(project, notify={"emails": [ADA]}))
    due_at = notice(approval).next_at
    assert due_at
    Notice.objects.update(next_at=timezone.now() + notices.LEASE, attempts=1)  # won by one that dies now
    assert notices._send(notice(approval).pk, due_at) is False
    assert send() == 0
    make_due()
    assert send() == 1
    assert len(box.messages) == 1
    assert (notice(approval).state, notice(approval).attempts) == ("sent", 2)


def test_who_was_overtaken_writes_nothing(project: Project, hook: Answering) -> None:
    _, approval = ask(asking(project, notify={"webhooks": [hook.url]}))

    def overtake(asked: Any) -> bytes:
        return http(500)

    hook.reply = overtake
    due_at = notice(approval).next_at
    assert due_at
    held = notice(approval)
    until = timezone.now() - timedelta(seconds=5)
    Notice.objects.update(state="sent", next_at=None)
    notices._end(held, until, NoticeState.DEAD, "too late")
    assert notice(approval).state == "sent"


@pytest.mark.django_db(transaction=True)
def test_two_engines_send_what_is_due_once(project: Project, box: Mailbox) -> None:
    people = [f"p{number}@example.org" for number in range(12)]
    ask(asking(project, notify={"emails": people}))
    with ThreadPoolExecutor(2) as engines:
        tried = list(engines.map(lambda _: notices.send_due(), range(2)))
    assert sum(tried) == 12
    assert sorted(message["to"] for message in box.messages) == sorted(people)
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_sending_is_a_duty_of_the_engine_on_a_thread_of_its_own() -> None:
    (duty,) = [one for one in duties() if one.name == "notices"]
    assert duty.is_slow


def test_when_nobody_decides_in_time_others_are_asked(project: Project, box: Mailbox) -> None:
    question = {
        "expires_seconds": 60,
        "on_expiry": "escalate",
        "escalate": {"emails": [BOB], "expires_seconds": 120, "then": "approve"},
        "notify": {"emails": [ADA]},
    }
    run, approval = ask(asking(project, **question))
    send()
    expire(approval)
    assert engine.sweep() == 1
    approval.refresh_from_db()
    step = Step.objects.get(approvals=approval)
    assert approval.state == "open"
    assert approval.escalated_at
    assert approval.expires_at == approval.escalated_at + timedelta(seconds=120)
    assert (step.status, step.wait_reason) == ("waiting", "waiting for approval, escalated")
    assert step.wakes_at == approval.expires_at
    assert fresh(run).status_reason == "Ask: waiting for approval, escalated"
    send()
    assert [message["to"] for message in box.messages] == [ADA, BOB]
    assert box.messages[1]["subject"] == "Escalated: Ship it?"
    assert "Nobody decided in time" in text_of(box.messages[1])
    assert events(project, "approval.escalated")[-1]["escalated_at"]
    alerts.sweep()
    alert = Alert.objects.get(project=project)
    assert (alert.rule, alert.state) == ("approval_escalated", "open")
    assert engine.sweep() == 0
    expire(approval)
    assert engine.sweep() == 1
    approval.refresh_from_db()
    assert approval.state == "approved"
    assert Step.objects.get(approvals=approval).status == "completed"
    alerts.sweep()
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_an_escalation_that_nobody_answers_ends_as_the_document_says(project: Project) -> None:
    escalate = {"webhooks": ["https://a.example/"], "expires_seconds": 5}
    run, approval = ask(asking(project, expires_seconds=9, on_expiry="escalate", escalate=escalate))
    for _ in range(2):
        expire(approval)
        assert engine.sweep() == 1
    approval.refresh_from_db()
    assert approval.state == "expired"
    assert fresh(run).status == "failed"


def test_an_escalated_question_can_be_decided(project: Project) -> None:
    escalate = {"emails": [BOB], "expires_seconds": 60}
    _, approval = ask(
        asking(project, expires_seconds=9, on_expiry="escalate", escalate=escalate, min_approvals=2)
    )
    expire(approval)
    engine.sweep()
    approvals.decide(approval, approved=True, by="otto")
    step = Step.objects.get(approvals=approval)
    assert step.wait_reason == "waiting for approval, escalated"
    assert approvals.decide(approval, approved=True, by="olga").state == "approved"


def test_the_approval_shows_who_was_told_and_operators_send_it_again(
    project: Project, hook: Answering
) -> None:
    hook.reply = http(410)
    _, approval = ask(asking(project, notify={"webhooks": [hook.url + "secret-path"]}))
    send()
    operator = caller(make_user(Role.OPERATOR, project))
    viewer = caller(make_user(Role.VIEWER, project))
    stranger = caller(make_user(Role.ADMIN, make_project()))
    (row,) = viewer.get(f"approvals/{approval.pk}/").json()["notices"]
    assert set(row) == {
        *("id", "kind", "target", "state", "attempts", "error", "next_at", "created_at", "sent_at"),
    }
    assert (row["kind"], row["target"], row["state"]) == ("webhook", hook.address, "dead")
    assert row["error"] == "The receiver wants no more of these (410)."
    path = f"approvals/{approval.pk}/notices/{row['id']}/delivery/"
    assert viewer.post(path).status_code == 403
    assert stranger.post(path).status_code == 404
    assert operator.post(path.replace(row["id"], str(approval.pk))).status_code == 404
    hook.reply = http(200)
    again = operator.post(path)
    assert (again.status_code, again.json()["notices"][0]["state"]) == (202, "pending")
    send()
    assert notice(approval).state == "sent"
    # What arrived goes once more as another message, which no receiver takes for the first.
    assert len(operator.post(path).json()["notices"]) == 2
    send()
    assert len({asked.headers["webhook-id"] for asked in hook.asked}) == 2
    approvals.decide(approval, approved=False, by="otto")
    closed = operator.post(path)
    assert (closed.status_code, closed.json()["detail"]) == (
        *(409, "The question is rejected; there is nothing to tell any more."),
    )


def test_sending_again_needs_a_notice_of_the_approval(project: Project) -> None:
    _, one = ask(asking(project, notify={"emails": [ADA]}))
    _, two = ask(asking(project, notify={"emails": [ADA]}))
    with pytest.raises(NotFound):
        notices.send_again(one, notice(two).pk)
    approvals.decide(one, approved=True, by="otto")
    with pytest.raises(Conflict):
        notices.send_again(one, notice(one).pk)
