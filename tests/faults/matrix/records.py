"""The installation's database, read in SQL beside the product."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

OVER = ("completed", "failed", "cancelled", "timed_out", "skipped")
WORK_OVER = ("completed", "failed", "cancelled", "timed_out")


class Records:
    """The database, read by a connection of our own that comes back after a crash."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wire: psycopg.Connection[dict[str, Any]] | None = None

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        for _ in range(2):
            try:
                if self._wire is None or self._wire.closed:
                    self._wire = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
                return self._wire.execute(query, values).fetchall()
            except psycopg.OperationalError as error:
                self.close()
                last = error
        raise last

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = None

    def run(self, tag: str) -> dict[str, Any] | None:
        found = self.rows("SELECT * FROM workflows_run WHERE idempotency_key = %s", tag)
        return found[0] if found else None

    def open_work(self, run_id: Any) -> int:
        """Command runs that are not over, of the run and of those nested in it, and such runs."""
        query = (
            "WITH whole AS (SELECT id, status FROM workflows_run WHERE id = %s OR parent_run_id = %s)"
            " SELECT (SELECT count(*) FROM whole WHERE status <> ALL(%s)) + (SELECT count(*)"
            " FROM agents_commandrun WHERE run_id IN (SELECT id FROM whole) AND status <> ALL(%s)) AS n"
        )
        return int(self.rows(query, run_id, run_id, list(OVER), list(WORK_OVER))[0]["n"])

    def work_status(self, run_id: Any, key: str) -> tuple[str, str]:
        """How the command run of a step is and what it waits for; nothing while it has none."""
        query = (
            "SELECT w.status, w.wait_reason FROM agents_commandrun w"
            " JOIN workflows_step s ON s.command_run_id = w.id WHERE s.run_id = %s AND s.key = %s"
        )
        found = self.rows(query, run_id, key)
        return (found[0]["status"], found[0]["wait_reason"]) if found else ("", "")

    def is_handed_over(self, run_id: Any, key: str) -> bool:
        """Whether the step's work runs and no worker has it."""
        query = (
            "SELECT 1 FROM agents_commandrun w JOIN workflows_step s ON s.command_run_id = w.id"
            " WHERE s.run_id = %s AND s.key = %s AND w.status = 'running' AND w.worker_id IS NULL"
        )
        return bool(self.rows(query, run_id, key))

    def worker_of(self, run_id: Any, key: str) -> str:
        """Who holds the step's work now; nothing while nobody does."""
        query = (
            "SELECT a.worker FROM agents_commandrunattempt a"
            " JOIN workflows_step s ON s.command_run_id = a.command_run_id"
            " WHERE s.run_id = %s AND s.key = %s AND a.ended_at IS NULL"
        )
        found = self.rows(query, run_id, key)
        return str(found[0]["worker"]) if found else ""

    def open_approval(self, run_id: Any) -> Any:
        query = "SELECT id FROM workflows_approval WHERE run_id = %s AND state = 'open'"
        found = self.rows(query, run_id)
        return found[0]["id"] if found else None

    def step_status(self, run_id: Any, key: str) -> str:
        found = self.rows("SELECT status FROM workflows_step WHERE run_id = %s AND key = %s", run_id, key)
        return str(found[0]["status"]) if found else ""
