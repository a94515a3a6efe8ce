"""Secrets that definitions name and never hold: `{{secret:NAME}}` in the value of a header.

The values are in the environment of the workers (`MC_SECRET_NAME`) and are put in right before a
request leaves. A secret goes to the hosts that `MC_SECRET_NAME_HOSTS` lists and to no other: who
may write a workflow may thereby not read the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SHORTEST = 8
NAME = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
MARK = re.compile(r"\{\{\s*secret:([A-Za-z0-9_]{1,61})\s*\}\}")
PREFIX, HOSTS = "MC_SECRET_", "_HOSTS"


@dataclass(frozen=True, slots=True)
class Secret:
    """One named secret. `hosts` are lower-case names, each with or without a port."""

    name: str
    value: str
    hosts: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Secret({self.name})"

    def may_go_to(self, host: str, port: int) -> bool:
        return host.lower() in self.hosts or f"{host.lower()}:{port}" in self.hosts


def read(environment: Mapping[str, str | None]) -> dict[str, Secret]:
    """The secrets of an environment by name. Raises ValueError, which names the variable."""
    found: dict[str, Secret] = {}
    for variable, value in environment.items():
        name = variable.removeprefix(PREFIX)
        if name == variable or name.endswith(HOSTS) or not value:
            continue
        if not NAME.fullmatch(name):
            raise ValueError(f"{variable}: a secret's name is upper-case letters, digits and _")
        if len(value) < SHORTEST or not value.isascii() or not value.isprintable():
            raise ValueError(f"{variable}: must be at least {SHORTEST} printable ASCII characters")
        listed = environment.get(f"{variable}{HOSTS}") or ""
        hosts = tuple(part.strip().lower() for part in listed.split(",") if part.strip())
        if not hosts:
            raise ValueError(
                f"{variable}{HOSTS}: must list the hosts it may be sent to, such as api.example.org"
            )
        found[name] = Secret(name, value, hosts)
    return found


def names(texts: Iterable[str]) -> set[str]:
    """The secrets that texts of a definition name."""
    return {name for text in texts for name in MARK.findall(text)}


def hidden(value: Any, secrets: Iterable[Secret]) -> Any:
    """A JSON value, or a text, in which nothing gives a secret away."""
    known = list(secrets)
    if isinstance(value, str):
        for secret in known:
            value = value.replace(secret.value, f"[secret {secret.name}]")
        return value
    if isinstance(value, Mapping):
        return {hidden(name, known): hidden(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [hidden(inner, known) for inner in value]
    return value
