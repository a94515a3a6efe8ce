"""Which language model is configured: reading MC_LLM_MODEL, naming it for the screen, building its client.

Provider packages are imported only when a client is built: an idle process must stay small.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from pydantic_ai.models import Model

DEMO_MODEL = "demo model"
OLLAMA_URL = "http://127.0.0.1:11434/v1"


@dataclass(frozen=True)
class Provider:
    """A service reached by name: the package it needs, the variable its own SDK takes a key from."""

    package: str
    key_variable: str | None = None


PROVIDERS = {
    "openai": Provider("openai", "OPENAI_API_KEY"),
    "anthropic": Provider("anthropic", "ANTHROPIC_API_KEY"),
    "google": Provider("google.genai", "GOOGLE_API_KEY"),
    "ollama": Provider("openai"),
    "openrouter": Provider("openai", "OPENROUTER_API_KEY"),
    "deepseek": Provider("openai", "DEEPSEEK_API_KEY"),
    "together": Provider("openai", "TOGETHER_API_KEY"),
    "fireworks": Provider("openai", "FIREWORKS_API_KEY"),
    "cerebras": Provider("openai", "CEREBRAS_API_KEY"),
    "groq": Provider("groq", "GROQ_API_KEY"),
    "mistral": Provider("mistralai", "MISTRAL_API_KEY"),
    "cohere": Provider("cohere", "CO_API_KEY"),
}
ALIASES = {"google-gla": "google", "gemini": "google", "openai-chat": "openai"}


class ModelNotUsable(Exception):
    """The configured model cannot be used. The message names the variable to mend; `hint` says how."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class ModelSpec:
    """A model string, taken apart. With `base_url` an "openai" model is any OpenAI-compatible server's."""

    provider: str
    name: str
    base_url: str


@dataclass(frozen=True)
class ModelInfo:
    """What the screen says of the model."""

    name: str
    demo: bool


def describe_model(agent_model: str | None = None) -> ModelInfo:
    """The model that work is given to; the built-in offline one when none is configured."""
    text = agent_model or settings.MC.llm_model
    if not text:
        return ModelInfo(DEMO_MODEL, demo=True)
    try:
        return ModelInfo(parse_model(text, settings.MC.llm_base_url).name, demo=False)
    except ModelNotUsable:
        return ModelInfo(text, demo=False)


def parse_model(text: str, base_url: str) -> ModelSpec:
    """Take "provider:name" apart; with a base URL the provider may be left out. Raises ModelNotUsable."""
    prefix, colon, rest = text.strip().partition(":")
    provider = ALIASES.get(prefix.strip().lower(), prefix.strip().lower())
    if colon and provider in PROVIDERS:
        name = rest.strip()
    elif base_url:
        # "llama3.2:1b" is a name too: only a known provider is cut off.
        provider, name = "openai", text.strip()
    else:
        raise ModelNotUsable(
            f"MC_LLM_MODEL={text!r} names no known provider.",
            f"Write provider:model with one of {', '.join(PROVIDERS)}, for example openai:gpt-5-mini, "
            "or set MC_LLM_BASE_URL to an OpenAI-compatible server.",
        )
    if not name:
        raise ModelNotUsable(
            f"MC_LLM_MODEL={text!r} names a provider but no model.",
            f"Write {provider}: and the model's name.",
        )
    return ModelSpec(provider, name, base_url.strip())


def require_package(spec: ModelSpec) -> None:
    """Raises ModelNotUsable when the Python package that the provider needs is not installed."""
    package = PROVIDERS[spec.provider].package
    try:
        found = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise ModelNotUsable(
            f"MC_LLM_MODEL asks for {spec.provider!r}, whose Python package {package!r} is not installed.",
            f'Install it with: pip install "pydantic-ai-slim[{spec.provider}]", or choose another provider.',
        )


def lacks_key(spec: ModelSpec) -> str | None:
    """The variable that should hold a key and does not; a server of one's own needs no key."""
    variable = PROVIDERS[spec.provider].key_variable
    if spec.base_url or variable is None or api_key() or os.environ.get(variable):
        return None
    return variable


def api_key() -> str | None:
    """MC_LLM_API_KEY. Handed to the provider's client and to nothing else."""
    key = settings.MC.llm_api_key
    return key.get_secret_value() or None if key else None


def build_model(spec: ModelSpec) -> Model[Any]:
    """A client for the model, for one event loop. Raises ModelNotUsable."""
    require_package(spec)
    from pydantic_ai.exceptions import UserError

    try:
        return _compatible(spec) if spec.base_url and spec.provider == "openai" else _named(spec)
    except UserError:
        variable = lacks_key(spec) or "MC_LLM_MODEL"
        raise ModelNotUsable(
            f"{spec.provider} cannot be used as it is configured.", f"Set MC_LLM_API_KEY or {variable}."
        ) from None


def _compatible(spec: ModelSpec) -> Model[Any]:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    provider = OpenAICompatibleProvider(
        "openai-compatible",
        base_url=spec.base_url,
        api_key=api_key(),
        # Otherwise a connection that breaks off passes for a finished answer.
        profile=OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True),
    )
    return OpenAIChatModel(spec.name, provider=provider)


def _named(spec: ModelSpec) -> Model[Any]:
    from pydantic_ai.models import infer_model
    from pydantic_ai.providers import Provider as Client
    from pydantic_ai.providers import infer_provider_class

    def provide(name: str) -> Client[Any]:
        given: dict[str, Any] = {}
        if key := api_key():
            given["api_key"] = key
        if spec.base_url:
            given["base_url"] = spec.base_url
        elif spec.provider == "ollama":
            given["base_url"] = os.environ.get("OLLAMA_BASE_URL") or OLLAMA_URL
        return infer_provider_class(name)(**given)

    return infer_model(f"{spec.provider}:{spec.name}", provider_factory=provide)
