"""The collector as one WSGI application: devices under /v1/ and /publication/, people everywhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")

from django.core.wsgi import get_wsgi_application

_pages = get_wsgi_application()

from server.device_api import PREFIXES, device_api  # noqa: E402 - Django must be set up before models load


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request. Devices bypass Django's middleware: they have no session and every millisecond counts."""
    if environ.get("PATH_INFO", "").startswith(PREFIXES):
        return device_api(environ, start_response)
    return _pages(environ, start_response)
