"""Paths of agents, commands and command runs, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

urlpatterns: list[URLPattern] = []
