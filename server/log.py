"""Write what happened: names of events and ids, never host names, titles, people or payloads."""

from __future__ import annotations

import logging
import logging.config
import time
import traceback
from pathlib import Path
from typing import Any

_LOGGER = logging.getLogger("fairwatch")
_FILE_MAX_BYTES = 5 * 1024 * 1024
_FILES_KEPT = 5


def event(name: str, **ids: object) -> None:
    """Write one event with ids and counts; never give it text that a device or a person wrote."""
    _LOGGER.info("%s%s", name, "".join(f" {key}={value}" for key, value in ids.items()))


def failure(name: str, fault: BaseException, **ids: object) -> None:
    """Write that something failed unexpectedly: the kind of fault and where in our code, not its text or values."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown"
    _LOGGER.error(
        "%s fault=%s at=%s%s",
        name,
        type(fault).__name__,
        where,
        "".join(f" {key}={value}" for key, value in ids.items()),
    )


def configure(wanted: dict[str, Any]) -> None:
    """Send our events to the file named (or nowhere) and silence loggers that would write paths and values."""
    handler: dict[str, Any] = {"class": "logging.NullHandler"}
    if wanted.get("file"):
        handler = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": wanted["file"],
            "maxBytes": _FILE_MAX_BYTES,
            "backupCount": _FILES_KEPT,
            "delay": True,
            "encoding": "utf-8",
            "formatter": "plain",
        }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"()": "server.log.UtcFormatter"}},
            "handlers": {"events": handler, "none": {"class": "logging.NullHandler"}},
            "loggers": {
                "fairwatch": {"handlers": ["events"], "level": "INFO", "propagate": False},
                "django": {"handlers": ["none"], "level": "WARNING", "propagate": False},
                "allauth": {"handlers": ["none"], "level": "WARNING", "propagate": False},
                "apscheduler": {"handlers": ["none"], "level": "WARNING", "propagate": False},
                # These would write addresses that hold secrets.
                "apprise": {"handlers": ["none"], "level": "CRITICAL", "propagate": False},
                "urllib3": {"handlers": ["none"], "level": "CRITICAL", "propagate": False},
                "requests": {"handlers": ["none"], "level": "CRITICAL", "propagate": False},
            },
        }
    )


class UtcFormatter(logging.Formatter):
    """One line an event: UTC time, level, event."""

    def __init__(self) -> None:
        super().__init__("{asctime}Z {levelname} {message}", datefmt="%Y-%m-%dT%H:%M:%S", style="{")
        self.converter = time.gmtime
