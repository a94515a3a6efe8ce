"""Reading plain text without a model: sentences, keywords, facts, signal words. Pure functions."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from apps.agents.connectors.offline_words import FACTS, STOPWORDS

TOKEN = re.compile(r"\w+|[^\w\s]")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_'-]*")
MARKS = re.compile(r"^\s*(?:[-*+•>]\s+|\d{1,3}[.)]\s+|\[[ xX]\]\s+|#{1,6}\s+|Check:\s+)+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'`(\[])")


def count_tokens(text: str) -> int:
    """How many words and marks there are: the offline model's own unit, not a provider's."""
    return len(TOKEN.findall(text))


def material(given: dict[str, Any]) -> str:
    """The text of an input, one block per parameter in the given order; empty values are left out."""
    blocks = [(name, _flat(value)) for name, value in given.items()]
    filled = [(name, text) for name, text in blocks if text.strip()]
    return "\n\n".join(text if len(filled) == 1 else f"## {title(name)}\n{text}" for name, text in filled)


def title(name: str) -> str:
    """A parameter's name as a heading: release_notes becomes Release notes."""
    return name.replace("_", " ").strip().capitalize()


def _flat(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return "\n".join(f"- {_flat(item)}" for item in value)
        case dict():
            return "\n".join(f"- {name}: {_flat(item)}" for name, item in value.items())
        case _:
            return json.dumps(value)


def lines(text: str) -> list[str]:
    """The non-empty lines without list marks."""
    return [bare for line in text.splitlines() if (bare := MARKS.sub("", line).strip())]


def sentences(text: str) -> list[str]:
    """Every sentence once, in reading order; headings, code fences, changed lines of a diff are left out."""
    found: dict[str, None] = {}
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        # "_" begins a note of this model's own, read again in a later step.
        if fenced or line.lstrip().startswith(("#", "_")) or re.match(r"[+-](?![ ])|@@|diff ", line):
            continue
        bare = MARKS.sub("", line).replace("**", "").strip()
        for sentence in SENTENCE_END.split(bare):
            if len(WORD.findall(sentence)) >= 2 and not sentence.endswith(":"):
                found.setdefault(sentence.strip())
    return list(found)


def keywords(text: str, limit: int = 8) -> list[str]:
    """The most frequent meaningful words, the earliest first among equals."""
    counted = Counter(_meaningful(text))
    first = {word: position for position, word in reversed(list(enumerate(_meaningful(text))))}
    return sorted(counted, key=lambda word: (-counted[word], first[word]))[:limit]


def _meaningful(text: str) -> list[str]:
    words = (word.lower().removesuffix("'s").strip("'-_") for word in WORD.findall(text))
    return [word for word in words if len(word) > 2 and word not in STOPWORDS]


def telling(text: str, limit: int = 4) -> list[str]:
    """The sentences that hold most of the text's frequent words, in reading order."""
    weights = Counter(_meaningful(text))
    given = sentences(text)

    def weight(item: tuple[int, str]) -> tuple[float, int]:
        position, sentence = item
        words = set(_meaningful(sentence))
        return (-sum(weights[word] for word in words) / (len(words) + 6), position)

    chosen = sorted(sorted(enumerate(given), key=weight)[:limit])
    return [sentence for _, sentence in chosen]


def facts(text: str) -> dict[str, list[str]]:
    """What can be pointed at: links, versions, errors, files; each value once, in reading order."""
    found = {label: list(dict.fromkeys(pattern.findall(text))) for label, pattern in FACTS.items()}
    return {label: values for label, values in found.items() if values}


def matches(text: str, words: Iterable[str]) -> list[str]:
    """Which of the words or phrases occur, as whole words with their usual endings."""
    wanted = tuple(words)
    found = set(_pattern(wanted).findall(text.lower()))
    return [word for word in wanted if word in found]


@lru_cache(maxsize=128)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, words))})(?:s|es|ed|d|ing)?(?!\w)")


def with_signal(text: str, words: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The sentences in which one of the words occurs, with the words found."""
    signals = tuple(words)
    return [(sentence, found) for sentence in sentences(text) if (found := matches(sentence, signals))]


def shortened(text: str, limit: int = 240) -> str:
    """At most `limit` characters, cut at a word."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def bullets(items: Iterable[str], mark: str = "-") -> str:
    return "\n".join(f"{mark} {shortened(item)}" for item in items)
