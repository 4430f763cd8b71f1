"""Whether the collector that runs here answers: what a container asks every minute, without a database."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import Final

from server import config
from server.errors import ConfigError

ANSWER_SECONDS: Final = 10.0
"""A collector under load may take a while, and must not be ended for it."""

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not listened on


def answers(data_dir: Path) -> str:
    """Return why the collector of this folder doesn't answer where it listens; empty when it does.

    The certificate isn't looked at: it is for another name than this machine's own, and `doctor` looks at it.
    """
    try:
        chosen = config.load(data_dir)
    except ConfigError as fault:
        return str(fault)
    host, _, port = chosen.listen.rpartition(":")
    host = _ANY.get(host.strip("[]"), host.strip("[]"))
    connection = _connection(host, int(port), tls=chosen.tls)
    try:
        connection.request("GET", "/v1/health", headers={"Host": chosen.allowed_hosts[0]})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        return f"nothing answers at {chosen.listen} ({type(fault).__name__})"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.OK else f"it answers with {status}"


def _connection(host: str, port: int, *, tls: bool) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=context)
