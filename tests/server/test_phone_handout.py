"""What IT is handed for a phone: for the organisation's own gateway, signed where it can be, and for its id alone."""

from __future__ import annotations

import io
import plistlib
import subprocess
import zipfile
from datetime import UTC, datetime

import pytest

from server import certificates, phone_handout, phones
from server.errors import SetUpError, WrongState
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.phones import NewPhone

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(device):
    return phones.add(None, NewPhone("Sam's phone", "staff", "ios", noticed=True), NOW)


def test_without_a_gateways_name_it_says_where_to_write_it(organisation):
    with pytest.raises(SetUpError, match=r"under \[phones\] in collector.toml"):
        phone_handout.place()
    assert phone_handout.place("dns.example.org", ["192.0.2.1"]).addresses == ("192.0.2.1",)


def test_a_profile_is_signed_with_the_collectors_certificate_where_it_has_one(phone, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert phone_handout.signer() is None
    key, certificate = tmp_path / TLS_KEY, tmp_path / TLS_CERTIFICATE
    key.parent.mkdir()
    certificates.make(key, certificate, ["collector.test"], NOW)
    device, ident = phone
    first = phone_handout.files(phone_handout.place("dns.example.org"), device, ident, NOW)[0]
    assert first.name == "fairwatch.mobileconfig"
    (tmp_path / "signed").write_bytes(first.body)
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed", "-CAfile", certificate]
    done = subprocess.run([*command, "-purpose", "any"], capture_output=True, check=True, timeout=30)
    assert ident in plistlib.loads(done.stdout)["PayloadContent"][0]["DNSSettings"]["ServerURL"]


def test_files_are_made_for_the_phones_own_id_alone(phone):
    device, ident = phone
    phone_handout.known_id(device, ident)
    for other in ("a" * 26, "", "é", ident.upper()):
        with pytest.raises(WrongState):
            phone_handout.known_id(device, other)
    phones.new_id(None, device.pk, NOW)
    device.phone.refresh_from_db()
    with pytest.raises(WrongState):
        phone_handout.known_id(device, ident)


def test_the_archive_holds_each_file(phone):
    device, ident = phone
    made = phone_handout.files(phone_handout.place("dns.example.org"), device, ident, NOW)
    with zipfile.ZipFile(io.BytesIO(phone_handout.archive(made))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {one.name: one.body for one in made}
