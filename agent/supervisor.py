"""Tells whoever keeps services that this one still turns, so that one that hangs altogether is started again.

Only systemd asks for it, in `NOTIFY_SOCKET` where its unit has `WatchdogSec` (sd_notify(3), systemd.service(5)).
Elsewhere nothing is done.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


def still_turning(environment: Mapping[str, str] = os.environ) -> bool:
    """Say so; returns whether anybody was there to be told."""
    place = environment.get("NOTIFY_SOCKET", "")
    if not place or not hasattr(socket, "AF_UNIX"):
        return False
    address = f"\0{place[1:]}" if place.startswith("@") else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.settimeout(1.0)
            telling.sendto(b"WATCHDOG=1", address)
    except OSError as fault:
        log.info("service.supervisor_not_told kind=%s", type(fault).__name__)
        return False
    return True
