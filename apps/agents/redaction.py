"""Takes secrets out of texts: lines of the log, and what agents tell of their work. Plain Python."""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
SECRET_NAMES = frozenset(
    {
        "access",
        "api_key",
        "apikey",
        "authorization",
        "cookie",
        "cookies",
        "csrfmiddlewaretoken",
        "csrftoken",
        "jwt_signing_key",
        "password",
        "refresh",
        "secret",
        "secret_key",
        "sec_websocket_protocol",
        "sessionid",
        "set_cookie",
        "ticket",
        "token",
        "x_api_key",
    }
)
# Each keeps what helps to find the culprit (a key's public prefix) and drops what would open a door.
# A pattern is tried where one of its hints is in the lower-case text: most texts hold none.
PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("mc_",), re.compile(r"\b(mc_[0-9A-Za-z]{8}_)[0-9A-Za-z]+"), rf"\1{REDACTED}"),
    (("eyj",), re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}"), REDACTED),
    (
        ("bearer", "basic", "token"),
        re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {REDACTED}",
    ),
    (("cookie",), re.compile(r"(?i)\b((?:set-)?cookie['\"]?\s*[:=]\s*).+"), rf"\1{REDACTED}"),
    (
        ("password", "secret", "ticket", "refresh", "access", "sessionid", "csrftoken", "api"),
        re.compile(
            r"(?i)\b((?:password|secret|ticket|refresh|access|sessionid|csrftoken|mc_refresh|api[_-]?key)"
            r"\\?['\"]?\s*[:=.]\s*\\?['\"]?)[^\s'\",;&}]{6,}"
        ),
        rf"\1{REDACTED}",
    ),
    (("://",), re.compile(r"(://[^/\s:@]{0,200}:)[^/\s@]{1,200}@"), rf"\1{REDACTED}@"),
    (("/approve/",), re.compile(r"(/approve/)[^/\s'\"]+"), rf"\1{REDACTED}"),
    (("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"), REDACTED),
    (("ghp_", "gho_", "ghs_", "ghu_"), re.compile(r"\bgh[opsu]_[A-Za-z0-9]{20,}"), REDACTED),
    (("github_pat_",), re.compile(r"\bgithub_pat_[A-Za-z0-9_]{20,}"), REDACTED),
    (("xox",), re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"), REDACTED),
    (("akia",), re.compile(r"\bAKIA[0-9A-Z]{16}\b"), REDACTED),
)
_known_secrets: list[str] = []


def know(secrets: Iterable[str]) -> None:
    """Values that no text may hold, wherever they come from."""
    _known_secrets[:] = sorted(secrets, key=len, reverse=True)


def redact(text: str) -> str:
    """The text without tokens, keys, cookies, tickets, passwords, URL credentials and named secrets."""
    for secret in _known_secrets:
        text = text.replace(secret, REDACTED)
    lower = text.lower()
    for hints, pattern, replacement in PATTERNS:
        for hint in hints:
            if hint in lower:
                text = pattern.sub(replacement, text)
                break
    return text


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret by its name, as in `password` or `http.authorization`."""
    last = name.rpartition(".")[2].lower().replace("-", "_").removeprefix("http_")
    return last in SECRET_NAMES
