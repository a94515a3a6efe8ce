"""Security-related settings as plain values, so that `config.settings` can take them over whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csp.constants import NONCE, NONE, SELF, STRICT_DYNAMIC

YEAR_SECONDS = 31_536_000

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.api.authentication.BearerAuthentication"],
    # A view that says nothing: members read, operators write.
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.api.permissions.RolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.bodies.JSONBodyParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.OpaqueCursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "sign_in": "60/min",
        "refresh": "120/min",
        "ticket": "120/min",
        "hook": "600/min",
        "validation": "240/min",
    },
    "EXCEPTION_HANDLER": "config.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["config.api.ORJSONRenderer"],
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR: dict[str, Any] = {
    "TITLE": "Mission Control",
    "DESCRIPTION": (
        "The REST API of Mission Control. Calls name their project by the header `X-Project` "
        "(slug or id); without it they mean the caller's first. Lists are "
        "`{next, previous, results}`: follow `next` until it is null. Errors are "
        "`application/problem+json`."
    ),
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
    "ENUM_NAME_OVERRIDES": {
        "AgentStatusEnum": "apps.agents.models.AgentStatus",
        "AgentReportedStatusEnum": [(word, word) for word in ("idle", "busy", "waiting", "error")],
        "ApprovalStateEnum": "apps.workflows.models.ApprovalState",
        "CommandRunStatusEnum": "apps.agents.models.RunStatus",
        "KeyStateEnum": "apps.accounts.models.KeyState",
        "RunStatusEnum": "apps.workflows.models.RunStatus",
        "StepStatusEnum": "apps.workflows.models.StepStatus",
        "KindEnum": "apps.workflows.models.StepKind",
        "ChangeKindEnum": [(word, word) for word in ("added", "removed", "changed", "reordered")],
        "WorkKindEnum": "apps.agents.models.WorkKind",
        "LogLevelEnum": "apps.agents.models.LogLevel",
        "SpanKindEnum": "apps.agents.models.SpanKind",
        "SessionStatusEnum": "apps.agents.models.SessionStatus",
        "SpanStatusEnum": "apps.agents.models.SpanStatus",
        "SpanSourceEnum": "apps.agents.models.SpanSource",
        "CostSourceEnum": "apps.agents.models.CostSource",
        "ProvenanceEnum": "apps.agents.models.Provenance",
        "HealthStatusEnum": [(word, word) for word in ("healthy", "degraded", "unhealthy")],
        "AlertLevelEnum": "apps.monitoring.models.AlertLevel",
        "DeliveryStateEnum": "apps.monitoring.models.DeliveryState",
        "ConnectionEnum": [(word, word) for word in ("connected", "disconnected")],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.finish",
    ],
}

# The signing key is added by the settings. Rotation and reuse detection: apps.accounts.sessions.
SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": "HS256",
    "AUDIENCE": "mission-control",
    "ISSUER": "mission-control",
    "TOKEN_TYPE_CLAIM": "typ",
    "USER_ID_CLAIM": "sub",
    "LEEWAY": 0,
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
}

# Five wrong passwords for one name from one address close that pair for a while; the name stays
# open from everywhere else, so nobody can lock a colleague out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE, STRICT_DYNAMIC],
        "style-src": [SELF, NONCE],
        "connect-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "require-trusted-types-for": ["'script'"],
    }
}
# Pages of others, which load their own files without a nonce.
ADMIN_POLICY: dict[str, Any] = {
    "script-src": [SELF],
    "require-trusted-types-for": None,
}
# The page behind a link in an e-mail: text, a form and a style sheet.
LINK_POLICY: dict[str, Any] = {
    directive: None
    for directive in CONTENT_SECURITY_POLICY["DIRECTIVES"]
    if directive not in ("default-src", "frame-ancestors", "base-uri", "form-action")
} | {"style-src": [SELF]}
DOCS_POLICY: dict[str, Any] = {
    "script-src": [SELF],
    "style-src": [SELF, "'unsafe-inline'"],  # Swagger UI sets style attributes
    "require-trusted-types-for": None,
}

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
