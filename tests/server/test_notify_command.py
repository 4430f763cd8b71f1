"""`fairwatch-server notify` sends a test, and says who can't be reached."""

from __future__ import annotations

import argparse
import io
import json

import pytest

from server import notify_command
from server.errors import SetUpError
from server.notify_config import Contact
from server.store.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setattr(notify_command, "require", lambda _: None)


def run(*words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir")
    notify_command.add_arguments(parser)
    return notify_command.run(parser.parse_args(words))


def test_a_test_mail_goes_where_it_should_and_a_refused_one_is_told(people, by_mail, capsys):
    assert run("test", "--to", "somebody@x.example") == 0
    assert by_mail.taken[0].to == ["somebody@x.example"]
    by_mail.refuses = {"somebody@x.example"}
    assert run("test", "--to", "somebody@x.example") == 1
    said = capsys.readouterr()
    assert said.out == "Sent\n"
    assert said.err == "Not sent: the mail server refuses this address\n"


def test_an_apprise_address_is_read_from_standard_input_so_that_no_history_keeps_it(hook, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"json://127.0.0.1:{hook.port}/SECRET\n"))
    assert run("test", "--url-stdin") == 0
    assert len(hook.posted) == 1


def test_every_contact_is_tested_and_one_that_can_not_be_used_is_named(settings, use_mail, post, capsys):
    use_mail(settings, post, contacts=(Contact("Night service", "night@x.example"),))
    assert run("test", "--contacts") == 0
    assert capsys.readouterr().out == "Night service: sent\n"
    use_mail(settings, post, contacts=(Contact("Pager", "syslog://x"),))
    with pytest.raises(SetUpError, match="Pager: addresses that begin with syslog"):
        run("test", "--contacts")


@pytest.mark.parametrize(
    "words", [("test",), ("status", "--to", "a@b.example"), ("test", "--to", "a@b.example", "--json")]
)
def test_words_that_do_not_go_together_are_refused(words):
    with pytest.raises(SetUpError, match="notify test --to ADDRESS"):
        run(*words)


def test_status_says_whose_address_is_refused_or_missing(people, by_mail, capsys):
    assert run("status") == 0
    by_mail.refuses = {people.deputy.email}
    User.objects.filter(pk=people.lead.pk).update(email="")
    assert run("status", "--json") == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "The mail server takes our mails"
    assert json.loads(printed[1]) == {"mail": True, "fault": "", "refused": ["deputy"], "no_address": ["lead"]}


def test_without_a_mail_server_status_says_that_mails_reach_nobody(people, capsys):
    assert run("status") == 1
    assert "reach nobody" in capsys.readouterr().out
