"""The socket `/ws/dashboard/`: who gets in, what is said, and what ends it."""

from __future__ import annotations

import asyncio

import pytest

from apps.accounts.models import Membership
from apps.agents.services import pause_agent, resume_agent
from apps.events import journal
from apps.monitoring import alerts, live
from apps.monitoring.alerts import Condition
from apps.monitoring.models import AlertLevel
from apps.monitoring.sockets import sockets
from tests.accounts.people import make_key, make_project, make_user
from tests.agents.factories import make_agent
from tests.monitoring.dialling import Line, in_thread, ticket_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub_of_this_test")]


async def a_ticket() -> str:
    return await in_thread(lambda: ticket_of(make_user()))


async def test_a_ticket_among_the_subprotocols_starts_the_plain_protocol() -> None:
    line = await Line.plain(await a_ticket())
    assert line.subprotocol == "dashboard"
    await line.hang_up()


async def test_a_ticket_in_the_first_frame_starts_the_plain_protocol() -> None:
    line = await Line.dial()
    await line.say(type="authenticate", ticket=await a_ticket())
    assert await line.hear() == {"type": "connection", "message": "Connected to dashboard"}
    await line.hang_up()


async def test_a_program_shows_a_header_and_needs_no_origin() -> None:
    key = await in_thread(make_key, "read")
    line = await Line(authorization=f"Bearer {key.text}").open()
    assert await line.hear() == {"type": "connection", "message": "Connected to dashboard"}
    await line.hang_up()


async def test_a_key_that_may_not_read_gets_no_socket() -> None:
    key = await in_thread(make_key, "agent")
    line = await Line(authorization=f"Bearer {key.text}").open()
    assert await line.closed() == 4401


async def test_plain_messages_are_exactly_those_of_the_contract() -> None:
    agent = await in_thread(make_agent)
    line = await Line.plain(await a_ticket())
    await in_thread(pause_agent, agent)
    assert await line.hear() == {
        "type": "agent_status_change",
        "agent_id": str(agent.pk),
        "status": "paused",
        "current_task": None,
    }
    await in_thread(open_alert, agent.project_id)
    assert await line.hear() == {"type": "system_alert", "level": "error", "message": "The disk is full"}
    await line.hang_up()


def open_alert(project_id: object) -> None:
    with journal.changes(project_id) as change:  # type: ignore[arg-type]
        found = Condition("disk", "", AlertLevel.ERROR, "The disk is full", "/")
        alerts.raise_alert(change, found)
        alerts.resolve_alert(change, "disk", "")


async def test_hello_starts_the_resumable_protocol_and_resumes_where_it_was() -> None:
    agent = await in_thread(make_agent)
    user = await in_thread(make_user)
    line = await Line.resumable(await in_thread(ticket_of, user))
    assert (line.ready["mode"], line.ready["heartbeat_ms"]) == ("snapshot_required", 15_000)
    await in_thread(pause_agent, agent)
    first = await line.hear()
    assert (first["prev"], first["type"], first["status"]) == (
        line.ready["seq"],
        "agent_status_change",
        "paused",
    )
    await line.hang_up()
    await in_thread(resume_agent, agent)
    again = await Line.resumable(
        await in_thread(ticket_of, user), epoch=line.ready["epoch"], seq=first["seq"]
    )
    assert again.ready["mode"] == "resumed"
    missed = await again.hear()
    assert (missed["prev"], missed["status"]) == (first["seq"], "idle")
    await again.say(type="ping")
    assert await again.hear() == {"type": "pong"}
    await again.hang_up()


async def test_a_header_and_then_hello_gives_the_resumable_protocol() -> None:
    key = await in_thread(make_key, "read")
    line = await Line(authorization=f"Bearer {key.text}").open()
    await line.hear()
    await line.say(type="hello", v=1)
    assert (await line.hear())["mode"] == "snapshot_required"
    await line.hang_up()


@pytest.mark.parametrize("ticket", ["", "nonsense", "x" * 5000, 7, None])
async def test_a_bad_ticket_is_told_so_after_the_accept(ticket: object) -> None:
    line = await Line.dial()
    assert line.accepted
    await line.say(type="authenticate", ticket=ticket)
    assert await line.closed() in (4401, 4409)


async def test_a_ticket_works_once() -> None:
    ticket = await a_ticket()
    line = await Line.plain(ticket)
    again = await Line.dial(offers=["dashboard", f"ticket.{ticket}"])
    assert again.accepted
    assert await again.closed() == 4401
    await line.hang_up()


async def test_whoever_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.monitoring.consumers.HELLO_SECONDS", 0.02)
    line = await Line.dial()
    assert await line.closed() == 4401


async def test_the_first_frame_must_bring_credentials() -> None:
    line = await Line.dial()
    await line.say(type="ping")
    assert await line.closed() == 4401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example", "https:///"]
)
async def test_a_foreign_origin_is_refused_before_the_accept(origin: str) -> None:
    line = await Line.dial(origin=origin, offers=["dashboard", f"ticket.{await a_ticket()}"])
    assert not line.accepted


async def test_no_origin_and_no_header_is_refused_before_the_accept() -> None:
    line = await Line(offers=["dashboard", f"ticket.{await a_ticket()}"]).open()
    assert not line.accepted


async def test_a_host_that_is_not_ours_is_refused_even_if_the_origin_agrees() -> None:
    line = await Line.dial(host="evil.example", origin="http://evil.example")
    assert not line.accepted


@pytest.mark.parametrize(
    "text", [" ", "[]", "{}", "7", '{"type":7}', "{", '{"type":"hello","v":2}', "x" * 70_000]
)
async def test_frames_that_break_the_protocol_end_the_socket(text: str) -> None:
    line = await Line.plain(await a_ticket())
    await line.wire.send_to(text_data=text)
    assert await line.closed() == 4409


async def test_bytes_end_the_socket() -> None:
    line = await Line.plain(await a_ticket())
    await line.wire.send_to(bytes_data=b"\x00")
    assert await line.closed() == 4409


async def test_unknown_frames_of_a_known_caller_are_ignored() -> None:
    line = await Line.plain(await a_ticket())
    await line.say(type="subscribe", channel="agents")
    await line.say(type="ping")
    assert await line.hear() == {"type": "pong"}
    await line.hang_up()


async def test_more_than_twenty_frames_a_second_end_the_socket() -> None:
    line = await Line.plain(await a_ticket())
    for _ in range(30):
        await line.say(type="ping")
    assert await line.closed() == 4429


async def test_the_twenty_first_socket_of_a_caller_is_refused_and_a_place_is_freed_again() -> None:
    user = await in_thread(make_user)
    key = await in_thread(make_key, "read")
    lines = []
    for _ in range(20):
        lines.append(await Line.plain(await in_thread(ticket_of, user)))
    one_more = await Line.dial(offers=["dashboard", f"ticket.{await in_thread(ticket_of, user)}"])
    assert await one_more.closed() == 4429
    other = await Line(authorization=f"Bearer {key.text}").open()
    assert (await other.hear())["type"] == "connection"
    await lines.pop().hang_up()
    lines += [other, await Line.plain(await in_thread(ticket_of, user))]
    for line in lines:
        await line.hang_up()
    assert not sockets._open
    assert not sockets._counts


async def test_a_project_of_others_is_forbidden() -> None:
    project = await in_thread(make_project)
    line = await Line.dial()
    await line.say(type="hello", v=1, ticket=await a_ticket(), project=project.slug)
    assert await line.closed() == 4403


async def test_a_socket_hears_only_of_its_project() -> None:
    ours, theirs = await in_thread(make_project), await in_thread(make_project)
    user = await in_thread(make_user, project=ours)
    mine, other = await in_thread(make_agent, ours), await in_thread(make_agent, theirs)
    line = await Line.resumable(await in_thread(ticket_of, user, ours))
    await in_thread(pause_agent, other)
    await in_thread(pause_agent, mine)
    assert (await line.hear())["agent_id"] == str(mine.pk)
    await line.hang_up()


@pytest.mark.parametrize("loss", ["role", "membership", "password", "user"])
async def test_a_lost_right_ends_open_sockets(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.accounts.watch.CHECK_SECONDS", 0.05)
    user = await in_thread(make_user)
    plain = await Line.plain(await in_thread(ticket_of, user))
    resumable = await Line.resumable(await in_thread(ticket_of, user))

    def lose() -> None:
        membership = Membership.objects.filter(user=user)
        if loss == "role":
            membership.update(role="viewer")
        elif loss == "membership":
            membership.delete()
        elif loss == "password":
            user.set_password("another one entirely")
            user.save()
        else:
            user.is_active = False
            user.save()

    await in_thread(lose)
    assert await plain.closed() == 4401
    assert await resumable.closed() == 4401


async def test_a_viewer_may_watch() -> None:
    user = await in_thread(make_user, "viewer")
    line = await Line.plain(await in_thread(ticket_of, user))
    await line.hang_up()


async def test_stopping_the_server_tells_when_to_come_back() -> None:
    line = await Line.plain(await a_ticket())
    await live.stop()
    message = await line.wire.receive_output(timeout=5)
    assert (message["type"], message["code"]) == ("websocket.close", 1012)
    assert '"retry_ms":' in message["reason"]


async def test_sockets_that_came_and_went_leave_nothing_behind() -> None:
    key = await in_thread(make_key, "read")
    tasks = len(asyncio.all_tasks())
    for _ in range(30):
        line = await Line(authorization=f"Bearer {key.text}").open()
        await line.hear()
        await line.hang_up()
    hub = live.hub()
    assert hub is not None
    assert all(not feed.outboxes for feed in hub._feeds.values())
    assert not sockets._open
    assert len(asyncio.all_tasks()) <= tasks + 8, "the hub's own chores and no more"
