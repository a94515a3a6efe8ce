"""Row 8 of the threat table: a reader that stands still is closed, and others do not notice."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import threading
import time

import pytest
from websockets.sync.client import connect

from benchmarks._servers import Server, product

pytestmark = pytest.mark.timeout(180)

HELLO = b'{"type":"hello","v":1}'
SECONDS = 25.0
CLOSE = 0x88


def stalled(server: Server, key: str) -> socket.socket:
    """A socket that says hello and then reads nothing, with as small a buffer as the kernel gives."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    wire.connect(("127.0.0.1", server.port))
    nonce = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(
        f"GET /ws/dashboard/ HTTP/1.1\r\nHost: localhost:{server.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n"
        f"Sec-WebSocket-Key: {nonce}\r\n\r\n".encode()
    )
    wire.sendall(bytes([0x81, 0x80 | len(HELLO), 0, 0, 0, 0]) + HELLO)
    return wire


def rest_of(wire: socket.socket) -> bytes:
    """Everything that is still in the pipe, up to its end."""
    wire.settimeout(30)
    found = bytearray()
    try:
        while data := wire.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return bytes(found)


class Quick:
    """A reader that keeps up."""

    def __init__(self, server: Server, key: str) -> None:
        self.seqs: list[int] = []
        self.ages: list[float] = []
        self._stop = threading.Event()
        self._wire = connect(
            f"ws://127.0.0.1:{server.port}/ws/dashboard/",
            additional_headers={"Authorization": f"Bearer {key}"},
            compression=None,
        )
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Quick:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _read(self) -> None:
        with self._wire as wire:
            wire.send(HELLO.decode())
            while not self._stop.is_set():
                try:
                    body = json.loads(wire.recv(timeout=0.5))
                except TimeoutError:
                    continue
                for frame in body if isinstance(body, list) else [body]:
                    if "prev" in frame:
                        assert not self.seqs or frame["prev"] == self.seqs[-1]
                        self.seqs.append(frame["seq"])
                        self.ages.append(time.time() - float(frame["current_task"]))


def test_sec_8_a_stalled_reader_is_closed_and_others_do_not_notice() -> None:
    with product(agents=100) as server:
        key = json.loads((server.home / "keys.json").read_text())[0]
        with Quick(server, key) as quick, stalled(server, key) as wire:
            server.order(3_000, SECONDS)  # more than it can make: as many as it can
            time.sleep(SECONDS)  # the time during which nothing is read is what is tested
            read = rest_of(wire)
            assert len(quick.seqs) > 1_000
            assert sorted(quick.ages)[len(quick.ages) // 2] < 2
        codes = [struct.unpack("!H", read[at + 2 : at + 4])[0] for at in positions(read)]
        # Whoever reads again within ten seconds is told why; after that the connection is dropped.
        # 1011: on a busy machine its unanswered pings end it before its queue is full.
        assert codes[-1:] in ([4408], [1011], [])


def positions(data: bytes) -> list[int]:
    """Where a close frame could begin: at the very end of what was sent."""
    return [at for at in range(max(0, len(data) - 130), len(data) - 3) if data[at] == CLOSE]
