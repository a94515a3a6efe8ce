"""What a call of a model costs by list price, and that nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.telemetry import prices
from apps.agents.telemetry.prices import OWN, cost_of
from config.env import Env

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MILLION = 1_000_000


@pytest.fixture
def own_file(tmp_path: Path) -> Iterator[Path]:
    """A price file that tests may write and name to `prices.use`; the product's own table afterwards."""
    yield tmp_path / "prices.yaml"
    prices.use(None)


def test_each_kind_of_token_has_its_price() -> None:
    model = "claude-opus-4-5"
    assert cost_of(model, MILLION, 0, 0, 0, NOW) == Decimal(5)
    assert cost_of(model, 0, MILLION, 0, 0, NOW) == Decimal(25)
    assert cost_of(model, MILLION, 0, MILLION, 0, NOW) == Decimal("0.5")
    assert cost_of(model, MILLION, 0, 0, MILLION, NOW) == Decimal("6.25")


def test_cached_tokens_are_part_of_the_input() -> None:
    # 600 fresh, 300 read, 100 written
    expected = (Decimal(600 * 5) + Decimal(300) / 2 + Decimal(100) * Decimal("6.25")) / MILLION
    assert cost_of("claude-opus-4-5", 1000, 0, 300, 100, NOW) == expected


def test_unless_they_are_more_than_it_for_then_the_sender_left_them_out() -> None:
    expected = (Decimal(10 * 5) + Decimal(1000) / 2) / MILLION
    assert cost_of("claude-opus-4-5", 10, 0, 1000, 0, NOW) == expected


@pytest.mark.parametrize("model", ["", "my-model", "gpt-5-mini-of-mine", "gpt", "claude", "o3-pro"])
def test_an_unknown_model_has_no_cost_and_never_zero(model: str) -> None:
    assert cost_of(model, 1000, 1000, 0, 0, NOW) is None


def test_unknown_tokens_have_no_cost() -> None:
    assert cost_of("gpt-5", None, 5, 0, 0, NOW) is None
    assert cost_of("gpt-5", 5, None, 0, 0, NOW) is None
    assert cost_of("gpt-5", 5, 0, 0, 3, NOW) is None  # nobody lists a price of its cache writes


def test_an_embedding_has_no_output() -> None:
    assert cost_of("text-embedding-3-small", MILLION, None, None, None, NOW) == Decimal("0.02")


@pytest.mark.parametrize(
    "model",
    [
        "gpt-5-mini-2025-08-07",
        "openai/gpt-5-mini",
        "GPT-5-mini",
        "gpt-5-mini-latest",
        "gateway/openai/gpt-5-mini",
    ],
)
def test_a_date_or_a_provider_around_the_name_does_not_matter(model: str) -> None:
    assert cost_of(model, MILLION, 0, 0, 0, NOW) == Decimal("0.25")


def test_dates_of_anthropic_and_vertex_do_not_matter() -> None:
    for model in ("claude-haiku-4-5-20251001", "claude-haiku-4-5@20251001"):
        assert cost_of(model, MILLION, 0, 0, 0, NOW) == Decimal(1)


def test_a_price_holds_from_its_day_on() -> None:
    assert cost_of("o3", MILLION, 0, 0, 0, datetime(2025, 4, 15, 23, 59, tzinfo=UTC)) is None
    assert cost_of("o3", MILLION, 0, 0, 0, datetime(2025, 6, 9, 23, 59, tzinfo=UTC)) == Decimal(10)
    assert cost_of("o3", MILLION, 0, 0, 0, datetime(2025, 6, 10, tzinfo=UTC)) == Decimal(2)


def test_a_longer_prompt_than_the_price_is_for_has_no_cost() -> None:
    assert cost_of("claude-sonnet-4-5", 200_000, 0, 0, 0, NOW) == Decimal("0.6")
    assert cost_of("claude-sonnet-4-5", 200_001, 0, 0, 0, NOW) is None
    assert cost_of("claude-sonnet-4-5", 10, 0, 200_000, 0, NOW) is None


def test_more_than_a_column_holds_is_not_known() -> None:
    assert cost_of("claude-opus-4-1", 2**63 - 1, 2**63 - 1, 0, 0, NOW) is None


def test_the_own_table_is_dated_and_says_that_it_holds_list_prices() -> None:
    assert "list prices" in OWN.read_text()
    entries = prices.read(OWN)
    assert len({model for entry in entries for model in entry.models}) >= 12
    assert all(entry.since <= NOW.date() for entry in entries)


@given(
    st.sampled_from([model for entry in prices.read(OWN) for model in entry.models]),
    *[st.none() | st.integers(0, 2**63 - 1) for _ in range(4)],
)
def test_a_cost_is_never_negative_and_fits(
    model: str, given_: int | None, gave: int | None, read: int | None, written: int | None
) -> None:
    cost = cost_of(model, given_, gave, read, written, NOW)
    assert cost is None or 0 <= cost <= prices.MOST


def test_an_own_file_is_looked_at_first_and_ours_where_it_has_nothing(own_file: Path) -> None:
    own_file.write_text(
        "prices:\n"
        "  - {models: [gpt-5, 'local/*'], from: 2026-11-01, input: 1, output: 2}\n"
        "  - {models: ['llama-*'], from: 2026-11-01, input: 0, output: 0}\n"
    )
    prices.use(own_file)
    assert cost_of("gpt-5", MILLION, MILLION, 0, 0, NOW) == Decimal(3)
    assert cost_of("llama-3.3-70b", MILLION, MILLION, 0, 0, NOW) == 0
    assert cost_of("local/anything", MILLION, 0, 0, 0, NOW) == 1
    assert cost_of("gpt-5", MILLION, 0, 0, 0, datetime(2026, 10, 1, tzinfo=UTC)) == Decimal("1.25")
    assert cost_of("gpt-5-mini", MILLION, 0, 0, 0, NOW) == Decimal("0.25")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prices: [", "is not YAML"),
        ("[]", "the file"),
        ("prices: [{models: [a], from: 2026-01-01, input: -1, output: 1}]", "prices.0.input"),
        ("prices: [{models: [a], from: someday, input: 1, output: 1}]", "prices.0.from"),
        ("prices: [{models: [a], from: 2026-01-01, input: 1, output: 1, tax: 3}]", "prices.0.tax"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(own_file: Path, text: str, told: str) -> None:
    own_file.write_text(text)
    with pytest.raises(ValueError, match=told):
        prices.use(own_file)


def test_a_wrong_file_stops_the_start_with_the_variables_name(own_file: Path) -> None:
    own_file.write_text("prices: 7")
    with pytest.raises(ValueError, match=r"MC_PRICES_FILE\n.*prices.yaml: prices: "):
        Env.model_validate({"MC_PRICES_FILE": str(own_file)})
