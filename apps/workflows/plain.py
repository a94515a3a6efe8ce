"""Makes text that agents and visitors wrote readable and harmless where it stands among our own:
control characters, marks that turn the direction of writing, and characters without width are
shown by their number. Plain Python."""

from __future__ import annotations

import unicodedata

KEPT = "\n\t"
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """The text with every character that nobody would see written as its number."""
    text = text.replace("\r\n", "\n")
    return "".join(
        f"\\u{{{ord(one):x}}}" if one not in KEPT and unicodedata.category(one) in HIDDEN else one
        for one in text
    )


def one_line(text: str) -> str:
    """The same on one line."""
    return visible(" ".join(text.split()))
