"""System check: a wrong model string stops the start with the variable's name, not the first run at night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from apps.agents.connectors.model import ModelNotUsable, lacks_key, parse_model, require_package


@register()
def model_is_usable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """MC_LLM_MODEL names a known provider whose package is installed and, where needed, a key."""
    if not settings.MC.llm_model:
        return []
    try:
        spec = parse_model(settings.MC.llm_model, settings.MC.llm_base_url)
        require_package(spec)
    except ModelNotUsable as error:
        return [Error(error.message, hint=error.hint, id="agents.E001")]
    if variable := lacks_key(spec):
        return [
            Warning(
                f"MC_LLM_MODEL asks for {spec.provider!r} but there is no key: every command run will fail.",
                hint=f"Set MC_LLM_API_KEY (or {variable}).",
                id="agents.W001",
            )
        ]
    return []
