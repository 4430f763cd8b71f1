"""The collector as one WSGI application: devices under /v1/ and /publication/, people everywhere else."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")

from django.core.signals import got_request_exception
from django.core.wsgi import get_wsgi_application

_pages = get_wsgi_application()

from protocol.errors import Refused  # noqa: E402
from server import log  # noqa: E402
from server.device_api import PREFIXES, device_api, read_body  # noqa: E402 - Django must be set up before models load
from server.turns import Turns  # noqa: E402

_READING = Turns(each=4, together=8)
"""Forms are small: a quarter of a worker's threads for all forms that come slowly, half of that for one address."""


def _page_failed(**_: object) -> None:
    fault = sys.exc_info()[1]
    if fault is not None:
        log.failure("page_failed", fault)


got_request_exception.connect(_page_failed, weak=False)


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request. Devices bypass Django's middleware: they have no session and every millisecond counts."""
    if environ.get("PATH_INFO", "").startswith(PREFIXES):
        return device_api(environ, start_response)
    if environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
        try:
            with _READING.turn(environ.get("REMOTE_ADDR", "")):
                body = read_body(environ)
        except Refused as refused:
            status = HTTPStatus(refused.code.status)
            start_response(f"{status.value} {status.phrase}", [("Content-Length", "0"), ("Cache-Control", "no-store")])
            return ()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    return _pages(environ, start_response)
