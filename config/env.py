"""Every value the process takes from its environment, in one typed place.

A wrong value stops the start with the variable's name and what it must be. `.env.example` lists
the same names; a test keeps the two alike.
"""

from __future__ import annotations

import os
import secrets
import sys
import zoneinfo
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apps.agents.addresses import Rule
from apps.agents.named_secrets import Secret
from apps.agents.named_secrets import read as read_secrets
from apps.agents.telemetry import prices

ANY_HOST = ("0.0.0.0", "::", "127.0.0.1", "::1")  # noqa: S104
CommaList = Annotated[tuple[str, ...], NoDecode]


@dataclass(frozen=True, slots=True)
class MailServer:
    """How e-mail leaves: over SMTP, or, without a host, onto the console."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: Literal["", "starttls", "always"]

    @classmethod
    def parse(cls, url: str) -> MailServer:
        """Read `smtp://user:password@host:587`, `smtps://…` or `console:`. smtp begins TLS where a
        password is sent, unless it ends in `?tls=no`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme == "console":
            return cls("", 0, "", "", "")
        if (
            parts.scheme not in ("smtp", "smtps")
            or not parts.hostname
            or parts.query not in ("", "tls=no", "tls=starttls")
        ):
            raise ValueError("must be smtp://user:password@host:587, smtps://user:password@host or console:")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        begins = parts.query == "tls=starttls" or (user and parts.query != "tls=no")
        tls: Literal["", "starttls", "always"] = (
            "always" if parts.scheme == "smtps" else "starttls" if begins else ""
        )
        usual = {"always": 465, "starttls": 587, "": 25}[tls]
        return cls(parts.hostname, parts.port or usual, user, password, tls)


class Env(BaseSettings):
    """The environment, read once at import of `config.settings`; frozen afterwards."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        # Real variables win over the file; MC_ENV_FILE= (empty) reads none.
        env_file=os.environ.get("MC_ENV_FILE", Path(__file__).resolve().parent.parent / ".env") or None,
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    data_dir: Path = Path("data")
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    debug: bool = False
    secret_key: SecretStr | None = None
    jwt_signing_key: SecretStr | None = None
    allowed_hosts: CommaList = ("localhost", "127.0.0.1", "[::1]")
    allowed_origins: CommaList = ()
    time_zone: str = "UTC"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0

    admin_password: SecretStr | None = Field(default=None, alias="MC_ADMIN_PASSWORD")
    llm_model: str = Field(default="", alias="MC_LLM_MODEL", max_length=200)
    llm_base_url: str = Field(default="", alias="MC_LLM_BASE_URL")
    llm_api_key: SecretStr | None = Field(default=None, alias="MC_LLM_API_KEY")
    llm_timeout_seconds: float = Field(default=120, alias="MC_LLM_TIMEOUT_SECONDS", gt=0, le=3600)
    llm_max_tokens: int = Field(default=512, alias="MC_LLM_MAX_TOKENS", ge=1, le=200_000)
    worker_slots: int = Field(default=32, alias="MC_WORKER_SLOTS", ge=1, le=256)
    lease_seconds: float = Field(default=45, alias="MC_LEASE_SECONDS", ge=1, le=3600)
    heartbeat_seconds: float = Field(default=10, alias="MC_HEARTBEAT_SECONDS", ge=0.1, le=600)
    repair_seconds: float = Field(default=1, alias="MC_REPAIR_SECONDS", ge=0.05, le=60)
    offline_seconds: float = Field(default=60, alias="MC_OFFLINE_SECONDS", ge=1, le=86_400)
    journal_keep_minutes: float = Field(default=15, alias="MC_JOURNAL_KEEP_MINUTES", ge=0)
    journal_keep_events: int = Field(default=10_000, alias="MC_JOURNAL_KEEP_EVENTS", ge=0)
    metrics_seconds: float = Field(default=5, alias="MC_METRICS_SECONDS", ge=1, le=300)
    prices_file: Path | None = Field(default=None, alias="MC_PRICES_FILE")
    agent_rate: float = Field(default=20_000, alias="MC_AGENT_RATE", ge=0)
    max_body_bytes: int = Field(default=5_242_880, alias="MC_MAX_BODY_BYTES", ge=1024)
    otlp_max_bytes: int = Field(default=8_388_608, alias="MC_OTLP_MAX_BYTES", ge=1024, le=67_108_864)
    otlp_items_per_second: float = Field(default=10_000, alias="MC_OTLP_ITEMS_PER_SECOND", ge=0)
    otlp_bytes_per_second: float = Field(default=16_777_216, alias="MC_OTLP_BYTES_PER_SECOND", ge=0)
    otlp_backlog_bytes: int = Field(default=268_435_456, alias="MC_OTLP_BACKLOG_BYTES", ge=1024)
    spans_keep_days: float = Field(default=14, alias="MC_SPANS_KEEP_DAYS", gt=0, le=3650)
    secure_cookies: bool | None = Field(default=None, alias="MC_SECURE_COOKIES")
    outbound: Literal["allow", "deny"] = Field(default="allow", alias="MC_OUTBOUND")
    outbound_ports: Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], NoDecode] = Field(
        default=(), alias="MC_OUTBOUND_PORTS"
    )
    outbound_allow: CommaList = Field(default=(), alias="MC_OUTBOUND_ALLOW")
    public_url: str = Field(default="", alias="MC_PUBLIC_URL", max_length=300)
    email_url: SecretStr | None = Field(default=None, alias="MC_EMAIL_URL")
    email_from: str = Field(default="", alias="MC_EMAIL_FROM", max_length=300)

    @field_validator("allowed_hosts", "allowed_origins", "outbound_ports", "outbound_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                raise ValueError(f"{origin!r} is not an origin such as https://control.example.org")
        return value

    @field_validator("outbound_allow")
    @classmethod
    def _rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            Rule.parse(text)
        return value

    @field_validator("prices_file")
    @classmethod
    def _prices(cls, value: Path | None) -> Path | None:
        if value is not None:
            prices.read(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            raise ValueError("must be an IANA time zone such as Europe/Berlin")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in ("postgres", "postgresql"):
            raise ValueError("must be a postgres:// URL; leave it out for SQLite in DATA_DIR")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in ("redis", "rediss"):
            raise ValueError("must be a redis:// or rediss:// URL; leave it out for embedded mode")
        return value

    @field_validator("llm_base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must be an http(s) URL such as http://127.0.0.1:8091/v1")
        return value

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query):
            raise ValueError("must be the address people open, such as https://control.example.org")
        return value.rstrip("/")

    @field_validator("email_url")
    @classmethod
    def _email(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            MailServer.parse(value.get_secret_value())
        return value

    @field_validator("email_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if value and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            raise ValueError("must be an address such as Mission Control <control@example.org>")
        return value

    @model_validator(mode="after")
    def _together(self) -> Env:
        if self.redis_url and not self.database_url:
            raise ValueError(
                "REDIS_URL without DATABASE_URL: server mode needs PostgreSQL; set DATABASE_URL too"
            )
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("MC_HEARTBEAT_SECONDS must be at most half of MC_LEASE_SECONDS")
        if self.llm_base_url and not self.llm_model:
            raise ValueError("MC_LLM_BASE_URL is set but MC_LLM_MODEL is not: name the model")
        return self

    @property
    def own_url(self) -> str:
        """Where people open the product; without MC_PUBLIC_URL, on this computer."""
        return self.public_url or f"http://{'localhost' if self.host in ANY_HOST else self.host}:{self.port}"

    @property
    def mail_server(self) -> MailServer | None:
        """None: nobody said how e-mail is sent."""
        return MailServer.parse(self.email_url.get_secret_value()) if self.email_url else None

    @property
    def embedded(self) -> bool:
        """One process does everything: no Redis was named."""
        return self.redis_url is None


def load() -> Env:
    """Read the environment or end the process with one line per wrong variable."""
    try:
        return Env()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"{name or 'environment'}: {problem['msg']}\n")
        sys.stderr.write(
            "Mission Control did not start: mend the variables named above (see .env.example).\n"
        )
        raise SystemExit(2) from None


def named_secrets() -> dict[str, Secret]:
    """The secrets of HTTP steps, or the end of the process with the wrong variable's name."""
    file = Env.model_config.get("env_file")
    listed = dotenv_values(file) if isinstance(file, str | Path) else {}
    try:
        return read_secrets({**listed, **os.environ})
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def stored_secret(data_dir: Path, name: str) -> str:
    """The secret kept in DATA_DIR under `name`, made on first use, readable by its owner only."""
    path = data_dir / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    value = secrets.token_urlsafe(48)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
    return value
