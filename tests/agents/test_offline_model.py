"""The built-in offline model: what it writes is a function of what it reads, and only of that."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.connectors.offline import NOTHING, OfflineConnector, answer, chunks
from apps.agents.connectors.offline_review import diff_counts
from apps.agents.connectors.offline_skills import SKILLS
from apps.agents.connectors.offline_text import count_tokens, facts, keywords, material, sentences, telling
from tests.agents.provider import Told, work

REPORT = (
    "The checkout button does nothing on Safari 17.2 since release 4.12.0. Steps: open the cart, press Pay. "
    "I expected the payment page. The console says TypeError in src/checkout/pay.ts. Can we roll back?"
)
DIFF = "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,3 @@\n-old = 1\n+print(old)\n+api_key = 'abcdefgh12345678'\n"

texts = st.text(max_size=400) | st.lists(
    st.sampled_from(REPORT.split(". ") + DIFF.splitlines() + ["# Head", "- item 3", "", "10:30 it broke"])
).map("\n".join)


async def run(skill: str, given: dict[str, Any], told: Told | None = None) -> Any:
    return await OfflineConnector(pace=0).run(work(offline=skill, input=given), told or Told())


async def test_its_text_arrives_in_pieces_and_its_tokens_are_counted() -> None:
    told = Told()
    outcome = await run("classify", {"report": REPORT}, told)
    text = outcome.output["text"]
    assert (outcome.model, outcome.demo, outcome.cost_usd) == ("demo model", True, None)
    assert outcome.input_tokens == count_tokens(REPORT)
    assert outcome.output_tokens == count_tokens(text)
    percents = [line[0] for line in told.lines]
    assert percents == sorted(percents)
    assert percents[-1] == 99
    assert told.lines[-1][2] == text
    assert len(told.lines) > 5


async def test_it_can_be_cancelled_while_it_writes() -> None:
    told = Told()
    running = asyncio.create_task(OfflineConnector(pace=100).run(work(), told))
    await told.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@given(skill=st.sampled_from(sorted(SKILLS)), first=texts, second=texts)
def test_every_skill_answers_every_text_the_same_way_twice(skill: str, first: str, second: str) -> None:
    given = {"text": first, "context": second}
    once = answer(skill, given)
    assert once == answer(skill, given)
    assert once.strip() or not sentences(first + second)
    assert len(once) < 20_000


@given(texts)
def test_sentences_are_quoted_not_invented(text: str) -> None:
    for sentence in telling(text):
        assert sentence in text.replace("**", "")


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(chunks(text)) == text


def test_an_empty_input_is_said_to_be_empty() -> None:
    assert answer("summarise", {"text": "  ", "more": None}) == NOTHING
    assert answer("summarise", {}) == NOTHING


def test_another_input_gives_another_answer() -> None:
    other = "A customer asks how to export invoices as CSV. The documentation has no example."
    for skill in ("summarise", "classify", "extract", "gaps", "outline"):
        assert answer(skill, {"text": REPORT}) != answer(skill, {"text": other})


def test_a_report_is_classified_by_words_that_it_holds() -> None:
    text = answer("classify", {"report": REPORT})
    assert "**Category:** bug" in text
    assert "**Severity:** high (it says: checkout, payment" in text.replace(
        "payment, checkout", "checkout, payment"
    )
    assert "feature" in answer("classify", {"report": "As a buyer I would like an export. Add CSV support."})
    assert "unclassified" in answer("classify", {"report": "Lorem ipsum dolor."})


def test_facts_are_found_where_they_stand() -> None:
    found = facts(REPORT)
    assert found["Versions"] == ["17.2", "4.12.0"]
    assert found["Files and paths"] == ["src/checkout/pay.ts"]
    assert found["Errors"] == ["TypeError"]


def test_a_diff_is_counted_and_its_warning_signs_are_placed() -> None:
    assert diff_counts(DIFF) == "2 lines added, 1 removed in app.py"
    assert "line 5, debugging output" in answer("review", {"diff": DIFF})
    scanned = answer("scan", {"diff": DIFF})
    assert "line 6, looks like a secret" in scanned
    assert "abcdefgh12345678" not in scanned


def test_release_notes_group_commit_lines() -> None:
    text = answer(
        "release_notes", {"changes": "feat: CSV export\nfix(cart): crash on empty cart\nchore: newer base"}
    )
    assert re.findall(r"### (\w+)", text) == ["Added", "Fixed", "Changed"]
    assert "- crash on empty cart" in text


def test_a_timeline_is_sorted_by_time() -> None:
    text = answer("timeline", {"log": "10:30 rolled back\n9:58 first alert\nno time here"})
    assert text.index("9:58 first alert") < text.index("10:30 rolled back")
    assert "2 entries, 9:58 to 10:30" in text


def test_a_negated_word_counts_for_the_other_side() -> None:
    text = answer("verdict", {"report": "412 tests passed, 0 failed. The migration was not tested."})
    assert "1 against, 1 for" in text
    assert text.index("The migration") < text.index("412 tests")


def test_conditions_become_when_and_then() -> None:
    text = answer("criteria", {"idea": "When the cart is empty, the button must be off. It must be fast."})
    assert "1. **When** the cart is empty, **then** the button must be off." in text


def test_numbers_become_boundaries_in_tests() -> None:
    assert "Boundary 100: also 99 and 101" in answer(
        "tests", {"story": "A cart must hold at most 100 items."}
    )


def test_two_texts_are_compared_by_lines() -> None:
    text = answer("compare", {"before": "alpha one\nbeta two", "after": "beta two\ngamma three"})
    assert "**1 lines in both**" in text
    assert "**Only in before (1)**\n- alpha one" in text


def test_log_lines_are_counted_by_level() -> None:
    text = answer("measure", {"log": "ERROR job 7 lost\nERROR job 8 lost\nINFO ok"})
    assert "ERROR: 2 lines" in text
    assert "2 times: ERROR job N lost" in text


def test_a_huge_input_is_read_in_part_and_says_so() -> None:
    given = {"log": "ERROR job 7 lost at 10:30\n" * 100_000, "notes": "No one knows why."}
    for skill in SKILLS:
        assert "Read in part: the input has" in answer(skill, given)


def test_an_input_of_several_parts_keeps_their_names() -> None:
    assert material({"report": "Broken.", "count": 3, "empty": ""}) == "## Report\nBroken.\n\n## Count\n3"
    assert keywords("Cart cart button") == ["cart", "button"]
