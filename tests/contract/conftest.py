"""One whole installation for the tests of this folder, in the mode of the test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack(mode.current()) as running:
        yield running


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture(scope="session")
def finished_run(client: Client) -> str:
    """A run that went through all of it, so that every field has been filled."""
    run_id = str(client.start("bug-lifecycle")["id"])
    assert client.wait_run(run_id)["status"] == "completed"
    return run_id
