"""Reading code and diffs without a model: what changed, and lines that match well-known warning signs."""

from __future__ import annotations

import re
from typing import Any

from apps.agents.connectors.offline_text import bullets, material, sentences, shortened, with_signal
from apps.agents.connectors.offline_words import SCAN_RULES, SECURITY_WORDS, VAGUE, Rule

REVIEW_RULES: tuple[Rule, ...] = (
    ("left-over marker", re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")),
    ("debugging output", re.compile(r"\bprint\(|console\.log\(|\bdebugger\b|\bpdb\b")),
    ("catches everything", re.compile(r"\bexcept\s*:|\bexcept Exception\b|catch\s*\(\s*\)\s*\{\s*\}")),
    ("silenced checker", re.compile(r"type:\s*ignore|noqa|eslint-disable|@ts-ignore")),
    ("mutable default", re.compile(r"def \w+\([^)]*=\s*(?:\[\]|\{\})")),
    ("waits by sleeping", re.compile(r"\bsleep\(")),
)


def review(given: dict[str, Any]) -> str:
    """A diff or code by rules with line numbers; prose by vague words and long sentences."""
    text = material(given)
    parts = []
    if changes := diff_counts(text):
        parts.append(f"**Change:** {changes}")
    findings = matching_lines(text, REVIEW_RULES)
    vague = [f"vague ({', '.join(words)}): {sentence}" for sentence, words in with_signal(text, VAGUE)][:4]
    long = [f"long: {sentence}" for sentence in sentences(text) if len(sentence.split()) > 35][:3]
    found = [*findings, *vague, *long]
    parts.append(f"**Findings ({len(found)})**\n{bullets(found[:10]) or '- no rule matched'}")
    if changes and not re.search(r"(?im)^\+\+\+ .*test|^diff .*test", text):
        parts.append("**Note:** the change touches no test file.")
    return "\n\n".join(parts)


def scan(given: dict[str, Any]) -> str:
    """Lines that match known dangerous patterns, then sentences that touch security."""
    text = material(given)
    findings = matching_lines(text, SCAN_RULES)
    touched = [f"{sentence} _({', '.join(words)})_" for sentence, words in with_signal(text, SECURITY_WORDS)][
        :5
    ]
    return (
        f"**Patterns matched ({len(findings)} of {len(SCAN_RULES)} rules tried per line)**\n"
        f"{bullets(findings[:10]) or '- no rule matched'}\n\n"
        f"**Sentences that touch security**\n{bullets(touched) or '- none'}"
    )


def diff_counts(text: str) -> str:
    """Files, lines added and removed of a unified diff; empty when the text is none."""
    files = re.findall(r"(?m)^\+\+\+ (?:b/)?(\S+)", text)
    added = len(re.findall(r"(?m)^\+(?!\+\+)", text))
    removed = len(re.findall(r"(?m)^-(?!--|\s)", text))
    if not files and not (re.search(r"(?m)^@@", text) and added + removed):
        return ""
    named = f" in {', '.join(files[:5])}" if files else ""
    return f"{added} lines added, {removed} removed{named}"


def matching_lines(text: str, rules: tuple[Rule, ...]) -> list[str]:
    """ "line 3, debugging output: `print(x)`"; a secret's value is not repeated."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-") and not line.startswith("- "):
            continue  # removed by the diff
        for name, pattern in rules:
            if hit := pattern.search(line):
                shown = re.sub(r"([:=]\s*['\"]?)[\w\-/+]{8,}", r"\1…", hit.group()).strip()
                found.append(f"line {number}, {name}: `{shortened(shown, 60)}`")
    return found
