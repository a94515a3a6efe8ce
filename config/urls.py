"""Where every path leads."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.monitoring.api.healthz import healthz
from apps.workflows.api.link import decide_by_link
from config import openapi, problems, spa

api: list[URLPattern | URLResolver] = [
    path("", include("apps.accounts.api.urls")),
    path("", include("apps.agents.api.urls")),
    path("", include("apps.workflows.api.urls")),
    path("", include("apps.monitoring.api.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("approve/<str:token>/", decide_by_link, name="decide-by-link"),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", openapi.SchemaView.as_view(), name="schema"),
    path("api/v1/docs/", openapi.DocsView.as_view(), name="docs"),
    path("api/v1/", include(api)),
    re_path(r"^assets/(?P<path>.*)$", spa.missing_asset),
    # Everything else is a page of the application, whose router knows what it is.
    re_path(r"^(?!(?:api|admin|approve|static|ws)(?:/|$))(?P<path>.*)$", spa.index, name="spa"),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error
