"""The in-memory layer of embedded mode, used from any thread."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from channels.exceptions import ChannelFull

from apps.events.memory import MemoryChannelLayer


async def test_a_message_from_another_threads_loop_wakes_the_receiver_at_once() -> None:
    layer = MemoryChannelLayer()
    channel = await layer.new_channel()
    sent_at: list[float] = []

    def publish() -> None:
        time.sleep(0.05)  # the receiver is asleep by now, and nothing else will wake its loop
        sent_at.append(time.perf_counter())
        asyncio.run(layer.send(channel, {"type": "hello"}))

    thread = threading.Thread(target=publish)
    thread.start()
    message = await asyncio.wait_for(layer.receive(channel), 5)
    late = time.perf_counter() - sent_at[0]
    thread.join()
    assert message == {"type": "hello"}
    assert late < 0.04, f"the stock layer takes 53 ms here; this one took {late * 1000:.1f} ms"


async def test_many_threads_lose_no_message_and_keep_each_senders_order() -> None:
    layer = MemoryChannelLayer()
    channel = await layer.new_channel()
    await layer.group_add("everyone", channel)

    def publish(sender: int) -> None:
        async def send() -> None:
            for number in range(100):
                await layer.group_send("everyone", {"sender": sender, "number": number})

        asyncio.run(send())

    threads = [threading.Thread(target=publish, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    heard: dict[int, list[int]] = {}
    for _ in range(400):
        message = await asyncio.wait_for(layer.receive(channel), 5)
        heard.setdefault(message["sender"], []).append(message["number"])
    for thread in threads:
        thread.join()
    assert heard == {sender: list(range(100)) for sender in range(4)}


async def test_a_full_channel_refuses_and_a_full_group_member_is_skipped() -> None:
    layer = MemoryChannelLayer(capacity=1)
    full, free = await layer.new_channel(), await layer.new_channel()
    await layer.send(full, {"n": 1})
    with pytest.raises(ChannelFull):
        await layer.send(full, {"n": 2})
    for channel in (full, free):
        await layer.group_add("both", channel)
    await layer.group_send("both", {"n": 3})
    assert await layer.receive(free) == {"n": 3}
    assert await layer.receive(full) == {"n": 1}


async def test_a_cancelled_receiver_leaves_nothing_behind() -> None:
    layer = MemoryChannelLayer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    receiver = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    receiver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiver
    assert not layer._messages
    assert not layer._waiters
    assert layer._groups == {"g": set()}
    await layer.group_discard("g", channel)
    await layer.flush()
