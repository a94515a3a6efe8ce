"""The moments that a cron expression names in a time zone, over the days on which clocks are changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.workflows import cron
from apps.workflows.cron import CronError

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def shown(expression: str, zone: str, begin: datetime, count: int) -> list[str]:
    found = cron.upcoming(expression, zone, begin, count)
    return [at.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z") for at in found]


def before_spring(hour: int = 23, minute: int = 50) -> datetime:
    return datetime(2026, 3, 28, hour, minute, tzinfo=BERLIN)


def before_autumn() -> datetime:
    return datetime(2026, 10, 24, 23, 50, tzinfo=BERLIN)


def test_a_daily_moment_keeps_the_clock_time_and_not_the_distance() -> None:
    daily = shown("0 9 * * *", "Europe/Berlin", before_spring(8), 3)
    assert daily == ["28 09:00+0100", "29 09:00+0200", "30 09:00+0200"]
    times = cron.upcoming("0 9 * * *", "Europe/Berlin", before_spring(8), 2)
    assert times[1] - times[0] == timedelta(hours=23)


def test_a_moment_that_the_clock_jumps_over_happens_right_after_the_jump() -> None:
    found = shown("30 2 * * *", "Europe/Berlin", before_spring(), 2)
    assert found == ["29 03:00+0200", "30 02:30+0200"]


def test_two_moments_that_the_clock_jumps_over_are_one() -> None:
    found = shown("0,30 2 * * *", "Europe/Berlin", before_spring(), 3)
    assert found == ["29 03:00+0200", "30 02:00+0200", "30 02:30+0200"]
    with_three = shown("0 2,3 * * *", "Europe/Berlin", before_spring(), 3)
    assert with_three == ["29 03:00+0200", "30 02:00+0200", "30 03:00+0200"]


def test_a_moment_that_the_clock_shows_twice_happens_the_first_time() -> None:
    found = shown("30 2 * * *", "Europe/Berlin", before_autumn(), 2)
    assert found == ["25 02:30+0200", "26 02:30+0100"]


@pytest.mark.parametrize(("hour", "minute"), [(0, 45), (1, 15)])
def test_asked_between_the_two_showings_it_does_not_happen_again(hour: int, minute: int) -> None:
    begin = datetime(2026, 10, 25, hour, minute, tzinfo=UTC)
    assert shown("30 2 * * *", "Europe/Berlin", begin, 1) == ["26 02:30+0100"]


def test_what_goes_by_the_hour_or_minute_follows_elapsed_time() -> None:
    hourly = cron.upcoming("30 * * * *", "Europe/Berlin", before_autumn(), 30)
    assert {after - before for before, after in pairwise(hourly)} == {timedelta(hours=1)}
    half = cron.upcoming("*/30 * * * *", "Europe/Berlin", before_spring(), 60)
    assert {after - before for before, after in pairwise(half)} == {timedelta(minutes=30)}


def test_a_zone_with_a_half_hour_jump_is_treated_the_same() -> None:
    begin = datetime(2026, 10, 3, 12, 0, tzinfo=ZoneInfo("Australia/Lord_Howe"))
    assert shown("15 2 * * *", "Australia/Lord_Howe", begin, 2) == ["04 02:30+1100", "05 02:15+1100"]


def test_a_zone_whose_midnight_is_jumped_over_has_that_day_all_the_same() -> None:
    begin = datetime(2026, 3, 28, 12, 0, tzinfo=ZoneInfo("Asia/Beirut"))
    found = shown("0 0 * * *", "Asia/Beirut", begin, 2)
    assert found == ["29 01:00+0300", "30 00:00+0300"]


@pytest.mark.parametrize(
    ("expression", "zone", "field", "said"),
    [
        ("61 * * * *", "UTC", "cron", "'61' is no minute: write 0 to 59"),
        ("0 25 * * *", "UTC", "cron", "'25' is no hour: write 0 to 23"),
        ("0 0 31 2 *", "UTC", "cron", "'31' is no day of month"),
        ("0 0 * 13 *", "UTC", "cron", "'13' is no month: write 1 to 12, or JAN to DEC"),
        ("0 0 * * FUNDAY", "UTC", "cron", "'FUNDAY' is no day of week"),
        ("* * * *", "UTC", "cron", "has 4 fields instead of 5"),
        ("0 * * * * *", "UTC", "cron", "has 6 fields instead of 5"),
        ("@daily", "UTC", "cron", "has 1 fields instead of 5"),
        ("", "UTC", "cron", "has 0 fields"),
        ("1," * 60 + "1 * * * *", "UTC", "cron", "is longer than 100 characters"),
        ("0 9 * * *", "Berlin", "time_zone", "there is no time zone 'Berlin': write an IANA name"),
        ("0 9 * * *", "../../etc/passwd", "time_zone", "there is no time zone"),
        ("0 9 * * *", "", "time_zone", "there is no time zone ''"),
    ],
)
def test_what_is_no_cron_or_zone_is_named_with_its_field(
    expression: str, zone: str, field: str, said: str
) -> None:
    with pytest.raises(CronError, match=None) as found:
        cron.check(expression, zone)
    assert found.value.field == field
    assert said in str(found.value)


def test_an_expression_is_said_in_words() -> None:
    assert cron.describe("0 9 * * MON-FRI") == "At 09:00 on Monday through Friday"


def test_the_newest_moments_of_a_year_of_minutes_are_found_quickly() -> None:
    until = datetime(2026, 11, 1, tzinfo=UTC)
    began = time.perf_counter()
    found = cron.newest("* * * * *", "Europe/Berlin", until - timedelta(days=400), until, 100)
    assert time.perf_counter() - began < 1
    assert found == [until - timedelta(minutes=99 - n) for n in range(100)]


FIELDS = (
    st.one_of(st.just("*"), st.integers(0, 59).map(str), st.integers(1, 30).map(lambda n: f"*/{n}")),
    st.one_of(st.just("*"), st.integers(0, 23).map(str), st.integers(1, 12).map(lambda n: f"*/{n}")),
    st.one_of(st.just("*"), st.integers(1, 28).map(str), st.just("L")),
    st.one_of(st.just("*"), st.integers(1, 12).map(str)),
    st.one_of(st.just("*"), st.integers(0, 7).map(str), st.just("MON-FRI")),
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe"])


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    fields=st.tuples(*FIELDS),
    zone=ZONES,
    begin=st.integers(0, 3 * 365 * 24 * 60).map(lambda n: FIRST + timedelta(minutes=n, seconds=n % 60)),
)
def test_moments_rise_and_the_newest_of_a_stretch_are_those_found_going_forward(
    fields: tuple[str, ...], zone: str, begin: datetime
) -> None:
    expression = " ".join(fields)
    found = cron.upcoming(expression, zone, begin, 20)
    assert found == sorted(set(found))
    assert all(at > begin for at in found)
    if found:
        since, until = found[0], found[-1] + timedelta(seconds=30)
        assert cron.newest(expression, zone, since, until, 7) == found[-7:]
        assert cron.after(expression, zone, begin) == found[0]
