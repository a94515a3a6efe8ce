"""What a notice says, and how it leaves: an e-mail over SMTP or a signed webhook.

Knows one notice at a time and no transaction. Titles and details were written by others: they are
text here, never markup and never a header.
"""

from __future__ import annotations

import smtplib
from datetime import UTC
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import console, smtp
from django.core.mail.backends.base import BaseEmailBackend

from apps.agents import signed_post
from apps.agents.signed_post import Undelivered
from apps.events.clock import now
from apps.events.kinds import rfc3339
from apps.workflows import links, notice_secret
from apps.workflows.models import Approval, Notice, NoticeKind, Run
from apps.workflows.plain import one_line, visible
from apps.workflows.record import short

SECONDS = 10
SUBJECT_LENGTH = 150
DETAILS_LENGTH = 4_000


def deliver(notice: Notice) -> None:
    """Send the notice, with its approval, run and project loaded. Raises Undelivered."""
    if notice.kind == NoticeKind.EMAIL:
        _send_email(notice)
    else:
        _send_webhook(notice)


def _send_email(notice: Notice) -> None:
    message = EmailMessage(
        subject=short(f"{_urgency(notice)}{one_line(notice.approval.title)}", SUBJECT_LENGTH),
        body=_letter(notice),
        from_email=settings.MC.email_from or "Mission Control <mission-control@localhost>",
        to=[notice.target],
        headers={"Message-ID": f"<{notice.pk}@{_domain()}>", "Auto-Submitted": "auto-generated"},
        connection=_connection(),
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()), (0, b""))
        raise Undelivered(_smtp_said(code, said), permanent=500 <= code < 600) from None
    except smtplib.SMTPAuthenticationError:
        raise Undelivered("The mail server refused the password of MC_EMAIL_URL.") from None
    except smtplib.SMTPResponseException as error:
        permanent = 500 <= error.smtp_code < 600
        raise Undelivered(_smtp_said(error.smtp_code, error.smtp_error), permanent=permanent) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(f"The mail server could not be reached ({type(error).__name__}).") from None
    except ValueError:  # a line break or a letter that no header may hold
        raise Undelivered("The e-mail address cannot be written into a message.", permanent=True) from None


def _connection() -> BaseEmailBackend:
    server = settings.MC.mail_server
    if server is None:
        raise Undelivered("No mail server is configured: set MC_EMAIL_URL.", permanent=True)
    if not server.host:
        return console.EmailBackend()
    return smtp.EmailBackend(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls == "starttls",
        use_ssl=server.tls == "always",
        timeout=SECONDS,
    )


def _smtp_said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"The mail server answered {code}: {short(one_line(text), 200)}"


def _domain() -> str:
    return parseaddr(settings.MC.email_from)[1].rpartition("@")[2] or "mission-control.invalid"


def _urgency(notice: Notice) -> str:
    return "Escalated: " if notice.approval.escalated_at else "Approval needed: "


def _letter(notice: Notice) -> str:
    approval = notice.approval
    asks = f" for {one_line(approval.requested_by)}" if approval.requested_by else ""
    parts = [
        one_line(approval.title),
        short(visible(approval.details).strip(), DETAILS_LENGTH),
        f"Asked by {one_line(approval.asker)}{asks}.",
    ]
    if approval.escalated_at:
        parts.append("Nobody decided in time, so you are asked too.")
    if approval.expires_at:
        parts.append(f"It can be decided until {approval.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")
    parts += [
        f"Look at it and decide, without signing in:\n{links.url_of(notice)}",
        f"Whoever has this link decides as {notice.target}. Do not pass it on.",
        f"In Mission Control: {settings.MC.own_url}/approvals",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _send_webhook(notice: Notice) -> None:
    """One POST with the headers of Standard Webhooks and the envelope of CloudEvents."""
    secrets = notice_secret.signing(notice.project, now())
    request = signed_post.request_of(notice.target, event_of(notice), str(notice.pk), secrets)
    signed_post.post(request, seconds=SECONDS)


def event_of(notice: Notice) -> dict[str, Any]:
    """The event that a webhook carries."""
    approval, run = notice.approval, notice.approval.run
    at = approval.escalated_at or approval.created_at
    return {
        "specversion": "1.0",
        "id": str(notice.pk),
        "source": f"/mission-control/{notice.project.slug}",
        "type": "mc.approval.escalated" if approval.escalated_at else "mc.approval.opened",
        "subject": f"approval/{approval.pk}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "approval": {
                "id": str(approval.pk),
                "title": approval.title,
                "details": approval.details,
                "requested_by": approval.requested_by,
                "min_approvals": approval.min_approvals,
                "created_at": rfc3339(approval.created_at),
                "expires_at": rfc3339(approval.expires_at) if approval.expires_at else None,
            },
            "run": _run(run) if run is not None else None,
            "agent": _agent(approval),
            "decide_url": links.url_of(notice),
        },
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "name": run.name,
        "number": run.number,
        "workflow": run.workflow.slug,
        "url": f"{settings.MC.own_url}/runs/{run.pk}",
    }


def _agent(approval: Approval) -> dict[str, Any] | None:
    """The agent that asks; None for a question of a step."""
    if approval.agent_id is None:
        return None
    return {
        "id": str(approval.agent_id),
        "name": approval.agent_name,
        "command_run": str(approval.command_run_id),
        "url": f"{settings.MC.own_url}/agents/{approval.agent_id}",
    }
