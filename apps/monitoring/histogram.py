"""A histogram of durations on a logarithmic scale: small, mergeable, exact to five per cent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

FINEST_MS = 0.01
GROWTH = 1.05
LAST_BUCKET = 400  # an hour and more


def bucket_of(milliseconds: float) -> int:
    if milliseconds <= FINEST_MS:
        return 0
    return min(LAST_BUCKET, int(math.log(milliseconds / FINEST_MS) / math.log(GROWTH)))


def middle_of(bucket: int) -> float:
    return FINEST_MS * math.pow(GROWTH, bucket + 0.5)


def median(counts: Mapping[int, int]) -> float | None:
    """In milliseconds; None of nothing."""
    total = sum(counts.values())
    if not total:
        return None
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen * 2 >= total:
            return round(middle_of(bucket), 3)
    return None


def merged(many: list[Mapping[str, int]]) -> Counter[int]:
    """Histograms as JSON stores them, with text for keys, added up."""
    total: Counter[int] = Counter()
    for one in many:
        for bucket, count in one.items():
            total[int(bucket)] += count
    return total
