"""Addresses of the accounts endpoints, under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from apps.accounts.api import auth, keys, me

urlpatterns = [
    path("auth/token/", auth.TokenView.as_view(), name="sign-in"),
    path("auth/token/refresh/", auth.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="sign-out"),
    path("auth/socket-ticket/", auth.SocketTicketView.as_view(), name="socket-ticket"),
    path("keys/", keys.KeyListView.as_view(), name="keys"),
    path("keys/<uuid:key_id>/", keys.KeyView.as_view(), name="key"),
    path("keys/<uuid:key_id>/rotation/", keys.KeyRotationView.as_view(), name="key-rotation"),
    path("me/", me.MeView.as_view(), name="me"),
]
