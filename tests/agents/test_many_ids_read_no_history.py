"""Rows that are found by many ids are read by these, not by an index of their project."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.agents import moves
from apps.events import journal
from apps.workflows.advance import Advance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what it knows of the rows")
def test_a_full_desk_goes_through_no_projects_history() -> None:
    ids, project_id = [uuid4() for _ in range(200)], uuid4()
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        assert moves.locked_all(project_id, ids) == {}
        with journal.changes(project_id) as change:
            assert Advance.hold_all(change, ids) == {}
    read = [one["sql"] for one in seen if " IN (" in one["sql"]]
    assert len(read) == 2
    with connection.cursor() as cursor:
        for sql in read:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "(id=?)" in cursor.fetchone()[3]
