"""A certificate is put in only when browsers and enrolled devices would take it, and each refusal says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from server import certificate_command as command
from server import certificates, doctor_machine
from server.config import Config
from server.errors import SetUpError
from server.store.models import AuditEntry, Device
from tests.server.issuing import Authority, new_key

NOW = datetime.now(UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def folder(tmp_path, settings):
    """A data folder with the collector's own certificate."""
    settings.CONFIG = Config(url="https://fairwatch.example:8460")
    (tmp_path / "keys").mkdir()
    certificates.make(tmp_path / "keys/tls.key", tmp_path / "keys/tls.crt", ["fairwatch.example"], NOW)
    return tmp_path


def put(folder, issued, **more):
    return command.put_in(folder, issued.certificate, issued.key, NOW, **more)


def test_a_good_one_is_put_in_once_for_this_account_alone_and_is_on_the_record(folder, organisation, authority):
    issued = authority.issue("fairwatch.example")
    assert put(folder, issued)
    assert (folder / "keys/tls.key").read_bytes() == issued.key.read_bytes()
    assert (folder / "keys/tls.key").stat().st_mode & 0o777 == 0o600
    found = command.standing(folder, NOW)
    assert (found.wrong, found.pin) == ([], certificates.pin(issued.certificate))
    assert not put(folder, issued), "the second time there is nothing to do"
    assert AuditEntry.objects.filter(action="certificate_put_in").count() == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other.example"}, "it is not for fairwatch.example"),
        ({"begins": NOW - timedelta(days=100)}, "it is over"),
        ({"begins": NOW + timedelta(days=2)}, "valid only from"),
        ({"order": "wrong"}, "out of order"),
    ],
)
def test_what_browsers_would_refuse_is_not_taken(folder, organisation, authority, changes, says):
    before = (folder / "keys/tls.crt").read_bytes()
    with pytest.raises(SetUpError, match=says):
        put(folder, authority.issue(**{"name": "fairwatch.example", **changes}))
    assert (folder / "keys/tls.crt").read_bytes() == before
    assert not AuditEntry.objects.exists()


def test_the_key_of_another_certificate_is_not_taken(folder, organisation, authority):
    first, second = authority.issue("fairwatch.example"), authority.issue("fairwatch.example")
    with pytest.raises(SetUpError, match="is not the key of"):
        command.put_in(folder, first.certificate, second.key, NOW)


def test_other_files_and_missing_ones_are_named(folder, organisation, authority):
    good = authority.issue("fairwatch.example")
    for certificate, key in ((good.key, good.certificate), (good.certificate, good.certificate)):
        with pytest.raises(SetUpError, match="as PEM"):
            command.put_in(folder, certificate, key, NOW)
    with pytest.raises(SetUpError, match="no such file"):
        command.put_in(folder, folder / "nothing", good.key, NOW)
    (folder / "large").write_bytes(bytes(command.BYTES_MAX + 1))
    with pytest.raises(SetUpError, match="too large"):
        command.put_in(folder, folder / "large", good.key, NOW)


def test_a_key_with_a_passphrase_is_not_taken_and_nobody_is_asked_for_it(folder, organisation, authority):
    good = authority.issue("fairwatch.example")
    key = load_pem_private_key(good.key.read_bytes(), None)
    good.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(SetUpError, match="without a passphrase"):
        put(folder, good)


def test_one_without_its_issuer_is_taken_and_said(folder, organisation, authority):
    alone = authority.issue("fairwatch.example", order="alone")
    assert put(folder, alone), "an authority of the organisation's own may be known to its devices alone"
    found = doctor_machine.tls(folder)
    assert found.ok
    assert "without its issuer" in found.sentence
    put(folder, authority.issue("fairwatch.example"))
    assert "without its issuer" not in doctor_machine.tls(folder).sentence


def test_another_key_is_refused_once_devices_insist_on_the_first(folder, device, authority):
    key = new_key()
    put(folder, authority.issue("fairwatch.example", key=key), new_key=True)
    with pytest.raises(SetUpError, match="renew with the same key"):
        put(folder, authority.issue("fairwatch.example"))
    assert put(folder, authority.issue("fairwatch.example", key=key)), "a renewal with the same key"
    assert put(folder, authority.issue("fairwatch.example"), new_key=True)
    Device.objects.update(status=Device.Status.REVOKED)
    assert put(folder, authority.issue("fairwatch.example")), "no device is left that insists"
