"""The least that can answer: fixed bytes from uvicorn, no login, no Django."""

from __future__ import annotations

import os
from typing import Any

BODY = b"x" * int(os.environ["BARE_BYTES"])


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
