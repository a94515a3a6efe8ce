"""docker-compose.yml, checked without an engine: complete, healthy, and without a known password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = FILE["services"]
SECRET = re.compile(r"PASSWORD|SECRET|SIGNING_KEY")


def test_all_parts_are_there() -> None:
    assert set(SERVICES) >= {"web", "worker", "engine", "postgres", "redis", "setup"}


@pytest.mark.parametrize("name", ["web", "worker", "engine", "postgres", "redis"])
def test_every_lasting_service_is_restarted_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    # web inherits the image's own check
    assert name == "web" or service["healthcheck"]["test"]


def test_no_secret_has_a_default() -> None:
    for name, rest in re.findall(r"\$\{([A-Z_]+)([^}]*)\}", TEXT):
        if SECRET.search(name):
            assert rest.startswith(":?"), f"{name} must be required: ${{{name}:?…}}"


def test_no_secret_is_written_out() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert str(value).startswith("${"), name


def test_the_product_runs_without_privileges() -> None:
    for name in ("setup", "web", "worker", "engine"):
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]


def test_the_stores_are_not_published_and_redis_keeps_its_log() -> None:
    for name in ("postgres", "redis"):
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["inside"]
    assert FILE["networks"]["inside"]["internal"] is True
    command = SERVICES["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_every_volume_is_declared() -> None:
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert used == set(FILE["volumes"])


def test_every_command_exists() -> None:
    for name in ("setup", "web", "worker", "engine"):
        python, manage, command = SERVICES[name]["command"]
        assert (python, manage) == ("python", "manage.py")
        assert (ROOT / "config" / "management" / "commands" / f"{command}.py").exists()
