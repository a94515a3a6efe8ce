"""How much telemetry each key may send: two buckets that fill with time. Per process, in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

BURST_SECONDS = 10.0  # what may come at once after a silence
MAX_KEPT = 10_000


@dataclass(slots=True)
class _Bucket:
    items: float
    size: float
    filled_at: float


class Quotas:
    """So many items and bytes a second, each; 0 is no limit.

    An export is let in while anything is left and charged for what it turned out to hold, so a large
    one is paid for by those after it.
    """

    def __init__(
        self, items_per_second: float, bytes_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._items = items_per_second
        self._bytes = bytes_per_second
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, who: str) -> float:
        """Seconds until `who` may send again; 0 when now."""
        bucket = self._filled(who)
        lacking = [
            -left / rate
            for left, rate in ((bucket.items, self._items), (bucket.size, self._bytes))
            if rate and left <= 0
        ]
        return max([*lacking, 0.001]) if lacking else 0.0

    def charge(self, who: str, *, items: int, size: int) -> None:
        bucket = self._filled(who)
        bucket.items -= items
        bucket.size -= size

    def _filled(self, who: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            if len(self._buckets) >= MAX_KEPT:
                self._forget(now)
            bucket = _Bucket(self._items * BURST_SECONDS, self._bytes * BURST_SECONDS, now)
            self._buckets[who] = bucket
        passed = now - bucket.filled_at
        bucket.items = min(bucket.items + passed * self._items, self._items * BURST_SECONDS)
        bucket.size = min(bucket.size + passed * self._bytes, self._bytes * BURST_SECONDS)
        bucket.filled_at = now
        return bucket

    def _forget(self, now: float) -> None:
        """Drop those whose buckets are full again, which is as if they had never been."""
        self._buckets = {
            who: bucket
            for who, bucket in self._buckets.items()
            if bucket.items + (now - bucket.filled_at) * self._items < self._items * BURST_SECONDS
            or bucket.size + (now - bucket.filled_at) * self._bytes < self._bytes * BURST_SECONDS
        }
