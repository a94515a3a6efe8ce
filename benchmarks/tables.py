"""Percentiles and aligned rows for the figures."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie; the nearest one that exists."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def row(name: str, values: Sequence[float], unit: str = "ms") -> str:
    """`name  p50  p95  p99` of the values."""
    shares = "  ".join(f"p{share:.0f} {percentile(values, share / 100):8.2f}" for share in (50, 95, 99))
    return f"{name:44} {shares} {unit}  (n={len(values)})"


def ratio(name: str, ours: float, bare: float) -> str:
    return f"{name:44} {ours / bare if bare else float('nan'):8.2f} x bare"
