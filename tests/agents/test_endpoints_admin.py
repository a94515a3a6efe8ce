"""Agents with an HTTP endpoint in the admin: an address that may be called, and a secret shown once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import default_project
from apps.agents import credentials
from apps.agents.models import Agent
from tests.agents.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def saved(admin: Client, **fields: Any) -> str:
    """The page after an agent was added."""
    given = {
        "project": default_project().pk, "name": "Remote", "slug": "remote", "type": "coding",
        "capabilities": '["coding"]', "connector": "http", "max_parallel": 1,
    } | fields  # fmt: skip
    return str(admin.post(reverse("admin:agents_agent_add"), given, follow=True).content.decode())


def test_a_new_agent_shows_its_secret_once(admin: Client) -> None:
    page = saved(admin, endpoint="https://agents.example.org/work")
    agent = Agent.objects.get(name="Remote")
    secret = credentials.secret_of(agent.pk, 1).replace("+", "&#x2B;").replace("=", "&#x3D;")
    assert secret in page or credentials.secret_of(agent.pk, 1) in page
    again = admin.get(reverse("admin:agents_agent_change", args=[agent.pk])).content.decode()
    assert "whsec_" not in again
    assert "https://agents.example.org/work" in again


@pytest.mark.parametrize("endpoint", ["", "ftp://example.org/", "http://example.org:2375/"])
def test_an_address_that_cannot_be_called_is_refused(admin: Client, endpoint: str) -> None:
    page = saved(admin, endpoint=endpoint)
    assert "errorlist" in page
    assert not Agent.objects.filter(name="Remote").exists()


def test_an_agent_that_a_model_drives_needs_no_address(admin: Client) -> None:
    saved(admin, connector="llm")
    assert Agent.objects.get(name="Remote").endpoint == ""


def test_a_new_secret_is_made_by_an_action(admin: Client) -> None:
    saved(admin, endpoint="https://agents.example.org/work")
    remote, driven = Agent.objects.get(name="Remote"), make_agent(name="Driven")
    chosen = {"action": "rotate_secret", "_selected_action": [remote.pk, driven.pk]}
    page = admin.post(reverse("admin:agents_agent_changelist"), chosen, follow=True).content.decode()
    remote.refresh_from_db()
    assert remote.secret_version == 2
    assert "whsec_" in page
    assert "Only an agent with an HTTP endpoint has a secret" in page
