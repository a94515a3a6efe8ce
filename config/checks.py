"""System checks for what cannot work together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def secrets_differ(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY == settings.JWT_SIGNING_KEY:
        return [
            Error(
                "JWT_SIGNING_KEY is the same as SECRET_KEY.",
                hint="Give each its own random value; one leaked key must not open the other door.",
                id="config.E001",
            )
        ]
    return []


@register()
def secrets_are_not_samples(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        value = str(getattr(settings, name))
        if not settings.DEBUG and (
            len(value) < 32 or value.startswith(("change", "django-insecure", "default"))
        ):
            found.append(
                Error(
                    f"{name} is short or a sample value while DEBUG is off.",
                    hint="Use 50 random characters, or leave it out in embedded mode to have one made.",
                    id="config.E002",
                )
            )
    return found


@register()
def links_lead_somewhere(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    env = settings.MC
    found: list[CheckMessage] = []
    if env.email_url and not env.public_url:
        found.append(
            Warning(
                f"Links in e-mails will begin with {env.own_url}: MC_PUBLIC_URL is not set.",
                hint="Set MC_PUBLIC_URL to the address at which people open this installation.",
                id="config.W002",
            )
        )
    if env.mail_server and env.mail_server.host and not env.email_from:
        found.append(
            Error(
                "MC_EMAIL_URL is set but MC_EMAIL_FROM is not.",
                hint="Name the sender, such as Mission Control <control@example.org>.",
                id="config.E003",
            )
        )
    return found


@register()
def debug_is_for_development(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG and not settings.EMBEDDED:
        return [
            Warning(
                "DEBUG is on in server mode.",
                hint="Unset DEBUG: it shows internals to anyone who meets an error.",
                id="config.W001",
            )
        ]
    return []
