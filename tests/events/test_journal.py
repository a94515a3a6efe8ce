"""The journal: gap-free numbers in commit order, and what pruning promises."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from django.utils import timezone

from apps.events import journal
from apps.events.models import Event
from tests.events.toys import switch

pytestmark = pytest.mark.django_db(transaction=True)


class Undone(Exception):
    """Rolls a change back."""


def break_off_after_switching(project: UUID) -> None:
    switch(project, "on")
    raise Undone


def test_numbers_are_gap_free_across_rolled_back_changes() -> None:
    project = uuid4()
    switch(project, "on", "off")
    with pytest.raises(Undone), journal.changes(project):
        break_off_after_switching(project)
    switch(project, "on")
    assert [event.seq for event in journal.read(project, after=0)] == [1, 2, 3]


def test_writers_of_many_threads_get_each_number_once() -> None:
    project = uuid4()
    journal.position(project)

    def write() -> None:
        try:
            for _ in range(15):
                switch(project, "on", "off")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in journal.read(project, after=0)] == list(range(1, 121))
    assert journal.position(project).head == 120


def test_a_change_inside_a_change_is_one_transaction_with_one_stretch_of_numbers() -> None:
    project = uuid4()
    with journal.changes(project):
        switch(project, "inner")
        switch(project, "again")
    assert [event.payload["status"] for event in journal.read(project, after=0)] == ["inner", "again"]
    with pytest.raises(RuntimeError), journal.changes(project), journal.changes(uuid4()):
        pass


def test_pruning_keeps_what_is_young_and_the_newest_however_old() -> None:
    project = uuid4()
    switch(project, *"abcdefghij")
    old = timezone.now() - timedelta(hours=1)
    Event.objects.filter(project_id=project, seq__lte=6).update(at=old)
    before = timezone.now() - timedelta(minutes=15)
    assert journal.prune(project, before=before, keep=8) == 2
    assert journal.position(project).floor == 2
    assert journal.prune(project, before=before, keep=0) == 4
    assert journal.prune(project, before=before, keep=0) == 0
    assert [event.seq for event in journal.read(project, after=0)] == [7, 8, 9, 10]
    assert journal.position(project).floor == 6
    assert journal.prune(project, before=timezone.now() + timedelta(days=1), keep=0) == 4
    at = journal.position(project)
    assert (at.head, at.floor) == (10, 10)


def test_a_broken_history_is_a_new_epoch_and_numbers_go_on() -> None:
    project = uuid4()
    switch(project, "on")
    before = journal.position(project)
    journal.break_history(project)
    after = journal.position(project)
    assert after.epoch != before.epoch
    assert (after.head, after.floor) == (1, 1)


def test_nothing_is_published_for_a_change_that_is_rolled_back() -> None:
    project = uuid4()
    with pytest.raises(Undone), transaction.atomic():
        break_off_after_switching(project)
    assert journal.position(project).head == 0
    assert journal.read(project, after=0) == []


def test_positions_of_many_projects_come_at_once() -> None:
    one, other = uuid4(), uuid4()
    switch(one, "on")
    switch(other, "on", "off")
    heads = journal.heads([one, other, uuid4()])
    assert {project: at.head for project, at in heads.items()} == {one: 1, other: 2}
