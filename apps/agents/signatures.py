"""Whether a delivery was signed by somebody who knows a trigger's secret. Plain Python.

Two forms are known: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) and
GitHub's (X-Hub-Signature-256 with X-GitHub-Delivery). All comparisons take constant time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300  # a delivery signed earlier or later than this is refused
MAX_SIGNATURES = 8  # a sender that changes its secret signs with the old and the new one
MAX_ID = 255
MOST_OVERLAP_HOURS = 168  # a secret signs, or is taken, beside the one that follows it


def secret_text(key: bytes) -> str:
    """The secret as both sides write it."""
    return PREFIX + base64.b64encode(key).decode()


def sign(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a delivery, as Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def sign_github(secret: str, body: bytes) -> str:
    """The `X-Hub-Signature-256` of a delivery; the key is the secret's whole text."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery_id(headers: Mapping[str, str]) -> str | None:
    """What names the delivery, if its headers could be those of a signed one. `headers` have
    lower-case names. Looks at no secret and no body."""
    found = headers.get("webhook-id" if "webhook-signature" in headers else "x-github-delivery", "")
    signed = "webhook-signature" in headers or "x-hub-signature-256" in headers
    return found if signed and 0 < len(found) <= MAX_ID and found.isascii() and found.isprintable() else None


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, at: float) -> bool:
    """Whether the headers hold a good signature of the body. `at` is the Unix time now."""
    if "webhook-signature" not in headers:
        return _is_same(headers.get("x-hub-signature-256", ""), sign_github(secret, body))
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(at - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    wanted = sign(secret, headers.get("webhook-id", ""), int(timestamp), body)
    given = headers["webhook-signature"].split(" ")[:MAX_SIGNATURES]
    return any(_is_same(one, wanted) for one in given)


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
