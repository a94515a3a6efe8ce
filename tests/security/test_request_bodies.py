"""Row 17: a hostile body costs its sender more than us."""

from __future__ import annotations

import contextlib
import gzip
import io
import resource
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.exceptions import APIException, ParseError

from config import bodies
from config.asgi import application
from tests.accounts.people import ORIGIN

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/token/refresh/"
MIB = 1024 * 1024
FULL = 5 * MIB - 100


def send(body: bytes, **headers: str) -> Any:
    all_headers = {"Origin": ORIGIN} | {name.replace("_", "-"): text for name, text in headers.items()}
    return Client().post(URL, body, content_type="application/json", headers=all_headers)


def bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(200):
            file.write(b"0" * MIB)
    return packed.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], dict[str, str], int]] = {
    "a deep array": (lambda: b"[" * 100_000 + b"]" * 100_000, {}, 400),
    "a deep array, full size": (lambda: b"[" * FULL, {}, 400),
    "a deep object": (lambda: b'{"a":' * 33 + b"1" + b"}" * 33, {}, 400),
    "a million keys": (lambda: b"{" + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}", {}, 400),
    "many empty arrays": (lambda: b"[" + b"[]," * (FULL // 3 - 1) + b"[]]", {}, 400),
    "many numbers": (lambda: b"[" + b"1," * (FULL // 2 - 1) + b"1]", {}, 400),
    "many commas in no array": (lambda: b"," * FULL, {}, 400),
    "a long text": (lambda: b'{"refresh":"' + b"x" * (MIB + 1) + b'"}', {}, 400),
    "a text of backslashes": (lambda: b'{"a":"' + b"\\" * (FULL - 10) + b'"}', {}, 400),
    "escaped quotes": (lambda: b'["' + b'\\"' * (FULL // 2 - 10) + b'"]', {}, 400),
    "quotes": (lambda: b'"' * FULL, {}, 400),
    "an open text": (lambda: b'{"a":"' + b"x" * (FULL - 10), {}, 400),
    "NUL in a text": (lambda: b'{"refresh":"a\\u0000b"}', {}, 400),
    "NUL in a key": (lambda: b'{"a\\u0000":"b"}', {}, 400),
    "a lone surrogate": (lambda: b'{"refresh":"\\ud800"}', {}, 400),
    "not UTF-8": (lambda: b'{"refresh":"\xff"}', {}, 400),
    "not JSON": (lambda: b"{refresh: 1}", {}, 400),
    "NaN": (lambda: b'{"refresh": NaN}', {}, 400),
    "nothing": (lambda: b"", {}, 403),
    "a list where an object is due": (lambda: b"[1]", {}, 400),
    "null": (lambda: b"null", {}, 400),
    "too large": (lambda: b" " * (5 * MIB + 1), {}, 413),
    "a gzip bomb": (bomb, {"Content_Encoding": "gzip"}, 413),
    "gzip inside gzip": (lambda: gzip.compress(gzip.compress(b"{}")), {"Content_Encoding": "gzip"}, 400),
    "a cut gzip": (lambda: gzip.compress(b'{"a": 1}')[:-5], {"Content_Encoding": "gzip"}, 400),
    "gzip and more": (lambda: gzip.compress(b"{}") * 2, {"Content_Encoding": "gzip"}, 400),
    "not gzip": (lambda: b"{}", {"Content_Encoding": "gzip"}, 400),
    "gzip named twice": (lambda: gzip.compress(b"{}"), {"Content_Encoding": "gzip, gzip"}, 415),
    "another encoding": (lambda: b"{}", {"Content_Encoding": "br"}, 415),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_sec_17_a_hostile_body_is_refused(name: str) -> None:
    make, headers, status = HOSTILE[name]
    answer = send(make(), **headers)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize("name", HOSTILE)
def test_sec_17_refusing_is_quick_and_small(name: str) -> None:
    make, headers, _ = HOSTILE[name]
    body = make()
    stream, encoding = io.BytesIO(body), headers.get("Content_Encoding", "")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    with contextlib.suppress(APIException):
        bodies.loads(bodies.read(stream, encoding, settings.MC.max_body_bytes))
    assert time.process_time() - begun < 0.1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


def test_what_is_within_the_limits_is_read() -> None:
    deep = b"[" * 32 + b"]" * 32
    assert bodies.loads(deep) is not None
    wide = orjson.dumps({f"k{number}": "v" * 90 for number in range(10_000)})
    assert len(bodies.loads(wide)) == 10_000
    assert bodies.loads(orjson.dumps("x" * MIB)) == "x" * MIB
    assert bodies.loads(b'{"a": "[[[[{{{{::::,,,,"}') == {"a": "[[[[{{{{::::,,,,"}


def test_a_gzip_body_is_read() -> None:
    answer = send(gzip.compress(b'{"refresh": "x"}'), Content_Encoding="gzip")
    assert answer.status_code == 401


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=JSON)
@hypothesis_settings(max_examples=200, deadline=None)
def test_sec_17_ordinary_values_survive_unless_they_hold_nul(value: Any) -> None:
    data = orjson.dumps(value)
    if b"\\u0000" in data:
        with pytest.raises(ParseError):
            bodies.loads(data)
    else:
        assert bodies.loads(data) == value


@given(data=st.binary(max_size=300) | st.text('[]{}":,\\u0 1a', max_size=300).map(str.encode))
@hypothesis_settings(max_examples=300, deadline=None)
def test_sec_17_no_bytes_are_a_server_error(data: bytes) -> None:
    with contextlib.suppress(ParseError):
        bodies.loads(data)


@pytest.mark.parametrize("path", ["/api/v1/me/?q=%00", "/api/v1/me/%00", "/runs/%00", "/?a=b%00c"])
def test_sec_17_nul_in_the_address_is_refused(path: str) -> None:
    assert Client().get(path).status_code == 400


async def over_asgi(chunks: list[bytes], headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Status, and how many chunks were asked for."""
    sent: list[Any] = []
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked < len(chunks):
            asked += 1
            more = asked < len(chunks)
            return {"type": "http.request", "body": chunks[asked - 1], "more_body": more}
        return {"type": "http.disconnect"}

    async def collect(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": URL,
        "raw_path": URL.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8000),
    }
    await application(scope, receive, collect)
    return sent[0]["status"], asked


async def test_sec_17_an_announced_body_over_the_limit_is_refused_unread() -> None:
    headers = [(b"content-length", str(6 * MIB).encode())]
    assert await over_asgi([b"x" * MIB] * 6, headers) == (413, 0)


async def test_sec_17_a_streamed_body_is_cut_off_at_the_limit() -> None:
    status, asked = await over_asgi([b"x" * MIB] * 50, [(b"transfer-encoding", b"chunked")])
    assert status == 413
    assert asked == 6


@pytest.mark.parametrize("length", [b"-1", b"x", b"1e3", b""])
async def test_sec_17_a_senseless_length_is_refused(length: bytes) -> None:
    status, _ = await over_asgi([b"{}"], [(b"content-length", length)])
    assert status in (400, 413)
