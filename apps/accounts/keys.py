"""The text form of an API key, `mc_<prefix>_<secret><check>`, and its digest. No database."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH = 8
SECRET_LENGTH = 43  # 62**43 > 2**256
CHECK_LENGTH = 6  # 62**6 > 2**32
FORM = re.compile(
    rf"mc_([0-9A-Za-z]{{{PREFIX_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as its owner sees it once (`text`), and what is stored of it."""

    text: str
    prefix: str
    hash: str


def generate() -> NewKey:
    prefix = _random(PREFIX_LENGTH)
    body = f"mc_{prefix}_{_random(SECRET_LENGTH)}"
    text = body + _check(body)
    return NewKey(text=text, prefix=prefix, hash=digest(text))


def prefix_of(text: str) -> str | None:
    """The public part of a well-formed key. A typing error is found here, without a query."""
    found = FORM.fullmatch(text)
    if found is None or not hmac.compare_digest(_check(text[:-CHECK_LENGTH]), found[3]):
        return None
    return found[1]


def digest(text: str) -> str:
    """SHA-256 is enough for a secret of 256 random bits; a slow hash would guard nothing more."""
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text: str, stored: str) -> bool:
    return hmac.compare_digest(digest(text), stored)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters = ALPHABET[rest] + letters
    return letters
