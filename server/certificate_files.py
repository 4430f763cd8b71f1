"""Put a key and its certificate in place, both or neither: what a power cut came between, the next start finishes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from server import log
from server.files import save
from server.initialise import TLS_CERTIFICATE, TLS_KEY

NEXT: Final = "keys/tls.next"
"""Both in one file, there for the moment in which they are put in."""


class _Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: bytes
    certificate: bytes


def put(data_dir: Path, key: bytes, certificate: bytes) -> None:
    """Put both in (PEM); raises OSError, with nothing changed as long as the key is the one from before."""
    save(data_dir / NEXT, msgspec.json.encode(_Pair(key, certificate)))
    try:
        save(data_dir / TLS_KEY, key)
    except BaseException:
        (data_dir / NEXT).unlink(missing_ok=True)
        raise
    _end(data_dir, certificate)


def finish(data_dir: Path) -> None:
    """Put in what an earlier `put` did not come to its end with, if there is such; raises OSError."""
    try:
        pair = msgspec.json.decode((data_dir / NEXT).read_bytes(), type=_Pair)
    except FileNotFoundError:
        return
    except msgspec.MsgspecError as fault:
        log.failure("certificate_not_finished", fault)
        (data_dir / NEXT).unlink(missing_ok=True)
        return
    save(data_dir / TLS_KEY, pair.key)
    _end(data_dir, pair.certificate)


def _end(data_dir: Path, certificate: bytes) -> None:
    save(data_dir / TLS_CERTIFICATE, certificate)  # last: whoever watches it finds the key that belongs to it
    (data_dir / NEXT).unlink(missing_ok=True)
