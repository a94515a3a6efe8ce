"""Does the work of an HTTP step: one request through the guard, its answer as the result.

The request is the work's input: `method`, `url`, `headers`, `body`, `accept`, and the names of the
`secrets` that the definition itself put into its headers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.agents import named_secrets, outbound
from apps.agents.connectors.base import ConnectorError, Outcome, Report, Work
from apps.agents.named_secrets import Secret
from apps.agents.outbound import Answer, OutboundError, Request

# Of an answer's headers, those that say something of its content; never a cookie.
KEPT_HEADERS = ("content-type", "etag", "last-modified", "link", "location", "retry-after", "x-request-id")
LONGEST_HEADER = 2_000
LONGEST_EXCERPT = 300
MAY_PASS = frozenset({408, 425, 429})
DEEPEST = 64
MARGIN_SECONDS = 5  # whoever runs the work stops it in time; this is for when nobody does


class HttpConnector:
    """Sends the request and reads the answer. Every try carries the same Idempotency-Key."""

    async def run(self, work: Work, report: Report) -> Outcome:
        given = work.input
        secrets = {name: settings.SECRETS.get(name) for name in given.get("secrets") or []}
        known = [secret for secret in secrets.values() if secret]
        try:
            request = _request(given, secrets, work.idempotency_key)
            host = outbound.checked(request).host
            await report.progress(1, f"{request.method} {host}")
            answer = await outbound.send(request, seconds=work.timeout_seconds + MARGIN_SECONDS)
        except OutboundError as error:
            message = named_secrets.hidden(error.message, known)
            raise ConnectorError(error.code, message, retryable=error.retryable) from None
        if not _is_accepted(answer.status, given.get("accept")):
            raise _refusal(host, answer, known)
        await report.progress(99, f"{host} answered {answer.status}")
        return Outcome(_output(answer, known), None, None, "", demo=False)


def _request(given: Mapping[str, Any], secrets: Mapping[str, Secret | None], key: str) -> Request:
    headers = {str(name): str(value) for name, value in (given.get("headers") or {}).items()}
    said = {name.lower() for name in headers}
    body = given.get("body")
    content = b""
    if isinstance(body, str):
        content, kind = body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    elif body is not None:
        content, kind = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), "application/json"
    if content and "content-type" not in said:
        headers["Content-Type"] = kind
    if "idempotency-key" not in said:
        headers["Idempotency-Key"] = key
    if "user-agent" not in said:
        headers["User-Agent"] = f"MissionControl/{settings.VERSION}"
    url = str(given["url"])
    if secrets:
        headers = _with_secrets(headers, secrets, url)
    return Request(str(given["method"]), url, headers, content)


def _with_secrets(
    headers: Mapping[str, str], secrets: Mapping[str, Secret | None], url: str
) -> dict[str, str]:
    """The headers with the values in place of the marks, if each may go where the request goes."""
    target = outbound.parsed(url)
    port = outbound.port_of(target)
    for name, secret in secrets.items():
        if secret is None:
            raise _unusable(f"The secret {name} is not known to this worker: set MC_SECRET_{name}.")
        if not secret.may_go_to(target.host, port):
            said = f"MC_SECRET_{name}_HOSTS does not list it."
            raise _unusable(f"The secret {name} may not be sent to {target.host}: {said}")
        if target.scheme != "https" and not outbound.policy().names(target.host, port):
            raise _unusable(f"The secret {name} is sent over https only.")

    def put_in(text: str) -> str:
        # Marks that came with data and not from the definition stay marks.
        return named_secrets.MARK.sub(lambda m: s.value if (s := secrets.get(m[1])) else m[0], text)

    return {name: put_in(value) for name, value in headers.items()}


def _is_accepted(status: int, accept: list[int] | None) -> bool:
    return status in accept if accept else 200 <= status < 300


def _refusal(host: str, answer: Answer, secrets: list[Secret]) -> ConnectorError:
    """Why an answer is no result, with the beginning of what it says."""
    text = " ".join(answer.body[: 4 * LONGEST_EXCERPT].decode("utf-8", "replace").split())
    text = named_secrets.hidden(text, secrets)
    excerpt = text if len(text) <= LONGEST_EXCERPT else text[: LONGEST_EXCERPT - 1] + "…"
    message = f"{host} answered {answer.status}."
    if 300 <= answer.status < 400:
        message += " Redirects are not followed; use the address it leads to."
    elif excerpt:
        message += f" It says: {excerpt}"
    retryable = answer.status in MAY_PASS or answer.status >= 500
    pause = outbound.retry_after(answer) if retryable else None
    return ConnectorError(f"http_{answer.status}", message, retryable=retryable, retry_after=pause)


def _output(answer: Answer, secrets: list[Secret]) -> dict[str, Any]:
    headers = {name: answer.headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in answer.headers}
    output = {"status": answer.status, "headers": headers, "body": _content(answer)}
    hidden: dict[str, Any] = named_secrets.hidden(output, secrets)
    return hidden


def _content(answer: Answer) -> Any:
    """The body as a JSON value if it says to be one and is, else as text; null when it is empty."""
    if not answer.body:
        return None
    kind, _, parameters = answer.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            value = None
        if value is not None and _is_shallow(value, DEEPEST):
            return value
    _, _, charset = parameters.lower().partition("charset=")
    try:
        return answer.body.decode(charset.split(";")[0].strip(" \"'") or "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in inner)


def _unusable(message: str) -> OutboundError:
    return OutboundError("secret_unusable", message, retryable=False)
