"""sec_12: what a definition names cannot make the server speak to the inside of its network."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from pydantic import ValidationError

from apps.agents import outbound
from apps.agents.addresses import Policy, Rule, is_public
from apps.agents.outbound import OutboundError, Request
from config.env import Env
from tests.rig.answering import Answering, Asked, answering, http


@pytest.fixture
def configure(settings: Any) -> Any:
    def change(**given: Any) -> None:
        settings.MC = settings.MC.model_copy(update=given)

    return change


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as seen:
        yield seen


@pytest.fixture
def allowed(server: Answering, configure: Any) -> Answering:
    configure(outbound_allow=(server.address,))
    return server


async def refused(url: str, **given: Any) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await outbound.send(Request("GET", url), **given)
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "0x7f.1", "2130706433", "127.1", "0.0.0.1", "localhost", "169.254.169.254",
        "[::1]", "[::]", "0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]", "[ff02::1]",
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "224.0.0.1", "255.255.255.255", "0x7f000001", "017700000001",
    ],
)  # fmt: skip
async def test_no_spelling_of_an_inner_address_is_asked(host: str) -> None:
    error = await refused(f"http://{host}/")
    # Some spellings are no URL at all to us, and some no address to this system.
    assert error.code in ("address_refused", "invalid_request", "unreachable")
    assert error.code != "unreachable" or host.startswith("0177") or ":" in host


@pytest.mark.parametrize("spelled", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_the_loopback_reaches_a_server_that_listens(
    spelled: str, server: Answering, configure: Any
) -> None:
    configure(outbound_ports=(server.port,))
    error = await refused(f"http://{spelled}:{server.port}/")
    assert (error.code, error.retryable) == ("address_refused", False)
    assert server.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "10.255.255.255", "127.0.0.2", "169.254.0.1", "192.168.0.1", "172.31.255.255", "100.64.0.1",
        "198.18.0.1", "203.0.113.1", "240.0.0.1", "192.88.99.1", "168.63.129.16", "0.1.2.3",
        "::", "::1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:808:808::1",
        "2001::1", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff0e::1", "3fff::1", "4000::1",
    ],
)  # fmt: skip
def test_an_inner_relayed_or_reserved_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "http://user@example.com/", "http://user:word@example.com/", "http://example.com@127.0.0.1/",
        "http://127.0.0.1%2f@example.com/", "http://example.com\\@127.0.0.1/", "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://example.com/", "//example.com/", "example.com", "",
        "http:///x", "http://", "http://example.com:0/", "http://example.com:99999/", "http://exa mple.com/",
        "http://example.com/\r\nX: y", "http://" + "a" * 3000 + ".example/", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
async def test_a_url_with_credentials_another_scheme_or_a_trick_is_refused(url: str) -> None:
    assert (await refused(url)).code == "invalid_request"


async def test_a_port_that_is_not_for_the_web_is_refused_before_any_look_up() -> None:
    async def never(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    for port in (22, 25, 5432, 6379, 8080):
        assert (await refused(f"http://example.com:{port}/", resolve=never)).code == "address_refused"


async def test_a_redirect_to_the_loopback_is_an_answer_and_is_not_followed(allowed: Answering) -> None:
    with answering() as inner:
        allowed.reply = http(302, location=inner.url)
        answer = await outbound.send(Request("GET", allowed.url))
        assert (answer.status, answer.headers["location"]) == (302, inner.url)
        assert inner.asked == []


async def test_a_name_that_changes_its_mind_is_asked_once(allowed: Answering, configure: Any) -> None:
    """Rebinding: the first look-up gives an allowed address, a second one would give another."""
    looked_up: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]

    url = f"http://changing.example:{allowed.port}/"
    answer = await outbound.send(Request("GET", url), resolve=rebinding)
    assert answer.status == 200
    assert looked_up == ["changing.example"]
    assert allowed.asked[0].headers["host"] == f"changing.example:{allowed.port}"
    error = await refused(url, resolve=rebinding)
    assert error.code == "address_refused"
    assert len(allowed.asked) == 1


async def test_of_many_addresses_only_the_permitted_are_tried(allowed: Answering) -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["169.254.169.254", "10.0.0.1", "127.0.0.1"]

    answer = await outbound.send(Request("GET", f"http://mixed.example:{allowed.port}/"), resolve=mixed)
    assert answer.status == 200


async def test_an_answer_that_drips_ends_at_the_limit(allowed: Answering) -> None:
    def drip(asked: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b"."

    allowed.reply = drip
    begun = time.monotonic()
    error = await refused(allowed.url, seconds=0.5)
    assert (error.code, error.retryable) == ("timeout", True)
    assert time.monotonic() - begun < 3


async def test_headers_that_drip_end_at_the_limit(allowed: Answering) -> None:
    def drip(asked: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            time.sleep(0.05)
            yield b"x: y\r\n"

    allowed.reply = drip
    assert (await refused(allowed.url, seconds=0.5)).code == "timeout"


async def test_a_bomb_is_stopped_while_it_is_inflated(allowed: Answering) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    allowed.reply = http(200, raw=bomb, content_encoding="gzip")
    begun = time.monotonic()
    error = await refused(allowed.url)
    assert (error.code, error.retryable) == ("answer_too_large", False)
    assert time.monotonic() - begun < 2


async def test_a_compressed_answer_is_read_and_a_second_layer_is_not(allowed: Answering) -> None:
    allowed.reply = http(200, raw=gzip.compress(b"hello"), content_encoding="gzip")
    assert (await outbound.send(Request("GET", allowed.url))).body == b"hello"
    allowed.reply = http(200, raw=b"?", content_encoding="gzip, gzip")
    assert (await refused(allowed.url)).code == "bad_answer"
    allowed.reply = http(200, raw=b"no gzip", content_encoding="gzip")
    assert (await refused(allowed.url)).code == "bad_answer"


async def test_an_answer_is_read_up_to_a_mebibyte(allowed: Answering) -> None:
    allowed.reply = http(200, raw=b"x" * 1_048_576)
    assert len((await outbound.send(Request("GET", allowed.url))).body) == 1_048_576
    allowed.reply = http(200, raw=b"x" * 1_048_577)
    assert (await refused(allowed.url)).code == "answer_too_large"


async def test_headers_without_end_are_given_up(allowed: Answering) -> None:
    allowed.reply = b"HTTP/1.1 200 OK\r\nx: " + b"y" * 5_000_000
    assert (await refused(allowed.url)).code in ("bad_answer", "unreachable")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nHost: evil"), ("X-A", "b\0"), ("X A", "b"), ("", "b"), ("X:A", "b"), ("X-A", "☃"),
        ("Host", "evil"), ("Content-Length", "0"), ("Transfer-Encoding", "chunked"), ("Connection", "close"),
    ],
)  # fmt: skip
async def test_a_header_cannot_change_the_message_around_it(
    name: str, value: str, allowed: Answering
) -> None:
    with pytest.raises(OutboundError) as caught:
        await outbound.send(Request("GET", allowed.url, {name: value}))
    assert caught.value.code == "invalid_request"
    assert allowed.asked == []


async def test_a_request_is_no_larger_than_allowed(allowed: Answering) -> None:
    for request in (
        Request("POST", allowed.url, body=b"x" * 1_048_577),
        Request("GET", allowed.url, {f"x-{n}": "y" for n in range(51)}),
        Request("GET", allowed.url, {"x": "y" * 20_000}),
        Request("TRACE", allowed.url),
    ):
        with pytest.raises(OutboundError) as caught:
            await outbound.send(request)
        assert caught.value.code == "invalid_request"
    assert allowed.asked == []


async def test_nothing_of_the_environment_is_sent_along(
    allowed: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(http(502)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        allowed.reply = http(200, {"a": 1}, set_cookie="seen=1")
        for _ in range(2):
            await outbound.send(Request("POST", allowed.url, {"X-Own": "1"}, b"{}"))
        assert proxy.asked == []
    first, second = allowed.asked
    assert first.headers == second.headers
    assert set(first.headers) == {"host", "accept-encoding", "x-own", "content-length"}


async def test_an_error_says_no_more_of_the_url_than_its_host(allowed: Answering) -> None:
    error = await refused("http://127.0.0.1/hook?token=canary-7")
    assert "canary" not in str(error)
    allowed.reply = b"SSH-2.0-canary\r\n"
    error = await refused(allowed.url)
    assert error.code == "bad_answer"
    assert "canary" not in str(error)


async def test_a_closed_port_is_worth_another_try(configure: Any) -> None:
    with answering() as gone:
        address = gone.address
    configure(outbound_allow=(address,))
    error = await refused(f"http://{address}/")
    assert (error.code, error.retryable) == ("unreachable", True)


async def test_with_the_door_shut_only_the_allow_list_is_asked(server: Answering, configure: Any) -> None:
    async def public(host: str, port: int) -> list[str]:
        return ["93.184.215.14"]

    configure(outbound="deny")
    assert (await refused("https://example.com/", resolve=public)).code == "address_refused"
    configure(outbound="deny", outbound_allow=(server.address,))
    assert (await outbound.send(Request("GET", server.url))).status == 200


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "permitted"),
    [
        ("10.0.0.0/8", "a.example", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "a.example", "10.1.2.3", 8080, False),
        ("10.0.0.0/8", "a.example", "11.1.2.3", 443, True),
        ("intranet.example", "intranet.example", "10.1.2.3", 80, True),
        ("intranet.example", "INTRANET.example.", "10.1.2.3", 80, True),
        ("intranet.example", "x.intranet.example", "10.1.2.3", 80, False),
        ("intranet.example:8080", "intranet.example", "10.1.2.3", 8080, True),
        ("intranet.example:8080", "intranet.example", "10.1.2.3", 80, False),
        ("intranet.example:8080", "other.example", "93.184.215.14", 8080, False),
        ("[::1]:8150", "::1", "::1", 8150, True),
        ("127.0.0.1:8150", "localhost", "127.0.0.1", 8150, True),
        ("127.0.0.1:8150", "localhost", "::ffff:127.0.0.1", 8150, False),
    ],
)
def test_an_entry_of_the_allow_list_opens_what_it_names_and_no_more(
    entry: str, host: str, address: str, port: int, permitted: bool
) -> None:
    policy = Policy.of(public=True, ports=(), allowed=(entry,))
    assert policy.permits(host, address, port) is permitted


@pytest.mark.parametrize(
    "entry", ["", "a b", "http://x", "10.0.0.0/99", "host:0", "host:99999", "host:x", "0x7f.1"]
)
def test_a_wrong_entry_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Rule.parse(entry)
    if entry:
        with pytest.raises(ValidationError, match="MC_OUTBOUND_ALLOW"):
            Env.model_validate({"MC_OUTBOUND_ALLOW": f"10.0.0.0/8,{entry}"})


def test_wrong_ports_stop_the_start() -> None:
    assert Env.model_validate({"MC_OUTBOUND_PORTS": "8080, 8443"}).outbound_ports == (8080, 8443)
    for text in ("0", "99999", "http"):
        with pytest.raises(ValidationError, match="MC_OUTBOUND_PORTS"):
            Env.model_validate({"MC_OUTBOUND_PORTS": text})
