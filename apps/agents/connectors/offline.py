"""The built-in offline model: small honest text work, so that everything runs before a model is configured.

Its results are functions of the input alone. They are labelled "demo model" wherever they are shown.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from apps.agents.connectors.base import Outcome, Report, Work
from apps.agents.connectors.model import DEMO_MODEL
from apps.agents.connectors.offline_skills import SKILLS
from apps.agents.connectors.offline_text import count_tokens, material

CHUNKS = 12
LONGEST = 60_000  # characters; the worker has other things to do
NOTHING = "The input holds no text to work on."


class OfflineConnector:
    """Writes its text piece by piece so that progress can be watched; `pace` 0 writes at once."""

    def __init__(self, pace: float = 1.0) -> None:
        self.pace = pace

    async def run(self, work: Work, report: Report) -> Outcome:
        text = answer(work.offline, work.input)
        await report.progress(2, "Reading the input")
        pieces = chunks(text)
        pause = self.pace * min(3.0, 1.0 + len(text) / 800) / len(pieces)
        for number in range(1, len(pieces) + 1):
            await asyncio.sleep(pause)
            await report.progress(2 + 97 * number // len(pieces), "Writing", "".join(pieces[:number]))
        return Outcome(
            output={"text": text},
            input_tokens=count_tokens(material(work.input)),
            output_tokens=count_tokens(text),
            model=DEMO_MODEL,
            demo=True,
        )


def answer(skill: str, given: dict[str, Any]) -> str:
    """What the skill makes of the input; a command that names no known skill gets a summary."""
    length = len(material(given))
    if not re.search(r"\w", material(given)):
        return NOTHING
    if length > LONGEST:
        share = LONGEST // len(given) - 200
        part = answer(
            skill, {name: material({name: value})[: max(1, share)] for name, value in given.items()}
        )
        return f"{part}\n\n_Read in part: the input has {length} characters, the demo model reads {LONGEST}._"
    return SKILLS.get(skill, SKILLS["summarise"])(given) or SKILLS["summarise"](given)


def chunks(text: str) -> list[str]:
    """The text in about CHUNKS pieces, cut between words; joined they are the text."""
    words = re.findall(r"\S+\s*|\s+", text)
    size = max(1, -(-len(words) // CHUNKS))
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]
