"""What is to be done soon after a commit, in transactions of its own: start the runs that steps wait
for, tell steps of runs that ended, stop what nobody wants any more.

A hint: it is lost with the process, and `engine.sweep` finds by the rows alone what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import transaction

from apps.agents import dispatch
from apps.events.journal import Change

_acts: list[Callable[[UUID], object]] = []


def teach(act: Callable[[UUID], object]) -> None:
    """Say what looks after a project's runs; called once, when the app is ready."""
    if act not in _acts:
        _acts.append(act)


def soon(change: Change) -> None:
    """Have the project's runs looked after as soon as this change is committed."""
    transaction.on_commit(partial(dispatch.poke, change.project_id, *_acts))
