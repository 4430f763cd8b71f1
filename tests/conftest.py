"""What every test may use: the vectors, and the promise that tests reach loopback only."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture
def vectors() -> Callable[[str], list[dict[str, Any]]]:
    """Return a reader of one file of vectors."""
    return lambda name: json.loads((VECTORS / f"{name}.json").read_text())


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that this process makes to anything but loopback or a local socket."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            assert host == "localhost" or host == "::1" or host.startswith("127."), f"a test reached for {host}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
