"""What tests of custody share: a sealed export of alerts, as the collector writes it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from protocol.messages import AlertHeader, Evidence, Heading, MatchedBy, Seen, encode
from protocol.rolekeys import new_key
from protocol.sealing import Place, key_id, seal
from protocol.signing import sign_alert

WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DEVICE = UUID(int=1)


def exported(recipients: Sequence[bytes], number: int = 1, recipients_version: int = 2) -> dict[str, str]:
    """Return one alert, sealed and signed as a device does it."""
    record, key = UUID(int=100 + number), new_key()
    ids = tuple(key_id(one) for one in recipients)
    header = encode(
        AlertHeader(1, record, number, record, 0, DEVICE, DEVICE, "staff", True, WHEN, WHEN, ids, recipients_version, 1)
    )
    heading = Heading(1, "gambling", "sam", "host", 2)
    evidence = Evidence(
        1, "gambling", "sam", "host", "browser_history", 2, (Seen("www.bet365.com", 2, WHEN, WHEN),),
        (MatchedBy("gambling", "bet365.com", ("gambling 1",)),), "policy.toml line 3", 1,
    )  # fmt: skip

    def place(purpose):
        return Place(purpose=purpose, subject=DEVICE, record=record, header=header)

    first = seal(encode(heading), recipients, place("heading"))
    second = seal(encode(evidence), recipients, place("evidence"))
    parts = {
        "header": header,
        "heading": first,
        "evidence": second,
        "signature": sign_alert(key, header, first, second),
        "device_public_key": key.public_key().public_bytes_raw(),
    }
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of export files."""

    def write(*alerts: dict[str, str]) -> Path:
        path = tmp_path / "export.json"
        path.write_text(json.dumps({"alerts": alerts}))
        return path

    return write


@pytest.fixture
def alert() -> Callable[..., dict[str, str]]:
    """Return a maker of one exported alert."""
    return exported
