"""The small text work that the built-in offline model can do, one pure function per skill.

A skill reads the input of a command run and gives markdown made of it: it counts, sorts, matches and
quotes. It never pretends to know what the input does not say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from apps.agents.connectors.offline_review import review, scan
from apps.agents.connectors.offline_text import (
    bullets,
    count_tokens,
    facts,
    keywords,
    lines,
    matches,
    material,
    sentences,
    shortened,
    telling,
    title,
    with_signal,
)
from apps.agents.connectors.offline_words import (
    ACTIONS,
    BAD,
    CATEGORIES,
    CHANGES,
    GOOD,
    IDEA_TOPICS,
    MUST,
    RISKS,
    SEVERITIES,
    TOPICS,
)

Skill = Callable[[dict[str, Any]], str]

TIME = re.compile(r"\b(?:\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d(?::\d\d)?\b|\b\d{4}-\d\d-\d\d\b")
LEVEL = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARN(?:ING)?|INFO|DEBUG)\b")


def summarise(given: dict[str, Any]) -> str:
    text = material(given)
    return f"**In short**\n{bullets(telling(text, 4))}\n\n**It is about:** {', '.join(keywords(text))}"


def checklist(given: dict[str, Any]) -> str:
    text = material(given)
    wanted = [sentence for sentence, _ in with_signal(text, [w for words in ACTIONS.values() for w in words])]
    chosen = (wanted or telling(text, 6))[:10]
    return f"**Checklist ({len(chosen)} items)**\n{bullets(chosen, '- [ ]')}"


def classify(given: dict[str, Any]) -> str:
    text = material(given)
    found = {name: matches(text, words) for name, words in CATEGORIES.items()}
    category = max(found, key=lambda name: len(found[name]))
    severity, why = next(
        ((name, hits) for name, words in SEVERITIES.items() if (hits := matches(text, words))), ("low", [])
    )
    if not found[category]:
        category = "unclassified"
    evidence = with_signal(text, [*found.get(category, []), *why])[:3]
    return (
        f"**Category:** {category}{_because(found.get(category, []))}\n"
        f"**Severity:** {severity}{_because(why)}\n"
        f"**Area:** {', '.join(keywords(text, 4)) or 'not said'}\n\n"
        f"**Evidence**\n{bullets(sentence for sentence, _ in evidence) or '- no signal word found'}"
    )


def _because(words: list[str]) -> str:
    return f" (it says: {', '.join(words)})" if words else ""


def extract(given: dict[str, Any]) -> str:
    text = material(given)
    rows = [f"- **{label}:** {', '.join(values[:8])}" for label, values in facts(text).items()]
    named = "\n".join(rows) or "- no links, versions, errors, files or amounts are named"
    return f"**Facts named in the text**\n{named}\n\n**Main words:** {', '.join(keywords(text))}"


def outline(given: dict[str, Any]) -> str:
    parts = []
    for name, value in given.items():
        text = material({name: value})
        lead = telling(text, 3) or lines(text)[:1]
        if lead:
            parts.append(
                f"## {title(name)}\n{bullets(lead)}\n\n_Terms:_ {', '.join(keywords(text, 5)) or 'none'}"
            )
    return "\n\n".join(parts)


def criteria(given: dict[str, Any]) -> str:
    text = material(given)
    chosen = (_wanted(text) or telling(text, 5))[:8]
    rows = [f"{number}. {_given_when_then(sentence)}" for number, sentence in enumerate(chosen, 1)]
    return f"**Acceptance criteria ({len(rows)})**\n" + "\n".join(rows)


def _wanted(text: str) -> list[str]:
    return [sentence for sentence, _ in with_signal(text, MUST) if not sentence.endswith("?")]


def _given_when_then(sentence: str) -> str:
    condition = re.match(r"(?:When|If)\s+(?P<when>[^,]+),\s*(?:then\s+)?(?P<then>.+)", sentence)
    if condition:
        return f"**When** {condition['when']}, **then** {shortened(condition['then'])}"
    return shortened(sentence)


def plan(given: dict[str, Any]) -> str:
    rest = sentences(material(given))
    phases: list[str] = []
    for phase, words in reversed(ACTIONS.items()):
        mine = [sentence for sentence in rest if matches(sentence, words)][:5]
        rest = [sentence for sentence in rest if sentence not in mine]
        if mine:
            phases.insert(0, f"**{phase}**\n{bullets(mine)}")
    if known := telling("\n".join(rest), 4):
        phases.insert(0, f"**Given**\n{bullets(known)}")
    return "\n\n".join(f"{number}. {phase}" for number, phase in enumerate(phases, 1))


def tests(given: dict[str, Any]) -> str:
    text = material(given)
    wanted = (_wanted(text) or telling(text, 5))[:6]
    numbers = list(dict.fromkeys(re.findall(r"(?<![\w.:-])\d{1,6}(?![\w.:-])", text)))[:4]
    quoted = list(dict.fromkeys(re.findall(r"[\"“'`]([^\"”'`\n]{2,40})[\"”'`]", text)))[:3]
    negative = [sentence for sentence, _ in with_signal(text, ("not", "never", "without", "only", "no"))][:3]
    parts = [f"**Cases ({len(wanted)})**\n{bullets((f'Check: {item}' for item in wanted), '- [ ]')}"]
    edges = [f"Boundary {number}: also {int(number) - 1} and {int(number) + 1}" for number in numbers]
    edges += [f"Exact text “{value}”, then an empty one" for value in quoted]
    if edges:
        parts.append(f"**Edges**\n{bullets(edges, '- [ ]')}")
    if negative:
        parts.append(f"**Must not happen**\n{bullets(negative, '- [ ]')}")
    return "\n\n".join(parts)


def release_notes(given: dict[str, Any]) -> str:
    groups: dict[str, list[str]] = {name: [] for name in CHANGES}
    for line in lines(material({"changes": given["changes"]} if "changes" in given else given)):
        name = next((name for name, words in CHANGES.items() if matches(line, words)), "Changed")
        groups[name].append(re.sub(r"^\w+(?:\([\w-]+\))?!?:\s*", "", line))
    filled = {name: items for name, items in groups.items() if items}
    return "\n\n".join(f"### {name}\n{bullets(items[:12])}" for name, items in filled.items())


def timeline(given: dict[str, Any]) -> str:
    timed = [(found.group(), line) for line in lines(material(given)) if (found := TIME.search(line))]
    if not timed:
        return f"**No times are given. In the order told:**\n{bullets(telling(material(given), 5))}"
    timed.sort(key=lambda pair: _sortable(pair[0]))
    rows = bullets(line for _, line in timed)
    return f"**Timeline ({len(timed)} entries, {timed[0][0]} to {timed[-1][0]})**\n{rows}"


def _sortable(moment: str) -> str:
    """9:58 and 09:58:00 are the same time; a day stands before its hours."""
    day, _, hours = moment.replace("T", " ").rpartition(" ") if ":" in moment else (moment, "", "0:00")
    parts = [*hours.split(":"), "00"][:3]
    return f"{day:>10} " + ":".join(part.zfill(2) for part in parts)


def measure(given: dict[str, Any]) -> str:
    text = material(given)
    levels = [found.upper() for found in LEVEL.findall(text)]
    numbers = [float(number) for number in re.findall(r"(?<![\w.:#-])-?\d+(?:\.\d+)?(?![\w:-]|\.\d)", text)]
    rows = [f"{len(text.splitlines())} lines, {len(sentences(text))} sentences, {count_tokens(text)} tokens"]
    rows += [f"{level}: {levels.count(level)} lines" for level in dict.fromkeys(levels)]
    if numbers:
        mean = sum(numbers) / len(numbers)
        rows.append(
            f"{len(numbers)} numbers: least {min(numbers):g}, mean {mean:g}, greatest {max(numbers):g}"
        )
    shapes = [re.sub(r"\d+", "N", line) for line in lines(text)]
    repeated = sorted(
        {shape for shape in shapes if shapes.count(shape) > 1}, key=lambda s: (-shapes.count(s), s)
    )
    rows += [f"{shapes.count(shape)} times: {shape}" for shape in repeated[:3]]
    return f"**Counted**\n{bullets(rows)}\n\n**Most frequent words:** {', '.join(keywords(text, 6))}"


def gaps(given: dict[str, Any]) -> str:
    return _covered(material(given), TOPICS)


def questions(given: dict[str, Any]) -> str:
    return _covered(material(given), IDEA_TOPICS)


def _covered(text: str, topics: dict[str, tuple[str, ...]]) -> str:
    said = {topic: with_signal(text, words)[:1] for topic, words in topics.items()}
    known = [f"**{topic}:** {found[0][0]}" for topic, found in said.items() if found]
    missing = [f"**{topic}:** not said, ask for it" for topic, found in said.items() if not found]
    asked = [sentence for sentence in sentences(text) if sentence.endswith("?")][:4]
    parts = [f"**Said**\n{bullets(known) or '- none of the usual points'}"]
    parts.append(f"**Missing**\n{bullets(missing) or '- nothing of the usual points'}")
    if asked:
        parts.append(f"**Asked**\n{bullets(asked)}")
    return "\n\n".join(parts)


def risks(given: dict[str, Any]) -> str:
    found = with_signal(material(given), RISKS)
    ordered = sorted(found, key=lambda pair: -len(pair[1]))[:6]
    rows = [f"{sentence} _(signals: {', '.join(words)})_" for sentence, words in ordered]
    return f"**Risks named in the text ({len(found)})**\n{bullets(rows) or '- no signal word found'}"


def verdict(given: dict[str, Any]) -> str:
    found = sentences(material(given))
    # "0 failed" speaks for it, "not tested" against it.
    against = [s for s in found if matches(re.sub(r"\b(?:0|no|zero|without) \w+", "", s), BAD)]
    favour = [s for s in found if matches(re.sub(r"\b(?:not|never) \w+", "", s), GOOD) and s not in against]
    advice = "look at the points against first" if against else "no word counts against it"
    return (
        f"**By count of signal words:** {len(against)} against, {len(favour)} for; {advice}.\n\n"
        f"**Against**\n{bullets(against[:5]) or '- nothing'}\n\n"
        f"**For**\n{bullets(favour[:5]) or '- nothing'}"
    )


def estimate(given: dict[str, Any]) -> str:
    text = material(given)
    parts = [sentence for sentence, _ in with_signal(text, [*ACTIONS["Change"], *ACTIONS["Verify"]])]
    unknown = [
        sentence for sentence, _ in with_signal(text, ("unknown", "unclear", "maybe", "investigate", "tbd"))
    ]
    points = len(parts) + 2 * len(unknown)
    size = next(name for name, top in (("S", 3), ("M", 7), ("L", 14), ("XL", 10_000_000)) if points <= top)
    return (
        f"**Size {size}** by count: {len(parts)} parts to do, {len(unknown)} unknowns (counted twice).\n\n"
        f"**Parts**\n{bullets(parts[:8]) or '- none found'}"
    )


def compare(given: dict[str, Any]) -> str:
    texts = [(title(name), material({name: value})) for name, value in given.items()]
    (first, left), (second, right) = [*texts, ("Nothing", ""), ("Nothing", "")][:2]
    mine, theirs = lines(left), lines(right)
    ratio = (
        difflib.SequenceMatcher(None, left, right, autojunk=False).ratio()
        if len(left + right) < 20_000
        else None
    )
    both = [line for line in mine if line in theirs]
    parts = [f"**{len(both)} lines in both**" + (f", {ratio:.0%} alike" if ratio is not None else "")]
    for name, own, other in ((first, mine, theirs), (second, theirs, mine)):
        only = [line for line in own if line not in other]
        parts.append(f"**Only in {name.lower()} ({len(only)})**\n{bullets(only[:6]) or '- nothing'}")
    return "\n\n".join(parts)


SKILLS: dict[str, Skill] = {
    skill.__name__: skill
    for skill in (
        summarise, checklist, classify, extract, outline, criteria, plan, tests, questions, release_notes,
        timeline, measure, gaps, risks, verdict, estimate, compare, review, scan,
    )
}  # fmt: skip
