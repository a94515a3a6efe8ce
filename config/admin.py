"""The admin site: staff only, guarded by the same lock-out as the API, invisible to others."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse

from apps.accounts.api.throttles import locked_for
from config import problems


class MissionControlAdminSite(AdminSite):
    site_header = "Mission Control"
    site_title = "Mission Control"
    index_title = "Administration"
    enable_nav_sidebar = True

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404  # signed in, but not staff: there is no admin for them
        if request.method == "POST":
            wait = locked_for(request, request.POST.get("username", "")[:150])
            if wait is not None:
                detail = f"Too many wrong passwords. Try again in {wait} seconds."
                answer = problems.answer(request, 429, detail)
                answer.headers["Retry-After"] = str(wait)
                return answer
        return super().login(request, extra_context)

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404
        return super().catch_all_view(request, url)
