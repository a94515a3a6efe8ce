"""The guide's few lines that verify a signature do, for real deliveries."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from apps.accounts.models import Project, Role
from apps.monitoring.webhooks import catalogue
from tests.accounts.people import caller, make_user
from tests.monitoring.hooks import allow, happen, make_hook, send
from tests.rig import programs
from tests.rig.answering import Answering, Asked, answering, http
from tests.workflows import acting

pytestmark = pytest.mark.django_db

GUIDE = django_settings.BASE_DIR / "docs" / "webhooks.md"


def code(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Answering]:
    with answering(http(204)) as found:
        allow(settings, found)
        yield found


@pytest.fixture
def delivered(receiver: Answering) -> tuple[str, Asked]:
    project: Project = acting.make_project()
    hook = make_hook(caller(make_user(Role.ADMIN, project)), receiver.url)
    happen(project)
    send()
    return hook["secret"], receiver.asked[0]


def test_the_lines_of_python_tell_genuine_from_forged(delivered: tuple[str, Asked]) -> None:
    secret, asked = delivered
    known: dict[str, Any] = {}
    exec(code("python"), known)  # noqa: S102  (the guide's own lines)
    assert known["is_genuine"](asked.headers, asked.body, secret)
    assert not known["is_genuine"](asked.headers, asked.body + b" ", secret)


def test_the_lines_of_javascript_tell_genuine_from_forged(
    delivered: tuple[str, Asked], tmp_path: Path
) -> None:
    secret, asked = delivered
    node = programs.find("node")
    given = json.dumps([asked.headers, asked.body.decode(), secret])
    (tmp_path / "verify.mjs").write_text(
        code("js")
        + f"\nconst [headers, body, secret] = {given};\n"
        + "const forged = Buffer.from(body + ' ');\n"
        + "console.log(isGenuine(headers, Buffer.from(body), secret), isGenuine(headers, forged, secret));\n"
    )
    said = subprocess.run([node, tmp_path / "verify.mjs"], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["true", "false"]


def test_the_guide_names_every_kind() -> None:
    text = GUIDE.read_text()
    for name in catalogue.NAMES:
        group, _, kind = name.partition(".")
        line = next(line for line in text.splitlines() if line.startswith("| `") and f"`{group}.*`" in line)
        assert f"`{kind}`" in line, name
