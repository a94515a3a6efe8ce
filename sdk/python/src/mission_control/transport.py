"""One HTTP call to the server: JSON in, JSON out, errors as exceptions. Repeats nothing."""

from __future__ import annotations

import email.utils
import json
import math
import os
import time
from collections.abc import Mapping
from typing import Any

import httpx

from mission_control.errors import MissionControlError, Refused, Unreachable

DEFAULT_URL = "http://127.0.0.1:8000"
LONGEST_RETRY_AFTER = 300.0


class Transport:
    """Calls below `/api/v1/`, safe to share between threads. `url` and `key` default to the environment."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 15.0,
        project: str | None = None,
    ) -> None:
        self.url = (url or os.environ.get("MC_URL") or DEFAULT_URL).rstrip("/")
        self.key = key if key is not None else os.environ.get("MC_KEY", "")
        if not (self.key.isascii() and self.key.isprintable()):
            raise MissionControlError("The key has characters that no key has.")
        headers = {"Accept": "application/json", "User-Agent": "mission-control-sdk"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if project:
            headers["X-Project"] = project
        try:
            self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise MissionControlError(f"{self.url!r} is no address of a server: {error}") from None

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The answer's JSON, None when it is empty. Raises Refused and Unreachable."""
        given = dict(headers or {})
        content = None
        if body is not None:
            content, given["Content-Type"] = to_json(body), "application/json"
        url = path if path.startswith("/") else f"/api/v1/{path}"
        limit = httpx.USE_CLIENT_DEFAULT if timeout is None else httpx.Timeout(timeout, connect=10.0)
        wanted = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        try:
            answer = self._http.request(
                method, url, params=wanted or None, content=content, headers=given, timeout=limit
            )
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unreachable(f"{self.url} did not answer: {str(error) or type(error).__name__}") from None
        except (httpx.InvalidURL, UnicodeError, RuntimeError) as error:
            raise Unreachable(f"{self.url} cannot be called: {error}") from None
        return _read(answer)


def to_json(body: Any) -> bytes:
    """JSON that every server reads: ASCII, no NaN. Raises TypeError or ValueError."""
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii")


def _read(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise _refusal(answer)
    if not answer.content:
        return None
    try:
        return answer.json()
    except (ValueError, RecursionError):
        raise Refused(answer.status_code, "No JSON came. Is this a Mission Control server?") from None


def _refusal(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
    except (ValueError, RecursionError):
        problem = None
    given = problem if isinstance(problem, dict) else {}
    detail = given.get("detail") or given.get("title") or f"HTTP {answer.status_code} {answer.reason_phrase}"
    errors = given.get("errors")
    return Refused(
        answer.status_code,
        str(detail),
        errors if isinstance(errors, dict) else None,
        retry_after(answer.headers.get("Retry-After", "")),
    )


def retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header, which has seconds or a date; None when there is no sense in it."""
    try:
        seconds = float(value)
    except ValueError:
        parsed = email.utils.parsedate_tz(value)
        if parsed is None:
            return None
        seconds = email.utils.mktime_tz(parsed) - time.time()
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER) if math.isfinite(seconds) else None
