"""An open question whose receivers a test plays: a mailbox and a webhook on the loopback."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from django.db.models import F
from django.test import Client
from django.utils import timezone
from pydantic import SecretStr

from apps.workflows import links, notices
from apps.workflows.models import Approval, Notice, Run, Step, Workflow
from tests.rig.answering import Answering
from tests.rig.mailbox import Mailbox
from tests.workflows.acting import make_workflow, start

LINK = re.compile(r"https://control\.example\.org(/approve/\S+)")


def configure(settings: Any, box: Mailbox | None = None, hook: Answering | None = None, **more: Any) -> None:
    """Say where e-mail goes and that the webhook's address is allowed."""
    given: dict[str, Any] = {"public_url": "https://control.example.org", "email_from": "MC <mc@example.org>"}
    if box is not None:
        given["email_url"] = SecretStr(box.url)
    if hook is not None:
        given["outbound_allow"] = (hook.address,)
    settings.MC = settings.MC.model_copy(update={**given, **more})


def asking(project: Any, **question: Any) -> Workflow:
    return make_workflow(
        project,
        {"ask": {"approval": {"title": "Ship it?", **question}}, "ship": {"needs": ["ask"]}},
    )


def ask(workflow: Workflow, by: str = "olga") -> tuple[Run, Approval]:
    run = start(workflow, by=by)
    return run, Approval.objects.get(run=run)


def send() -> int:
    return notices.send_due(at_once=1)


def make_due() -> None:
    Notice.objects.filter(state="pending").update(next_at=timezone.now() - timedelta(seconds=1))


def expire(approval: Approval) -> None:
    past = timedelta(days=400)
    Step.objects.filter(approvals=approval).update(wakes_at=F("wakes_at") - past)
    Approval.objects.filter(pk=approval.pk).update(expires_at=F("expires_at") - past)


def text_of(message: EmailMessage) -> str:
    body = message.get_body()
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


def link_in(text: str) -> str:
    """The path of the link that a message holds."""
    found = LINK.search(text)
    assert found, text
    return found[1]


def link_of(box: Mailbox, number: int = -1) -> str:
    return link_in(text_of(box.messages[number]))


def path_of(approval: Approval) -> str:
    """The path of the link of the approval's only notice, however it was told."""
    return links.url_of(Notice.objects.get(approval=approval)).removeprefix("https://control.example.org")


def press(link: str, decision: str = "approve", **fields: str) -> Any:
    """Send the page's form, as a browser that keeps no cookies and is told to send no referrer."""
    client = Client(enforce_csrf_checks=True)
    return client.post(link, {"decision": decision, **fields}, headers={"Origin": "null"})
