"""The built single-page application: its files, and its one page for every address it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

NONCE_MARK = "__CSP_NONCE__"


class _Page:
    """The text of index.html, read again when the file changes."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._changed_at = 0
        self._text = ""

    def text(self, path: Path) -> str | None:
        try:
            changed_at = path.stat().st_mtime_ns
            if (path, changed_at) != (self._path, self._changed_at):
                self._text = path.read_text(encoding="utf-8")
                self._path, self._changed_at = path, changed_at
        except FileNotFoundError:
            return None
        return self._text


_page = _Page()


@require_safe
def index(request: HttpRequest, path: str = "") -> HttpResponse:
    """The application's page; which view it shows is decided by its own router."""
    text = _page.text(settings.FRONTEND_DIST / "index.html")
    if text is None:
        response = render(request, "not_built.html", status=503)
    else:
        nonce = str(request.csp_nonce)  # type: ignore[attr-defined]
        response = HttpResponse(text.replace(NONCE_MARK, nonce))
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def missing_asset(request: HttpRequest, path: str) -> HttpResponse:
    """A file of an older build must be a 404: the page in its place would run as a script."""
    raise Http404


class FrontendFilesMiddleware(WhiteNoiseMiddleware):
    """Serves the built files, but not the page: it needs its nonce."""

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        if url != "/index.html":
            super().add_file_to_dictionary(url, path, stat_cache)

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Vite puts a hash of the content into every name under /assets/."""
        return url.startswith("/assets/") or bool(super().immutable_file_test(path, url))
