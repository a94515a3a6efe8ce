"""Conditions whose values stand in the statement's own text."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import BooleanField, F, Func


def one_of(field: str, words: Iterable[str]) -> Func:
    """`field IN ('a', 'b')`, written as the partial index that it is meant for.

    SQLite takes such an index only for a condition that it can read in the statement: with the
    words as parameters it scans the table, history and all (seen 2026-11, SQLite 3.40).
    """
    listed = ", ".join(f"'{_plain(word)}'" for word in words)
    return Func(F(field), template=f"%(expressions)s IN ({listed})", output_field=BooleanField())


def _plain(word: str) -> str:
    text = str(word)
    if not text.isidentifier():
        raise ValueError(f"{text!r} is no plain word")
    return text
