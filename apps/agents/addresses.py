"""Which addresses the server may speak to on somebody else's behalf. Plain Python.

What others write into definitions decides where requests go; it must not open the inside of the
network the server stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from ipaddress import IPv4Network as _IPv4Network

Address = IPv4Address | IPv6Address
Network = _IPv4Network | IPv6Network

USUAL_PORTS = frozenset({80, 443})
HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?)+\Z")
# Other spellings of an IPv4 address, which a rule would not recognise when it is looked up.
NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?\Z")
# Beyond what `ipaddress` calls not global: relays into other address families, documentation that
# older Pythons do not know, and a cloud's metadata service that stands on a public address.
REFUSED = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32",
                 "2002::/16", "3fff::/20")
)  # fmt: skip
# The only part of IPv6 that is given to hosts; mapped, NAT64, ULA, link-local are all outside.
GLOBAL_UNICAST = IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could speak to the address."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return not any(address.version == network.version and address in network for network in REFUSED)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of an allow-list: a name or a network, with one port or with the usual ones."""

    host: str = ""
    network: Network | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read `host`, `host:port`, `10.0.0.0/8`, `127.0.0.1:8150`, `[::1]:8150` or `::1`.

        Raises ValueError, which says what is wrong.
        """
        host, port = _split(text.strip().lower())
        try:
            return cls(network=ip_network(host), port=port)
        except ValueError:
            pass
        if not HOST.match(host) or NUMBER.search(host):
            raise ValueError(
                f"{text!r} is no host, network or host:port such as intranet.example:8080 or 10.0.0.0/8"
            )
        return cls(host=host.removesuffix("."), port=port)

    def covers(self, host: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return host.lower().removesuffix(".") == self.host


def _split(text: str) -> tuple[str, int | None]:
    if found := re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?", text):
        host, port = found.groups()
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        return text, None
    if port is None:
        return host, None
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{text!r} has no port from 1 to 65535")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class Policy:
    """Where requests may go. `public` false: nowhere but to what the rules name."""

    public: bool = True
    ports: frozenset[int] = frozenset()
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, *, public: bool, ports: Iterable[int], allowed: Iterable[str]) -> Policy:
        return cls(public, frozenset(ports), tuple(map(Rule.parse, allowed)))

    def has_port(self, port: int) -> bool:
        """Whether any address may be spoken to on this port."""
        return port in USUAL_PORTS or port in self.ports or any(rule.port == port for rule in self.rules)

    def names(self, host: str, port: int) -> bool:
        """Whether the allow-list vouches for the host or address itself, whatever it stands for."""
        try:
            return any(rule.covers(host, ip_address(host), port) for rule in self.rules if rule.network)
        except ValueError:
            name = host.lower().removesuffix(".")
            return any(rule.host == name and rule.port in (None, port) for rule in self.rules)

    def permits(self, host: str, text: str, port: int) -> bool:
        """Whether a request to `host`, which stands for the address `text`, may be made."""
        try:
            address = ip_address(text)
        except ValueError:  # a scope id: link-local
            return False
        usual = port in USUAL_PORTS or port in self.ports
        if any((usual or rule.port == port) and rule.covers(host, address, port) for rule in self.rules):
            return True
        return self.public and usual and is_public(address)
