"""A message is brought by a real mail server and real web hooks; what fails is named, and no secret gets out."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import time

import pytest

from server import channels
from server.channels import Letter
from server.errors import NotDelivered, WrongState
from tests.server.mail_server import PASSWORD, mail_server

LETTER = Letter("Fairwatch: urgent FW-1", "An urgent case waits – FW-1.\n", "once", urgent=True)
ADDRESS = "lead@brightpath.example"


def fault_of(address=ADDRESS, letter=LETTER) -> str:
    with pytest.raises(NotDelivered) as refused:
        channels.bring(address, letter)
    assert refused.value.__cause__ is None
    return refused.value.fault


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost and 127.0.0.1 that is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


def test_a_mail_arrives_whole_to_one_person_and_asks_for_no_holiday_reply(by_mail):
    channels.bring(ADDRESS, LETTER)
    (mail,) = by_mail.taken
    assert mail.to == [ADDRESS]
    assert (mail.subject, mail.body.strip()) == (LETTER.subject, LETTER.body.strip())
    assert mail.message["From"] == "Fairwatch <fw@collector.example>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Importance"] == "high"
    assert mail.message["Message-ID"].endswith("@collector.example>")
    assert mail.message.get_content_type() == "text/plain"


def test_the_same_message_sent_again_has_the_same_id_and_another_has_another(by_mail):
    for once in ("a", "a", "b"):
        channels.bring(ADDRESS, Letter("S", "B", once))
    ids = [mail.message["Message-ID"] for mail in by_mail.taken]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("answer", "fault"), [("554 spam", "refused"), ("451 later", "refused"), ("hang", "timeout"), ("drop", "dropped")]
)
def test_a_mail_that_is_not_taken_is_named_and_a_hanging_server_is_left(by_mail, settings, answer, fault):
    by_mail.answers = [answer]
    if answer == "hang":
        settings.EMAIL_TIMEOUT = 1
    started = time.monotonic()
    assert fault_of() == fault
    assert time.monotonic() - started < 20


def test_a_refused_address_is_told_apart_from_a_refused_mail(by_mail):
    by_mail.refuses = {ADDRESS}
    assert fault_of() == "address"


def test_nobody_who_answers_is_told(settings, use_mail, post):
    use_mail(settings, post)
    settings.EMAIL_PORT = 1
    assert fault_of() == "unreachable"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_certificate_that_is_not_trusted_is_refused_and_a_trusted_one_taken(
    settings, use_mail, certificate, monkeypatch, implicit
):
    context, file = certificate
    with mail_server(tls=context, implicit=implicit) as server:
        use_mail(settings, server, host="localhost", security="ssl" if implicit else "starttls")
        assert fault_of() == "certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        channels.bring(ADDRESS, LETTER)
        settings.EMAIL_HOST = "127.0.0.1"  # the certificate is for another name
        assert fault_of() == "certificate"
        assert len(server.taken) == 1


def test_a_server_without_tls_gets_nothing_when_tls_is_wanted(settings, use_mail, post):
    for security in ("starttls", "ssl"):
        use_mail(settings, post, security=security)
        assert fault_of() == "tls"
    assert post.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
@pytest.mark.parametrize(("password", "fault"), [(PASSWORD, ""), ("wrong", "sign_in")])
def test_signing_in_to_the_mail_server(settings, use_mail, password, fault):
    with mail_server(sign_in=True) as server:
        use_mail(settings, server, user="fw", password=password)
        if fault:
            assert fault_of() == fault
        else:
            channels.bring(ADDRESS, LETTER)
        assert len(server.taken) == (0 if fault else 1)


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1:{port}/SECRET",
        "form://127.0.0.1:{port}/SECRET",
        "mmost://127.0.0.1:{port}/SECRETSECRETSECRETSECRET1",
    ],
)
def test_a_web_hook_gets_the_plain_words(hook, address):
    channels.bring(address.format(port=hook.port), LETTER)
    ((path, headers, body),) = hook.posted
    assert "SECRET" in path
    assert "apprise" not in json.dumps(headers).lower()
    assert b"github" not in body.lower()
    assert b"FW-1" in body


@pytest.mark.parametrize("status", [301, 302, 307, 403, 404, 500])
def test_a_hook_that_refuses_or_points_elsewhere_has_not_taken_it(hook, status):
    hook.status = status
    assert fault_of(f"json://127.0.0.1:{hook.port}/x") == "service"
    assert all(path != "/elsewhere" for path, _headers, _body in hook.posted)


def test_a_hook_that_hangs_is_left(hook, monkeypatch):
    monkeypatch.setattr(channels, "SECONDS", 0.5)
    hook.wait_seconds = 30
    started = time.monotonic()
    assert fault_of(f"json://127.0.0.1:{hook.port}/x") == "service"
    assert time.monotonic() - started < 20


def test_no_secret_is_logged_whatever_happens(hook, caplog, capfd, data_dir):
    hook.status = 500
    with caplog.at_level(logging.DEBUG):
        for address in (f"json://127.0.0.1:{hook.port}/SECRET", "json://127.0.0.1:1/SECRET", "slack://SECRET"):
            fault_of(address)
    written = (
        "".join(path.read_text() for path in (data_dir / "logs").glob("*")) if (data_dir / "logs").is_dir() else ""
    )
    assert "SECRET" not in caplog.text + "".join(capfd.readouterr()) + written


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/x",
        "jsons://hooks.example/x?to=a",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "workflows://prod.example:443/workflow/signature/",
        "ntfys://ntfy.example/topic?priority=high",
        "mmosts://chat.example/0123456789abcdef01234567",
    ],
)
def test_an_address_of_a_known_kind_is_taken(url):
    channels.check_url(url)
    assert channels.kind(url) != "Other"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "one line"),
        ("slack://a b", "one line"),
        ("jsons://x/\r\nHost: y", "one line"),
        ("x" * 2000, "one line"),
        ("hooks.example/x", "begin with a service"),
        ("syslog://", "syslog:// are not taken"),
        ("mailto://a:b@c.example", "mailto:// are not taken"),
        ("file:///etc/passwd", "file:// are not taken"),
        ("json://hooks.example/x", "json:// are not taken"),
        ("jsons://hooks.example/x?verify=no", "only these may be set"),
        ("workflows://h.example/w/s?template=/etc/passwd", "only these may be set"),
        ("jsons://hooks.example/x?+X-Header=a", "only these may be set"),
        ("slack://a", "not complete"),
        ("jsons://[::1", "not complete"),
    ],
)
def test_an_address_that_is_nonsense_or_dangerous_is_refused_in_a_sentence(url, says):
    with pytest.raises(WrongState, match=says) as refused:
        channels.check_url(url)
    assert "passwd" not in str(refused.value)


def test_every_kind_of_address_is_one_that_the_library_knows():
    import apprise

    known = {name for one in apprise.Apprise().details()["schemas"] for name in one["secure_protocols"] or ()}
    assert set(channels.SERVICES) - known == set()


def test_what_an_address_is_is_told_without_its_secrets():
    assert channels.kind("slack://SECRET/x/y") == "Slack"
    assert channels.kind("json://127.0.0.1/SECRET") == "Webhook (JSON)"
    assert channels.kind("a@b.example") == "E-mail"
    assert channels.kind("odd://SECRET") == "Other"
