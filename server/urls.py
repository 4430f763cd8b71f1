"""Which address shows which page. The device API under /v1/ never comes here: `wsgi` takes it first."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path
from django.views.static import serve

urlpatterns = [
    path("account/", include("server.web.closed")),
    path("account/", include("allauth.account.urls")),
    path("static/<path:path>", serve, {"document_root": settings.STATIC_DIR}),
    path("", include("server.web.urls")),
]
