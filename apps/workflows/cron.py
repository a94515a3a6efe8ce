"""Cron expressions in a time zone: checking them, and the moments they name. Plain Python.

Daylight saving is treated as Debian's cron treats it. A moment that the clock jumps over in spring
happens right after the jump; one that the clock shows twice in autumn happens the first time. An
expression that goes by the hour or the minute (`*/30 * * * *`, `30 * * * *`) follows elapsed time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

MAX_LENGTH = 100
FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, or L for the last",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
}
FORMS = "a number, a list 1,5, a range 1-5, a step */10, or *"
# How far back to look for the newest moments, shortest first, so that years of minutes stay cheap.
WINDOWS = (timedelta(hours=2), timedelta(days=8), timedelta(days=400))


class CronError(ValueError):
    """A cron expression or time zone that is none. `field` says which of the two."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


def check(cron: str, time_zone: str) -> None:
    """Raises CronError naming what is wrong and what to write."""
    zone = _zone(time_zone)
    if next(_moments(cron, zone, datetime.now(UTC)), None) is None:
        raise CronError("cron", "names no moment within the next 50 years")


def after(cron: str, time_zone: str, moment: datetime) -> datetime | None:
    """The first moment after `moment`, in UTC; None when there is none. Raises CronError."""
    return next(_moments(cron, _zone(time_zone), moment), None)


def upcoming(cron: str, time_zone: str, moment: datetime, count: int) -> list[datetime]:
    """The next `count` moments after `moment`, in UTC. Raises CronError."""
    return list(islice(_moments(cron, _zone(time_zone), moment), count))


def newest(cron: str, time_zone: str, since: datetime, until: datetime, count: int) -> list[datetime]:
    """The newest `count` moments with since ≤ moment ≤ until, oldest first. Raises CronError."""
    zone = _zone(time_zone)
    found: list[datetime] = []
    for window in (*WINDOWS, until - since):
        begin = max(since, until - window)
        found = []
        for moment in _moments(cron, zone, begin - timedelta(seconds=1)):
            if moment > until:
                break
            found.append(moment)
        if len(found) >= count or begin == since:
            break
    return found[-count:]


def describe(cron: str) -> str:
    """The expression in words, such as “At 09:00 on Monday through Friday”. Raises CronError."""
    return _parsed(cron, datetime.now(UTC)).explain()


def _moments(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """Strictly rising: where the clock is changed, two moments of the expression can be one."""
    last = moment
    for found in _parsed(cron, moment.astimezone(zone)):
        at = found.astimezone(UTC)
        if at > last:
            yield at
            last = at


def _parsed(cron: str, begin: datetime) -> CronSim:
    fields = cron.split()
    if len(cron) > MAX_LENGTH:
        raise CronError("cron", f"is longer than {MAX_LENGTH} characters")
    if len(fields) != len(FIELDS):
        names = ", ".join(name.replace("-", " ") for name in FIELDS)
        raise CronError("cron", f"has {len(fields)} fields instead of 5: {names}")
    try:
        return CronSim(cron, begin)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        if name not in FIELDS:
            raise CronError("cron", f"is not a cron expression: {error}") from None
        given = fields[list(FIELDS).index(name)]
        said = f"{given!r} is no {name.replace('-', ' ')}: write {FIELDS[name]}; {FORMS}"
        raise CronError("cron", said) from None


def _zone(name: str) -> ZoneInfo:
    if name not in _zones():
        raise CronError("time_zone", f"there is no time zone {name!r}: write an IANA name, Europe/Berlin")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zones() -> list[str]:
    """Every time zone's name, in order."""
    return sorted(_zones())
