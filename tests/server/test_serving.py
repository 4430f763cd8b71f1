"""`fairwatch-server` as people run it: init, run over TLS or loopback, and a clean end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from urllib.parse import quote

import psutil
import pytest

from server import certificates
from server.__main__ import main
from server.certificate_files import NEXT
from server.errors import SetUpError
from server.serving import THREADS, choose_address
from tests.server import pebble as authority
from tests.server.issuing import Authority

SECONDS = 30


def _run(*arguments, check=True, **more):
    done = subprocess.run(
        [sys.executable, "-m", "server", *map(str, arguments)], capture_output=True, text=True, timeout=60, **more
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _get(url, **more):
    with urllib.request.urlopen(url, timeout=30, **more) as reply:
        return reply.status, reply.read()


def _until(question, what):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = question()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"{what}: not within {SECONDS} s")


def _answers(url, **more):
    try:
        return _get(url, **more)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A collector's folder with TLS."""
    data_dir = tmp_path_factory.mktemp("collector") / "data"
    _run("init", "--data-dir", data_dir, "--name", "Bright Path", "--url", "https://localhost:8460")
    return data_dir


@pytest.fixture
def serve(folder, tmp_path):
    """Start `run` on a free port; whatever is left ends with the test."""
    started = []

    def start(*arguments):
        port = _free_port()
        command = [sys.executable, "-m", "server", "run", "--data-dir", str(folder)]
        with (tmp_path / "output").open("w") as output:
            process = subprocess.Popen(
                [*command, "--listen", f"127.0.0.1:{port}", *arguments], stdout=output, stderr=output
            )
        started.append(process)
        return process, port

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)


def _end(process, how):
    family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    assert len(family) > 1
    process.send_signal(how)
    code = process.wait(SECONDS)
    _until(lambda: not any(_alive(pid) for pid in family), "all processes ended")
    return code


def _alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_on_loopback_and_ends_cleanly_with_all_its_children(serve, folder, how):
    process, port = serve("--http")
    status, body = _until(lambda: _answers(f"http://127.0.0.1:{port}/v1/health"), "health")
    assert (status, json.loads(body)["ok"]) == (200, True)
    assert _end(process, how) == 0
    lines = (folder / "logs" / "collector.log").read_text().splitlines()
    assert lines
    for line in lines:
        assert all("=" in word for word in line.split()[3:]), f"more than an event and ids: {line}"


def test_a_worker_does_not_outlive_a_killed_server(serve):
    process, port = serve("--http")
    _until(lambda: _answers(f"http://127.0.0.1:{port}/v1/health"), "health")
    _end(process, signal.SIGKILL)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_it_serves_tls_with_the_key_that_init_printed(serve, folder):
    _, port = serve()
    trust = ssl.create_default_context(cafile=str(folder / "keys" / "tls.crt"))
    _until(lambda: _answers(f"https://localhost:{port}/v1/health", context=trust), "health over TLS")
    request = urllib.request.Request(f"https://localhost:{port}/account/login/")
    with urllib.request.urlopen(request, timeout=30, context=trust) as page:
        headers = page.headers
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert "secure" in headers["Set-Cookie"].lower()


def test_the_printed_fingerprint_is_that_of_the_keys_public_half(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    certificate = x509.load_pem_x509_certificate((folder / "keys" / "tls.crt").read_bytes())
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = json.loads(_run("doctor", "--data-dir", folder, "--json", check=False).stdout)
    sentence = next(one["sentence"] for one in found["findings"] if one["check"] == "TLS")
    assert hashlib.sha256(public).hexdigest() in sentence


def test_a_port_that_is_taken_is_one_clear_line_and_to_be_tried_again(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = _run("run", "--data-dir", folder, "--http", "--listen", address, check=False)
    assert done.returncode == 1, "2 would be final for whoever keeps services"
    assert done.stderr.count("\n") == 1
    assert "can't listen" in done.stderr


@pytest.mark.more
def test_a_database_that_is_away_is_to_be_tried_again(folder, tmp_path):
    away = tmp_path / "data"
    shutil.copytree(folder, away)
    engine = f'[database]\nengine = "postgresql"\nhost = "127.0.0.1"\nport = "{_free_port()}"\nname = "x"\nuser = "x"\n'
    with (away / "collector.toml").open("a") as file:
        file.write(engine)
    done = _run("run", "--data-dir", away, "--listen", f"127.0.0.1:{_free_port()}", check=False)
    assert done.returncode == 1
    assert "the database can't be used" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("listen", ["0.0.0.0:8460", "192.0.2.1:80", "[::]:8460"])
def test_plain_http_is_refused_where_others_could_reach_it(listen):
    with pytest.raises(SetUpError, match="loopback"):
        choose_address(listen, http=True)
    assert choose_address(listen, http=False).tls


@pytest.mark.parametrize("listen", ["", "localhost", "x:y", "127.0.0.1:0", "127.0.0.1:99999", "fairwatch.example:80"])
def test_an_address_that_is_none_is_refused(listen):
    with pytest.raises(SetUpError):
        choose_address(listen, http=False)


@pytest.mark.more
def test_it_runs_on_postgresql_with_several_workers(postgres, tmp_path, worker_id):
    name = f"served_{worker_id}"
    environment = {
        **os.environ,
        "FAIRWATCH_DATABASE": f"postgresql://fairwatch@{quote(str(postgres.folder), safe='')}/{name}",
    }
    postgres.create(name)
    port, data_dir = _free_port(), tmp_path / "data"
    _run("init", "--data-dir", data_dir, "--url", f"http://localhost:{port}", env=environment)
    with (data_dir / "collector.toml").open("a") as more:
        more.write("workers = 2\n")
    found = json.loads(_run("doctor", "--data-dir", data_dir, "--json", check=False, env=environment).stdout)
    assert "postgresql, tables up to date" in [one["sentence"] for one in found["findings"]]
    assert not (data_dir / "collector.sqlite3").exists()
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "run", "--data-dir", str(data_dir), "--http"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/v1/health"), "health")
        assert (
            len([one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())]) == 2
        )
        assert _end(process, signal.SIGTERM) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)


# --- the folder --------------------------------------------------------------------------------------------------


def test_secrets_are_for_the_collectors_account_alone(folder):
    for name in ("django", "tls.key"):
        assert (folder / "keys" / name).stat().st_mode & 0o077 == 0
    assert (folder / "collector.sqlite3").stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


def test_init_again_changes_nothing(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "sqlite3" not in path.name}
    done = _run("init", "--data-dir", folder, check=False)
    assert (done.returncode, "nothing was changed" in done.stderr) == (2, True)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("user", "amira", "--role", "lead"),
        ("doctor",),
        ("publish", "/nowhere"),
        ("token", "/nowhere"),
        ("init", "--timezone", "Nowhere/Atall"),
        ("init", "--url", "ftp://x"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(tmp_path, capsys, arguments):
    assert main([*arguments, "--data-dir", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"fairwatch-server {arguments[0]}: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "none" / "collector.sqlite3").exists()


def test_a_broken_configuration_is_named_with_its_line(folder, tmp_path):
    broken = tmp_path / "data"
    (broken / "keys").mkdir(parents=True)
    (broken / "keys" / "django").write_text("x")
    (broken / "collector.toml").write_text('url = "https://localhost"\nlissen = "127.0.0.1:1"\n')
    done = _run("run", "--data-dir", broken, check=False)
    assert done.returncode == 2
    assert "collector.toml line 2: unknown key 'lissen'" in done.stderr
    assert "did you mean 'listen'?" in done.stderr


def test_people_are_added_and_listed_by_command(folder):
    made = json.loads(_run("user", "dpo", "--role", "dpo", "--json", "--data-dir", folder).stdout)
    assert made["password"]
    assert "dpo" in _run("user", "--data-dir", folder).stdout
    given = _run(
        "user", "it", "--role", "it", "--password-stdin", "--json", "--data-dir", folder, input="a long enough one\n"
    )
    assert json.loads(given.stdout)["password"] == ""


@pytest.mark.parametrize("command", ["init", "run", "user", "token", "publish", "doctor"])
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--data-dir" in capsys.readouterr().out


def test_help_works_without_any_folder():
    assert "doctor" in _run("--help").stdout


def test_a_folder_that_others_may_read_is_found_by_the_doctor(folder):
    (folder / "keys" / "django").chmod(0o644)
    done = _run("doctor", "--data-dir", folder, check=False)
    (folder / "keys" / "django").chmod(0o600)
    assert done.returncode == 1
    assert "others may read django" in done.stdout


SLOW = {
    "strangers": b"POST /v1/records HTTP/1.1\r\n",
    "strangers who enrol": b'POST /v1/enrol HTTP/1.1\r\nSignature: a\r\nSignature-Input: a=();keyid="enrol"\r\n',
    "forms": b"POST /account/login/ HTTP/1.1\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n",
}


def test_bodies_that_never_end_do_not_keep_others_waiting_nor_the_worker_alive(serve):
    process, port = serve("--http")
    _until(lambda: _answers(f"http://127.0.0.1:{port}/v1/health"), "health")
    slow = []
    try:
        for head in SLOW.values():
            for _ in range(THREADS + 8):
                one = socket.create_connection(("127.0.0.1", port), timeout=30)
                slow.append(one)
                one.sendall(head + b"Host: localhost\r\nContent-Length: 1000\r\n\r\nab")
            assert _get(f"http://127.0.0.1:{port}/v1/health")[0] == 200
            assert _get(f"http://127.0.0.1:{port}/account/login/")[0] == 200
        _end(process, signal.SIGKILL)
    finally:
        for one in slow:
            one.close()


@pytest.mark.more
@pytest.mark.timeout(240)
def test_another_certificate_is_taken_up_while_devices_go_on_being_answered(tmp_path):
    port, data_dir = _free_port(), tmp_path / "data"
    _run("init", "--data-dir", data_dir, "--url", f"https://localhost:{port}")
    before, issued = (Authority(tmp_path / name).issue("localhost") for name in ("before", "authority"))
    halves = {half: getattr(before, half).read_bytes() for half in ("key", "certificate")}
    (data_dir / NEXT).write_text(json.dumps({half: b64encode(data).decode() for half, data in halves.items()}))
    (data_dir / "keys/tls.key").write_bytes(halves["key"])
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    child = subprocess.Popen([sys.executable, "-m", "server", "run", "--data-dir", str(data_dir)])
    try:
        health = f"https://localhost:{port}/v1/health"
        _until(lambda: _answers(health, context=unchecked), "the start")
        served = ssl.get_server_certificate(("localhost", port))
        assert halves["certificate"].decode().startswith(served.strip()), "what a power cut came between"
        files = ("--certificate", issued.certificate, "--key", issued.key)
        assert "within a minute" in _run("certificate", "--data-dir", data_dir, *files).stdout
        wanted = issued.certificate.read_text().split("-----END")[0]
        times = 0
        deadline = time.monotonic() + 120
        while times < 20 and time.monotonic() < deadline:  # the old worker goes on beside the new one for a while
            assert _get(health, context=unchecked)[0] == 200
            new = ssl.get_server_certificate(("localhost", port)).startswith(wanted)
            times = times + 1 if new else 0
            time.sleep(0.1)
        assert times == 20
    finally:
        child.terminate()
        assert child.wait(20) == 0


@pytest.mark.more
@pytest.mark.timeout(240)
@pytest.mark.skipif(bool(authority.WHY_NOT), reason=authority.WHY_NOT or "it is there")
def test_a_collector_that_runs_gets_its_certificate_from_an_authority_and_serves_it(tmp_path):
    port, data_dir = _free_port(), tmp_path / "data"
    where = ("--url", f"https://fairwatch.example.org:{port}", "--listen", f"127.0.0.1:{port}")
    _run("init", "--data-dir", data_dir, *where)
    with authority.pebble(tmp_path) as running:
        with (data_dir / "collector.toml").open("a") as file:
            file.write(running.toml())
        child = subprocess.Popen([sys.executable, "-m", "server", "run", "--data-dir", str(data_dir)])
        try:
            _until(lambda: not certificates.is_own(data_dir / "keys/tls.crt"), "a certificate")
            wanted = (data_dir / "keys/tls.crt").read_text().split("-----END")[0]
            _until(lambda: _shown(port).startswith(wanted), "that it is served")
        finally:
            child.terminate()
            assert child.wait(60) == 0


def _shown(port):
    try:
        return ssl.get_server_certificate(("127.0.0.1", port), timeout=2)
    except OSError:
        return ""
