"""`fairwatch-server token FILE` takes what IT signed, once, and refuses anything else with one clear line."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import tokens
from protocol.messages import EnrolmentToken as Token
from protocol.messages import encode
from server import device_api, token_file
from server.errors import SetUpError
from server.store.models import EnrolmentToken

IT_KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def register(stored, tmp_path, monkeypatch, capsys):
    """Run the command on a file with this content."""
    monkeypatch.setattr(device_api, "it_keys", lambda: (IT_KEY.public_key().public_bytes_raw(),))
    monkeypatch.setattr(token_file, "require", lambda _: None)

    def run(content):
        path = tmp_path / "token.json"
        path.write_bytes(content)
        code = token_file.run(argparse.Namespace(data_dir=tmp_path, file=path, json=True))
        return code, json.loads(capsys.readouterr().out)

    return run


def _registration(key=IT_KEY, days=7):
    expires = datetime.now(UTC) + timedelta(days=days)
    token = Token(1, uuid4(), "s" * 32, "http://localhost:8460", "", "0" * 64, 1, "staff", expires, 5, {})
    return encode(tokens.register(token, key))


def test_a_registration_is_taken(register):
    code, said = register(_registration())
    assert (code, said["group"], said["uses"]) == (0, "staff", 5)
    assert str(EnrolmentToken.objects.get().pk) == said["token"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: b"", "not an enrolment token"),
        (lambda: b"\xff" * 10_000, "not an enrolment token"),
        (lambda: _registration(key=Ed25519PrivateKey.generate()), "not signed by IT"),
        (lambda: _registration(days=-1), "expired"),
    ],
)
def test_anything_else_is_refused(register, content, says):
    with pytest.raises(SetUpError, match=says):
        register(content())
    assert not EnrolmentToken.objects.exists()
