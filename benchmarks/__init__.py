"""Measurements of the running product, each beside a bare baseline of the same run.

Absolute figures wander with the machine; the ratios are what two runs can be compared by. All
traffic stays on the loopback and every loop is bounded.
"""
