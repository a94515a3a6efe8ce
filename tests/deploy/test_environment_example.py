""".env.example, docker-compose.yml and the settings name the same variables."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from config.env import Env

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "BIND"}
# What a container has of the image, or must not have.
OF_THE_IMAGE = {"HOST", "PORT", "DATA_DIR", "LOG_FORMAT", "DEBUG"}


def read_by_the_product() -> set[str]:
    return {str(field.alias or name).upper() for name, field in Env.model_fields.items()}


def listed() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_lists_exactly_what_is_read() -> None:
    assert set(listed()) == read_by_the_product() | COMPOSE_ONLY


def test_the_example_says_the_real_defaults() -> None:
    example = {name: value for name, value in listed().items() if value and name not in COMPOSE_ONLY}
    for name, field in Env.model_fields.items():
        variable = str(field.alias or name).upper()
        if variable in example:
            given = Env.model_validate({str(field.alias or name): example[variable]})
            assert getattr(given, name) == field.get_default(), variable


def test_the_example_gives_no_secret() -> None:
    for name, value in listed().items():
        if re.search(r"PASSWORD|SECRET|KEY$", name):
            assert not value, name


def test_compose_hands_over_every_variable_that_is_read_and_no_other() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    block = compose.split("environment: &environment\n")[1].split("\nservices:")[0]
    handed = set(re.findall(r"^    ([A-Z_]+):", block, re.MULTILINE))
    assert handed == read_by_the_product() - OF_THE_IMAGE
    asked = set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert asked <= set(listed())


def test_only_workers_are_given_the_secrets_of_http_steps() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = {name for name, service in services.items() if "env_file" in service}
    assert given == {"worker"}
    assert services["worker"]["env_file"] == [{"path": "secrets.env", "required": False}]
    assert "/secrets.env" in (ROOT / ".gitignore").read_text().splitlines()
