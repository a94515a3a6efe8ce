"""How the command line shows what others wrote: nothing in it may act on the terminal or a spreadsheet."""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

LONGEST_CELL = 60
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def visible(text: object) -> str:
    """The text with control and invisible characters spelled out, so that it stays on its line."""
    return "".join(_spelled(letter) for letter in ("" if text is None else str(text)))


def _spelled(letter: str) -> str:
    if unicodedata.category(letter)[0] != "C" and letter not in "\u2028\u2029":
        return letter
    code = ord(letter)
    if code == 10:
        return "\\n"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def short(text: object, longest: int = LONGEST_CELL) -> str:
    shown = visible(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO | None = None) -> None:
    """Columns under their names, as wide as they must be."""
    out = out or sys.stdout
    cells = [list(columns), *([short(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.write(line.rstrip() + "\n")
    if len(cells) == 1:
        out.write("(none)\n")


def as_json(value: Any, out: TextIO | None = None, *, indent: int | None = 2) -> None:
    """ASCII only, so that it is as harmless on a terminal as in a file."""
    (out or sys.stdout).write(json.dumps(value, indent=indent) + "\n")


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], out: TextIO) -> None:
    """A spreadsheet's rows. A text that a spreadsheet would calculate gets an apostrophe before it."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guarded(_within(row, column)) for column in columns])


def guarded(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return ("'" if text.lstrip(" \u00a0").startswith(FORMULA) else "") + visible(text)


def _within(row: Mapping[str, Any], column: str) -> object:
    """`agent.name` is the name in the agent, empty where there is none."""
    found: Any = row
    for name in column.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
