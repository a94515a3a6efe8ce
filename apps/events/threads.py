"""Runs the hub's database reads in a few threads of their own, each leaving no connection behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections

T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=3, thread_name_prefix="live")


async def in_thread(call: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_pool, _run, call, args)


def _run(call: Callable[..., T], args: tuple[Any, ...]) -> T:
    close_old_connections()
    try:
        return call(*args)
    finally:
        close_old_connections()
