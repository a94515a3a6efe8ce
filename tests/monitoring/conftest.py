"""Fast password hashing, and the hub ended with its test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from apps.accounts.roster import roster
from apps.monitoring import live


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def empty_roster() -> None:
    roster.clear()


@pytest.fixture
async def hub_of_this_test() -> AsyncIterator[None]:
    yield
    await live.stop()
