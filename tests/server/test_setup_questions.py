"""Each question of the set-up refuses in a sentence what collector.toml would not take."""

from __future__ import annotations

import os

import pytest

from protocol import backup_sealing
from server import setup_questions as questions
from server.acme_settings import LETS_ENCRYPT
from server.config import parse
from server.errors import SetUpError

BY_KEY = {one.key: one for one in questions.QUESTIONS}
EMPTY = dict.fromkeys(BY_KEY, "")


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("name", "", "1 to 200"),
        ("timezone", "Mars", "Europe/London"),
        ("timezone", "", "Europe/London"),
        ("url", "ftp://x", "url must be"),
        ("url", "https://x/path", "url must be"),
        ("listen", "nowhere", "listen must be"),
        ("certificate", "/no/such/file", "no such file"),
        ("mail_host", "two words", "host must be"),
        ("mail_security", "perhaps", "security must be"),
        ("mail_port", "smtp", "a port is a number"),
        ("mail_port", "65536", "a port is a number"),
        ("mail_from", "nobody", "from must be"),
        ("mail_from", "", "from which address"),
        ("certificate_key", "", "where its key is"),
        ("head_to", "chair@example.org", "head_to must be"),
        ("backup_key", "abc", "72 hex digits"),
        ("backup_to", "mnt", "whole path"),
        ("acme_email", "nobody", "email must be"),
        ("acme_agree", "", "say yes"),
        ("acme_listen", "80", "listen must be"),
        ("acme_directory", "acme.example", "directory must be"),
        ("acme_authority", "root.pem", "whole path"),
    ],
)
def test_what_can_t_be_used_is_refused_with_what_can(key, answer, says):
    assert says in BY_KEY[key].check(answer)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("url", "https://fairwatch.example.org"),
        ("listen", "0.0.0.0:443"),
        ("mail_host", "smtp.example.org"),
        ("mail_host", ""),
        ("mail_from", "Fairwatch <fairwatch@example.org>"),
        ("mail_from", "Fairwatch 🦉 <fairwatch@example.org>"),
        ("head_to", "mailto:chair@example.org"),
        ("backup_key", backup_sealing.to_text(bytes(32))),
    ],
)
def test_what_can_be_used_is_taken(key, answer):
    assert BY_KEY[key].check(answer) is None


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("https://fairwatch.example.org", "0.0.0.0:443"),
        ("https://fairwatch.example.org:8460", "0.0.0.0:8460"),
        ("https://localhost:8460", "127.0.0.1:8460"),
        ("http://localhost", "127.0.0.1:80"),
    ],
)
def test_it_listens_on_the_address_s_own_port_and_for_others_only_where_others_come(url, listen):
    assert BY_KEY["listen"].default({"url": url}) == listen


def test_the_sections_are_what_collector_toml_reads():
    given = EMPTY | {
        "mail_host": "smtp.example.org", "mail_from": 'The "Watch" <fw@example.org>', "mail_user": "fw",
        "mail_password": 'a"b\\c', "mail_security": "ssl", "mail_port": "2465", "head_to": "mailto:chair@example.org",
        "backup_key": backup_sealing.to_text(bytes(32)), "backup_to": "/mnt/backups",
    }  # fmt: skip
    read = parse("".join(questions.sections(given).values()), "collector.toml")
    assert (read.mail.password, read.mail.port, read.mail.security) == ('a"b\\c', 2465, "ssl")
    assert read.audit.head_to == ("mailto:chair@example.org",)
    assert read.backup.to == "/mnt/backups"
    assert questions.sections(EMPTY) == {}


def test_of_acme_only_what_is_not_usual_is_written():
    usual = {"acme_directory": LETS_ENCRYPT, "acme_listen": "0.0.0.0:80", "acme_agree": "yes"}
    text = questions.sections(EMPTY | usual | {"acme_email": "it@example.org"})["acme"]
    assert text == '\n[acme]\nemail = "it@example.org"\nagreed = true\n'
    assert parse(text, "collector.toml").acme.directory == LETS_ENCRYPT


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://fairwatch.example.org", True),
        ("https://localhost:8460", False),
        ("https://collector", False),
        ("https://192.0.2.1", False),
        ("http://fairwatch.example.org", False),
    ],
)
def test_an_authority_is_offered_only_for_names_that_others_know(url, may):
    assert BY_KEY["acme_email"].when({"url": url}) is may


@pytest.mark.parametrize(
    ("text", "says"),
    [('nam = "x"\n', "unknown key 'nam'"), ("name = true\n", "must be text"), ("name = \n", "TOML"), (None, "no such")],
)
def test_a_file_of_answers_is_read_strictly(tmp_path, text, says):
    path = tmp_path / "answers.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SetUpError, match=says):
        questions.from_file(path)


def test_a_port_may_be_written_as_a_number(tmp_path):
    path = tmp_path / "answers.toml"
    path.write_text('name = "Bright Path"\nmail_port = 25\n')
    assert questions.from_file(path) == {"name": "Bright Path", "mail_port": "25"}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_password_that_others_could_read_is_refused(tmp_path):
    path = tmp_path / "answers.toml"
    path.write_text('mail_password = "a secret"\n')
    path.chmod(0o640)
    with pytest.raises(SetUpError, match="others may read it"):
        questions.from_file(path)
    path.chmod(0o600)
    assert questions.from_file(path) == {"mail_password": "a secret"}


def test_the_beginning_of_collector_toml_adds_only_what_is_not_there():
    answers = {"url": "https://a.example", "listen": "0.0.0.0:443"}
    assert parse(questions.head(answers, {}), "collector.toml").listen == "0.0.0.0:443"
    assert questions.head(answers, {"url": "x"}) == 'listen = "0.0.0.0:443"\n'
    assert questions.head(answers, {"url": "x", "listen": "y"}) == ""
