"""A running collector over TLS, as an attacker meets it; and what commands print, which counts no cases."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection

from server import audit, audit_command, cases, doctor, users
from server.store.models import AlertRecord, Device, Incident
from tests.journey import canary

pytestmark = pytest.mark.more

PASSWORD = "a canary of a pass phrase"
SECONDS = 30


def _run(*words, text=None):
    done = subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Site:
    """One collector over TLS, asked byte by byte."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port

    def ask(self, method, path, body=None, **headers):
        context = ssl.create_default_context(cafile=str(self.folder / "keys" / "tls.crt"))
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=context)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def sign_in(self):
        """Sign in as a browser does; returns the cookies before and after, and the token of the form."""
        page, html = self.ask("GET", "/account/login/")
        before = page.headers.get_all("Set-Cookie")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)[1]
        form = urlencode({"login": "it", "password": PASSWORD, "csrfmiddlewaretoken": token})
        answer, _ = self.ask(
            "POST",
            "/account/login/",
            form,
            Cookie=before[0].split(";")[0],
            Content_Type="application/x-www-form-urlencoded",
            Referer=f"https://localhost:{self.port}/account/login/",
            Origin=f"https://localhost:{self.port}",
        )
        assert answer.status == 302
        return before, answer.headers.get_all("Set-Cookie"), token


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collector") / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _run("init", "--data-dir", folder, "--url", f"https://localhost:{port}")
    person = ("--role", "it", "--email", "it@x.example", "--password-stdin")
    _run("user", "it", "--data-dir", folder, *person, text=PASSWORD)
    with (folder.parent / "output").open("w") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "server", "run", "--data-dir", str(folder)], stdout=output, stderr=output
        )
    here = Site(folder, port)
    try:
        for _ in range(SECONDS * 10):
            try:
                here.ask("GET", "/v1/health")
                break
            except OSError:
                time.sleep(0.1)
        yield here
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def _attributes(cookie):
    name, _, rest = cookie.partition("=")
    return name, {part.strip().lower() for part in rest.split(";")[1:]}


@pytest.mark.timeout(240)
def test_over_tls_cookies_are_bound_to_this_host_and_browsers_stay_on_tls(site):
    before, after, _ = site.sign_in()
    seen = dict(map(_attributes, [*before, *after]))
    assert any("session" in name or name == "__Host-fairwatch" for name in seen)
    for name, said in seen.items():
        assert name.startswith("__Host-"), name
        assert {"secure", "httponly", "path=/"} <= said, name
        assert said & {"samesite=lax", "samesite=strict"}, name
        assert not [one for one in said if one.startswith("domain")], name
    answer, _ = site.ask("GET", "/account/login/")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "path", ["/", "/account/login/", "/v1/health", "/v1/records", "/publication/metadata/root.json"]
)
def test_a_body_or_an_address_that_is_too_large_is_refused(site, path):
    try:
        answer, content = site.ask("POST", path, "x" * (5 * 1024 * 1024))
    except OSError:
        pass  # where no body is read at all, the collector hangs up
    else:
        assert answer.status in {400, 403, 405, 413}, content[:200]
        assert "Traceback" not in content
    answer, _ = site.ask("GET", "/" + "a" * 60_000)
    assert answer.status in {400, 404, 414, 431}


@pytest.mark.timeout(240)
def test_another_host_name_gets_nothing_over_the_wire(site):
    answer, content = site.ask("GET", "/account/login/", Host="evil.example")
    assert answer.status == 400
    assert "evil" not in content


@pytest.mark.timeout(240)
def test_no_password_session_token_or_form_token_is_in_any_log_or_output(site):
    before, after, token = site.sign_in()
    site.ask("POST", "/account/login/", urlencode({"login": "it", "password": f"wrong {PASSWORD}"}))
    session = next(one for one in after if one.startswith("__Host-fairwatch="))
    site.ask("GET", "/devices/", Cookie=session.split(";")[0])
    site.ask("GET", f"/nothing?password={PASSWORD}".replace(" ", "+"))
    values = [cookie.partition("=")[2].split(";")[0] for cookie in [*before, *after]]
    written = b"".join(
        path.read_bytes()
        for path in [*(site.folder / "logs").rglob("*"), site.folder.parent / "output"]
        if path.is_file()
    ).decode()
    assert "started" in written, "there is a log to look at"
    secret_key = (site.folder / "keys" / "django").read_text().strip()
    for secret in (PASSWORD, PASSWORD.replace(" ", "+"), token, secret_key, *values):
        assert secret
        assert secret not in written


@pytest.mark.timeout(240)
def test_keys_and_database_are_for_the_collectors_account_alone(site):
    assert site.folder.stat().st_mode & 0o077 == 0
    for path in site.folder.rglob("*"):
        if path.is_file() and (path.suffix == ".key" or path.name in {"django", "collector.sqlite3"}):
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.django_db
def test_what_commands_print_is_the_same_with_and_without_incidents(people, device, deputy_key, data_dir, capsys):
    device.send(device.heartbeat())

    def printed():
        for one in doctor.examine(data_dir):
            print(one)
        users._list(as_json=True)
        audit_command._verify([], as_json=True)
        return capsys.readouterr().out

    before = printed()
    for _ in range(7):
        assert device.send(device.alert(deputy_key)).results == [("stored", None)]
    assert Incident.objects.count() == 7
    assert printed() == before
    assert "audit log" in before


# --- backups -----------------------------------------------------------------------------------------------------


def _backups(database, folder, postgres):
    """Every way in which administrators copy the database, put into a folder."""
    if database == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(folder / "copy.sqlite3")) as copy:
            connection.connection.backup(copy)
            (folder / "dump.sql").write_text("\n".join(copy.iterdump()))
            copy.execute("VACUUM INTO ?", [str(folder / "vacuumed.sqlite3")])
        name = connection.settings_dict["NAME"]
        for path in Path(name).parent.glob(f"{Path(name).name}*"):  # the write-ahead log, too
            shutil.copy(path, folder)
        return
    programs = max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    where = ["-h", str(postgres.folder), "-U", "fairwatch", connection.settings_dict["NAME"]]
    for name, more in (
        ("plain.sql", []),
        ("plain.sql.gz", ["-Z", "6"]),
        ("custom", ["-Fc"]),
        ("rows.sql", ["--inserts"]),
    ):
        subprocess.run([programs, "-f", folder / name, *more, *where], check=True, timeout=60)
    # The custom format cuts its packed data into pieces, so it is read as its own program reads it.
    unpack = [programs.with_name("pg_restore"), "-f", folder / "custom.sql", folder / "custom"]
    subprocess.run(unpack, check=True, timeout=60)
    (folder / "custom").unlink()


def test_nothing_of_what_was_sealed_is_in_a_backup_and_what_was_planted_is_found(
    database, people, device, deputy_key, sealed_note, tmp_path, postgres
):
    words = {"name": "www.canary-9c1e.example", "person": "quill.ravensworth", "category": "canary_category"}
    assert device.send(device.alert(deputy_key, **words)).results == [("stored", None)]
    case = Incident.objects.get().pk
    cases.add_note(people.deputy, case, sealed_note(case, deputy_key, text=b"Zebrafish: rang the tutor"))
    Device.objects.update(name="planted-device-3f.example")
    audit.write("user:1", "note_added", "incident:1", "planted-detail-3f")
    AlertRecord.objects.update(evidence=b"\0\1planted-bytes-3f\2" * 3)
    backups = tmp_path / "backups"
    backups.mkdir()
    _backups(database, backups, postgres)
    for planted in ("planted-device-3f.example", "planted-detail-3f", "planted-bytes-3f"):
        held = canary.found(planted, backups)
        assert database != "sqlite" or any(name.startswith("collector.sqlite3") for name in held), planted
        assert set(held) >= {
            path.name for path in backups.iterdir() if not path.name.startswith("collector.sqlite3")
        }, planted
    for word in (*words.values(), "canary-9c1e", "ravensworth", "Zebrafish: rang the tutor"):
        assert canary.found(word, backups) == [], word
