"""What this process has measured and last read: API response times and the storage in use.

`record` and the two readers touch memory only and may run on the server's loop; `refresh` reads
and writes the database and belongs in a thread.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

from django.db import connection

from apps.monitoring import histogram
from apps.monitoring.models import ApiTiming

WINDOW_SECONDS = 300
API_SECONDS = 5.0
STORAGE_SECONDS = 30.0
MEGABYTE = 1_000_000


class Measurements:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = uuid4()
        self._unsaved: Counter[int] = Counter()
        self._api_ms = 0.0
        self._storage_mb = 0.0
        self._api_read_at = float("-inf")
        self._storage_read_at = float("-inf")

    def record(self, seconds: float) -> None:
        bucket = histogram.bucket_of(seconds * 1000)
        with self._lock:
            self._unsaved[bucket] += 1

    def refresh(self) -> None:
        """Store what was recorded and read what all processes recorded, where that is due."""
        now = time.monotonic()
        if now - self._api_read_at >= API_SECONDS:
            self._api_read_at = now
            self.save()
            self._api_ms = api_median_ms() or 0.0
        if now - self._storage_read_at >= STORAGE_SECONDS:
            self._storage_read_at = now
            self._storage_mb = measure_storage_mb()

    def save(self) -> None:
        with self._lock:
            counts, self._unsaved = self._unsaved, Counter()
        if not counts:
            return
        now = int(time.time())
        text = {str(bucket): count for bucket, count in counts.items()}
        ApiTiming.objects.bulk_create(
            [ApiTiming(process=self._process, at=now, counts=text)],
            update_conflicts=True,
            unique_fields=["process", "at"],
            update_fields=["counts"],
        )
        ApiTiming.objects.filter(at__lt=now - 2 * WINDOW_SECONDS).delete()

    @property
    def api_ms(self) -> float:
        """Until the first merging, what this process alone has seen."""
        if self._api_ms:
            return self._api_ms
        with self._lock:
            return histogram.median(self._unsaved) or 0.0

    @property
    def storage_mb(self) -> float:
        return self._storage_mb


_here = Measurements()
record = _here.record
refresh = _here.refresh


def api_response_time_ms() -> float:
    """The median over all processes' API responses of the last five minutes, as last read."""
    return _here.api_ms


def storage_used_mb() -> float:
    """Megabytes the database takes on disk, as last measured."""
    return _here.storage_mb


def api_median_ms(seconds: int = WINDOW_SECONDS) -> float | None:
    """The same median read from the database now; None when nothing was answered."""
    since = int(time.time()) - seconds
    counts = ApiTiming.objects.filter(at__gte=since).values_list("counts", flat=True)
    return histogram.median(histogram.merged(list(counts)))


def measure_storage_mb() -> float:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return round(int(cursor.fetchone()[0]) / MEGABYTE, 3)
    name = Path(str(connection.settings_dict["NAME"]))
    files = [name, name.with_name(name.name + "-wal"), name.with_name(name.name + "-shm")]
    return round(sum(file.stat().st_size for file in files if file.exists()) / MEGABYTE, 3)
