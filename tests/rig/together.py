"""Many hands at the same moment: the only way tests make a race."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import connection

from apps.errors import DomainError

LOST = object()


def at_once(*acts: Callable[[], Any]) -> Counter[str]:
    """Run all acts in threads that begin together; how each ended: `ok` or its error's name.

    An act that answers LOST won nothing and was not refused either: `nothing`.
    """
    begin = threading.Barrier(len(acts))
    ends: list[str] = []

    def one(act: Callable[[], Any]) -> None:
        begin.wait()
        try:
            ends.append("ok" if act() is not LOST else "nothing")
        except DomainError as error:
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert len(ends) == len(acts), "an act neither succeeded nor was refused"
    return Counter(ends)
