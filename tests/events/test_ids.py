"""Ids that begin with the time at which they were made."""

from __future__ import annotations

import time
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from apps.events.ids import TURN, at, new_id

MOMENTS = st.floats(0, 2**24 * TURN - 1)  # seconds since 1970: until 2004, when the turns began again


@given(MOMENTS)
def test_an_id_says_by_itself_what_it_is(moment: float) -> None:
    made = at(moment)
    assert (made.version, made.variant) == (8, RFC_4122)


@given(MOMENTS, MOMENTS)
def test_what_was_made_later_is_later_in_an_index(one: float, other: float) -> None:
    early, late = sorted((one, other))
    if early // TURN < late // TURN:
        assert at(early) < at(late)
    else:
        assert at(early).hex[:6] == at(late).hex[:6]


def test_the_turns_begin_again_and_the_ids_stay_whole() -> None:
    again = at(2**24 * TURN)
    assert (again.hex[:6], again.version) == ("000000", 8)


def test_a_new_one_is_of_now() -> None:
    before, made, after = at(time.time()), new_id(), at(time.time())
    assert made.hex[:6] in (before.hex[:6], after.hex[:6])


def test_all_but_the_time_is_random() -> None:
    """Each of the other bits is 0 in some and 1 in others of 200: that one is not has a chance of 2^-192."""
    made = [at(1_800_000_000).int for _ in range(200)]
    ever = never = made[0]
    for one in made:
        ever, never = ever | one, never & one
    free = (1 << 104) - 1 & ~(0xF << 76 | 3 << 62)
    assert ever ^ never == free
