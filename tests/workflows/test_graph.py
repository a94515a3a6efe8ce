"""The order of steps: against brute force, whatever the graph."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.graph import Graph, GraphError, progress, unknown_needs

Needs = dict[str, list[str]]


@st.composite
def acyclic(draw: st.DrawFn) -> Needs:
    """A graph without cycles, its steps written in any order."""
    keys = [f"s{n}" for n in range(draw(st.integers(1, 9)))]
    needs = {
        key: draw(st.lists(st.sampled_from(keys[:at]), max_size=4)) if at else []
        for at, key in enumerate(keys)
    }
    return {key: needs[key] for key in draw(st.permutations(keys))}


@st.composite
def any_graph(draw: st.DrawFn) -> Needs:
    keys = [f"s{n}" for n in range(draw(st.integers(1, 6)))]
    return {key: draw(st.lists(st.sampled_from(keys), max_size=3)) for key in keys}


def before(needs: Needs, key: str) -> set[str]:
    """Brute force: everything reachable along needs."""
    found: set[str] = set()
    waiting = list(needs[key])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += needs[other]
    return found


@given(acyclic())
def test_every_step_comes_after_all_it_needs(needs: Needs) -> None:
    graph = Graph.of(needs)
    assert sorted(graph.order) == sorted(needs)
    for key in needs:
        assert all(graph.index[need] < graph.index[key] for need in needs[key])
        assert all(graph.level[need] < graph.level[key] for need in needs[key])
        for other in needs:
            assert graph.has_before(key, other) == (other in before(needs, key))
            assert (key in graph.successors[other]) == (other in needs[key])


@given(acyclic(), st.randoms(use_true_random=False))
def test_following_what_is_ready_runs_every_step_once_and_in_time(needs: Needs, random: object) -> None:
    graph = Graph.of(needs)
    over: list[str] = []
    running: list[str] = list(graph.roots)
    assert set(running) == {key for key in needs if not needs[key]}
    missing = {key: len(graph.needs[key]) for key in needs}
    while running:
        key = running.pop(random.randrange(len(running)))  # type: ignore[attr-defined]
        over.append(key)
        for follower in graph.successors[key]:
            missing[follower] -= 1
            if missing[follower] == 0:
                running.append(follower)
        brute = {k for k in needs if k not in over and set(needs[k]) <= set(over)}
        assert set(graph.ready(set(over))) == brute == set(running)
    assert sorted(over) == sorted(needs)


@given(any_graph())
def test_a_cycle_is_found_exactly_when_there_is_one_and_is_named(needs: Needs) -> None:
    cyclic = any(key in before(needs, key) for key in needs)
    try:
        Graph.of(needs)
    except GraphError as error:
        assert cyclic
        if "circle" in str(error):
            named = str(error).split(": ")[1].split(" → ")
            assert named[0] == named[-1]
            assert all(b in needs[a] for a, b in pairwise(named))
    else:
        assert not cyclic


def test_among_equals_the_written_order_stays() -> None:
    assert Graph.of({"z": [], "m": ["z"], "a": ["z"], "q": []}).order == ("z", "q", "m", "a")


def test_an_unknown_need_is_named_with_the_nearest_step() -> None:
    problem = unknown_needs({"triage": [], "fix": ["triagee"]})[0]
    assert (problem.key, problem.need) == ("fix", "triagee")
    assert str(problem) == "there is no step 'triagee'; did you mean 'triage'?"
    with pytest.raises(GraphError, match="cannot need itself"):
        Graph.of({"a": ["a"]})


@given(st.integers(0, 2000), st.integers(-5, 2005))
def test_progress_is_100_only_when_nothing_is_open(total: int, open_steps: int) -> None:
    percent = progress(total, open_steps)
    assert 0 <= percent <= 100
    assert (percent == 100) == (total == 0 or open_steps <= 0)


def test_a_thousand_steps_in_a_row_are_ordered() -> None:
    needs = {f"s{n}": [f"s{n - 1}"] if n else [] for n in range(1000)}
    graph = Graph.of(needs)
    assert graph.has_before("s999", "s0")
    assert graph.level["s999"] == 999
