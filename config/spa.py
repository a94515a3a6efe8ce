"""The built single-page application: its files, and its one page for every address it knows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

NONCE_MARK = "__CSP_NONCE__"
NEVER_FILES = ("/api/", "/admin/", "/ws/")


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


class FrontendFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Serves static files and the built application, except its page, which needs its nonce.

    Files are looked for when asked for, so a start scans nothing and a new build needs no restart.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(NEVER_FILES):  # the answer without a look at the disk, 1 ms a request
            done: HttpResponseBase = self.get_response(request)
            return done
        static_file = self.files.get(path)
        if static_file is None and path != "/index.html":
            static_file = self.find_file(path)
            if static_file is not None and self.immutable_file_test("", path):
                self.files[path] = static_file
        if static_file is None:
            answer: HttpResponseBase = self.get_response(request)
            return answer
        return self.serve(static_file, request)

    def add_files(self, root: str | Path, prefix: str | None = None) -> None:
        self.directories.insert(
            0, (f"{Path(root).resolve()}/", f"/{(prefix or '').strip('/')}/".replace("//", "/"))
        )

    def add_files_from_finders(self) -> None:
        """They are asked file by file."""

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Vite puts a hash of the content into every name under /assets/."""
        return url.startswith("/assets/")

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """In one piece: Django under ASGI would gather a stream into memory anyway, and warn."""
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with closing(found.file):
                content = found.file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response
