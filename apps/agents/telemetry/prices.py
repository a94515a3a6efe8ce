"""What a call of a model costs by list price, where its sender does not say. Plain Python.

What is not known stays unknown: a model, a day or a kind of token without a price gives None, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

OWN = Path(__file__).with_name("prices.yaml")
PLACES = Decimal("0.00000001")
MOST = Decimal("999999.99999999")  # what the column holds
_MILLION = Decimal(1_000_000)
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")
_Usd = Annotated[Decimal, Field(ge=0, le=100_000)]


class Price(BaseModel):
    """One entry of a price table; USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(min_length=1)
    since: date = Field(alias="from")
    input: _Usd
    output: _Usd
    cache_read: _Usd | None = None
    cache_write: _Usd | None = None
    prompt_up_to: int | None = Field(default=None, ge=1)

    def cost(self, input_: int, output: int | None, cache_read: int, cache_write: int) -> Decimal | None:
        """USD. A sender whose caches are more than its whole input left them out of it."""
        is_included = cache_read + cache_write <= input_
        fresh = input_ - cache_read - cache_write if is_included else input_
        if self.prompt_up_to is not None and fresh + cache_read + cache_write > self.prompt_up_to:
            return None
        total = Decimal(0)
        for tokens, price in (
            (fresh, self.input), (output, self.output),
            (cache_read, self.cache_read), (cache_write, self.cache_write),
        ):  # fmt: skip
            if price is None and tokens == 0:
                continue
            if tokens is None and price == 0:  # an embedding has no output
                continue
            if tokens is None or price is None:
                return None
            total += tokens * price
        return (total / _MILLION).quantize(PLACES) if total <= MOST * _MILLION else None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prices: tuple[Price, ...]


class _Table:
    """Entries by model; the newest first."""

    def __init__(self, entries: Sequence[Price]) -> None:
        self._whole: dict[str, list[tuple[datetime, Price]]] = {}
        self._beginnings: dict[str, list[tuple[datetime, Price]]] = {}
        for price in sorted(entries, key=lambda price: price.since, reverse=True):
            since = datetime.combine(price.since, time(), UTC)
            for model in price.models:
                names = self._beginnings if model.endswith("*") else self._whole
                names.setdefault(model.rstrip("*").lower(), []).append((since, price))

    def of(self, model: str) -> list[tuple[datetime, Price]]:
        whole = model.strip().lower()
        plain = whole.rpartition("/")[2]
        for name in (whole, plain, _DATED.sub("", plain.removesuffix("-latest"))):
            if name in self._whole:
                return self._whole[name]
        fitting = [name for name in self._beginnings if whole.startswith(name) or plain.startswith(name)]
        return self._beginnings[max(fitting, key=len)] if fitting else []


def read(path: Path) -> tuple[Price, ...]:
    """The entries of a price file. Raises ValueError, which says what is wrong and where."""
    try:
        return _File.model_validate(yaml.safe_load(path.read_bytes())).prices
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where or 'the file'}: {first['msg']}") from None


_tables: list[_Table] = []


def use(path: Path | None) -> None:
    """Look prices up in that file before the own table; None: in the own table only. Raises ValueError."""
    own = [] if path is None else [_Table(read(path))]
    _tables[:] = [*own, _Table(read(OWN))]
    _entries.cache_clear()


@lru_cache(maxsize=1024)
def _entries(model: str) -> tuple[tuple[datetime, Price], ...]:
    """The entries for a model, the newest first; those of a named file before ours."""
    if not _tables:
        use(None)
    return tuple(entry for table in _tables for entry in table.of(model))


def cost_of(
    model: str,
    input_tokens: int | None,
    output_tokens: int | None,
    cache_read_tokens: int | None,
    cache_write_tokens: int | None,
    at: datetime,
) -> Decimal | None:
    """USD by list price of that day, to eight places; None where anything about it is unknown."""
    if not model or input_tokens is None:
        return None
    for since, price in _entries(model):
        if since <= at:
            return price.cost(input_tokens, output_tokens, cache_read_tokens or 0, cache_write_tokens or 0)
    return None
