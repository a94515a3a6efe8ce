"""Signed links with which somebody outside decides an approval without signing in.

A link is its own permission: it names one notice, is signed with the server's key and opens that
notice's approval alone, until the question is closed or expires, or for a week if it does neither.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import reverse

from apps.errors import DomainError, NotFound
from apps.workflows.models import Notice

VALID_FOR = timedelta(days=7)
SALT = "mission-control.approval-link"
LONGEST = 200


class LinkExpired(DomainError):
    """The link is too old. Sign in to decide."""

    problem_status = 410


def url_of(notice: Notice) -> str:
    """The address under which the notice's receiver decides."""
    token = _signer().sign(urlsafe_b64encode(notice.pk.bytes).rstrip(b"=").decode())
    return settings.MC.own_url + reverse("decide-by-link", args=[token])


def notice_of(token: str) -> Notice:
    """The notice a link was made for. Raises NotFound for what we did not sign, LinkExpired."""
    try:
        named = _signer().unsign(token[:LONGEST])
        notice_id = UUID(bytes=urlsafe_b64decode(named + "=="))
    except (BadSignature, ValueError):
        raise NotFound("This link is not valid.") from None
    found = Notice.objects.select_related("approval").filter(pk=notice_id).first()
    if found is None:
        raise NotFound("The question does not exist any more.")
    if found.approval.expires_at is None:
        try:
            _signer().unsign(token[:LONGEST], max_age=VALID_FOR)
        except SignatureExpired:
            raise LinkExpired from None
    return found


def _signer() -> TimestampSigner:
    # "." needs no escape in an address, and mail programs take it for a part of one.
    return TimestampSigner(salt=SALT, sep=".")
