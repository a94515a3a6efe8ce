"""What an agent is at, in one line, from what its span says. Plain Python."""

from __future__ import annotations

from typing import Any

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.agents.telemetry.values import MAX_TEXT, Values, as_text, clean, first_text

MAX_TITLE = 120
LONGEST_MESSAGES = 1_048_576  # characters of messages that a title is looked for in
TITLE = "mc.task.title"
MESSAGES = ("gen_ai.input.messages", "pydantic_ai.all_messages")
INPUT = "input.value"
CLAUDE_CODE = "claude_code."
CLAUDE_PROMPT = "user_prompt"
TITLE_KEYS = (TITLE, *MESSAGES, INPUT, CLAUDE_PROMPT)


def title_of(span: Span, values: Values, name: str) -> str:
    """What the agent is at: as it says, or what it was last asked, or the span's name."""
    title = first_text(values, (TITLE,), MAX_TITLE)
    if not title and name.startswith(CLAUDE_CODE):
        asked = as_text(values.get(CLAUDE_PROMPT))
        title = title_from(asked) if asked != "<REDACTED>" else ""
    for key in MESSAGES:
        if title:
            break
        if (messages := values.get(key)) is not None:
            title = title_from(last_asked(_whole_text(span, key) if type(messages) is str else messages))
    if not title and (asked := as_text(values.get(INPUT))) and asked[0] not in "{[":
        title = title_from(asked)
    return title or name


def title_from(text: str) -> str:
    """The first characters of a text, on one line."""
    return clean(" ".join(text[: MAX_TITLE * 4].split()), MAX_TITLE)


def _whole_text(span: Span, key: str) -> Any:
    """The messages under that key, from before they were cut; None if they are no JSON."""
    text: str = next((pair.value.string_value for pair in span.attributes if pair.key == key), "")
    try:
        return orjson.loads(text) if len(text) <= LONGEST_MESSAGES else None
    except orjson.JSONDecodeError:
        return None


def last_asked(messages: Any) -> str:
    """The last text that a user said in messages of the GenAI conventions."""
    for message in reversed(messages) if isinstance(messages, list) else ():
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        parts = message.get("parts", message.get("content"))
        for part in reversed(parts) if isinstance(parts, list) else (parts,):
            text = _text(part) if isinstance(part, dict) else part
            if isinstance(text, str) and text.strip():
                return text[:MAX_TEXT]
    return ""


def _text(part: dict[str, Any]) -> Any:
    return part.get("content", part.get("text")) if part.get("type", "text") == "text" else None
