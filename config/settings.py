"""Django's settings. Every value that differs between installations comes from `config.env`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import django_stubs_ext

from apps.agents.telemetry import prices
from config import databases, env, layers, security
from config import logging as structured_logging

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
MC = env.load()
VERSION = "0.1.0"
EMBEDDED = MC.embedded
DEBUG = MC.debug
DATA_DIR = MC.data_dir if MC.data_dir.is_absolute() else BASE_DIR / MC.data_dir
DATA_DIR.mkdir(parents=True, exist_ok=True)
SECRETS = env.named_secrets()
prices.use(MC.prices_file)


def _secret(value: Any, name: str) -> str:
    if value is not None:
        return str(value.get_secret_value())
    if not EMBEDDED:
        sys.stderr.write(
            f"{name.upper()}: must be set in server mode, the same in every process (50 random characters)\n"
        )
        raise SystemExit(2)
    return env.stored_secret(DATA_DIR, name)


SECRET_KEY = _secret(MC.secret_key, "secret_key")
JWT_SIGNING_KEY = _secret(MC.jwt_signing_key, "jwt_signing_key")

ALLOWED_HOSTS = list(MC.allowed_hosts)
ALLOWED_ORIGINS = list(MC.allowed_origins)
CSRF_TRUSTED_ORIGINS = list(MC.allowed_origins)
SECURE_COOKIES = (
    MC.secure_cookies if MC.secure_cookies is not None else MC.host not in ("127.0.0.1", "localhost", "::1")
)

INSTALLED_APPS = [
    # Serves `runserver`, and then must come before staticfiles; elsewhere it would only cost 24 MB.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "config.admin_app.MissionControlAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "apps.events.apps.EventsConfig",
    "apps.accounts.apps.AccountsConfig",
    "apps.agents.apps.AgentsConfig",
    "apps.workflows.apps.WorkflowsConfig",
    "apps.monitoring.apps.MonitoringConfig",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "config.middleware.EnvelopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.PolicyMiddleware",
    "config.spa.FrontendFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": databases.postgres(MC.database_url.get_secret_value(), pool_size=32)
    if MC.database_url
    else databases.sqlite(DATA_DIR / "missioncontrol.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = MC.redis_url.get_secret_value() if MC.redis_url else ""
if EMBEDDED:
    CACHES: dict[str, Any] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS: dict[str, Any] = {"default": layers.memory()}
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
        }
    }
    CHANNEL_LAYERS = {"default": layers.redis(REDIS_URL)}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Axes counts wrong passwords and refuses; it never signs anybody in.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = security.AXES_FAILURE_LIMIT
AXES_COOLOFF_TIME = security.AXES_COOLOFF_TIME
AXES_LOCKOUT_PARAMETERS = security.AXES_LOCKOUT_PARAMETERS
AXES_CLIENT_IP_CALLABLE = "apps.accounts.clients.client_ip"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False

REST_FRAMEWORK = security.REST_FRAMEWORK
SIMPLE_JWT = {**security.SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
SPECTACULAR_SETTINGS = {**security.SPECTACULAR, "VERSION": VERSION}

CONTENT_SECURITY_POLICY = security.CONTENT_SECURITY_POLICY
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Sent with https answers only.
SECURE_HSTS_SECONDS = security.YEAR_SECONDS
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 12 * 3600
if SECURE_COOKIES:  # a browser then insists on Secure, this host and path "/"
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
if MC.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SECURE_COOKIES
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
DATA_UPLOAD_MAX_MEMORY_SIZE = MC.max_body_bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

LOGGING = structured_logging.configure(
    MC.log_level, MC.log_format, (secret.value for secret in SECRETS.values())
)

LANGUAGE_CODE = "en-us"
TIME_ZONE = MC.time_zone
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False  # config.spa looks for files when they are asked for
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ROOT = FRONTEND_DIST

SILENCED_SYSTEM_CHECKS: list[str] = [
    "axes.W002",  # its middleware is replaced: sign-in view and admin ask the lock-out themselves
]
