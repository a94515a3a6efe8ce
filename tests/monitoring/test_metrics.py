"""Charts: sampling, thinning out, reading; and the histogram behind the response time."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.services import default_project
from apps.monitoring import histogram, measurements, metrics
from apps.monitoring.models import ApiTiming, MetricSample
from tests.agents.factories import make_agent, make_command, make_run

NOW = 1_800_000_000


def add(at: int, step: int = 5, **values: float) -> None:
    defaults = dict.fromkeys(metrics.NAMES, 0.0)
    MetricSample.objects.create(project=default_project(), at=at, step=step, **{**defaults, **values})


@pytest.mark.django_db
def test_a_bucket_is_sampled_once_however_many_engines_ask() -> None:
    project = default_project()
    agent = make_agent()
    make_run(make_command(), agent)
    counts = {metrics.sample() for _ in range(3)}
    assert counts <= {0, 1}
    samples = MetricSample.objects.filter(project=project)
    assert len({sample.at for sample in samples}) == samples.count() <= 2
    sample = samples.latest("at")
    assert (sample.queue_depth, sample.active_agents, sample.running_workflows) == (1, 1, 0)
    assert 0 <= sample.cpu <= 100
    assert 0 < sample.memory < 100


@pytest.mark.django_db
def test_a_chart_has_a_point_every_step_and_null_where_nothing_was_measured() -> None:
    project = default_project()
    add(NOW - 10, throughput=4, api_ms=2.5)
    add(NOW - 5, throughput=6)
    chart = metrics.read(project.pk, "15m", now=NOW)
    assert (chart["step_seconds"], len(chart["at"]), chart["at"][-1]) == (5, 180, NOW)
    assert chart["series"]["throughput"][-3:] == [4, 6, None]
    assert chart["series"]["api_ms"][-3] == 2.5
    assert set(chart["series"]) == set(metrics.NAMES)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "step", "points"), [("1h", 15, 240), ("6h", 60, 360), ("24h", 300, 288), ("7d", 1800, 336)]
)
def test_longer_ranges_are_coarser(name: str, step: int, points: int) -> None:
    for age in range(0, 120, 5):
        add(NOW - NOW % 1800 - 5 - age, cpu=float(age))
    chart = metrics.read(default_project().pk, name, now=NOW)
    assert chart["step_seconds"] == step
    assert len(chart["at"]) == points
    assert any(value is not None for value in chart["series"]["cpu"])


@pytest.mark.django_db
def test_old_samples_become_minutes_and_then_nothing() -> None:
    now = int(time.time())
    minute = now // 60 * 60 - 60
    for offset in range(0, 60, 5):
        add(minute + offset, cpu=float(offset))
    add(now - metrics.RAW_KEPT_SECONDS - 100)
    add((now - metrics.MINUTES_KEPT_SECONDS) // 60 * 60 - 60, step=60)
    metrics.thin_out()
    metrics.thin_out()
    kept = {sample.at: sample.cpu for sample in MetricSample.objects.filter(step=60)}
    assert kept[minute] == 27.5
    assert min(kept) >= now - metrics.MINUTES_KEPT_SECONDS
    assert MetricSample.objects.filter(step=5).count() == 12


@given(st.lists(st.floats(0.02, 100_000), min_size=1, max_size=200))
def test_the_histograms_median_is_exact_to_five_per_cent(values: list[float]) -> None:
    counts = Counter(histogram.bucket_of(value) for value in values)
    middle = sorted(values)[(len(values) - 1) // 2]
    found = histogram.median(counts)
    assert found is not None
    assert found == pytest.approx(middle, rel=0.051)


def test_histograms_of_many_processes_add_up() -> None:
    assert histogram.merged([{"3": 1, "5": 2}, {"3": 4}]) == {3: 5, 5: 2}
    assert histogram.median({}) is None


@pytest.mark.django_db
def test_the_median_is_over_all_processes_and_the_last_minutes_only() -> None:
    now = int(time.time())
    fast, slow = str(histogram.bucket_of(1.0)), str(histogram.bucket_of(1000.0))
    from uuid import uuid4

    ApiTiming.objects.create(process=uuid4(), at=now - 10, counts={fast: 10})
    ApiTiming.objects.create(process=uuid4(), at=now - 20, counts={slow: 5})
    ApiTiming.objects.create(process=uuid4(), at=now - 400, counts={slow: 100})
    assert measurements.api_median_ms() == pytest.approx(1.0, rel=0.06)


@pytest.mark.django_db
def test_what_was_recorded_is_stored_and_old_rows_go() -> None:
    from uuid import uuid4

    ApiTiming.objects.create(process=uuid4(), at=int(time.time()) - 10_000, counts={"1": 1})
    mine = measurements.Measurements()
    for _ in range(3):
        mine.record(0.002)
    mine.refresh()
    assert mine.api_ms == pytest.approx(2.0, rel=0.06)
    assert mine.storage_mb > 0
    assert ApiTiming.objects.count() == 1
