"""At the keyboard a slip can be mended, nothing is done without a yes, and lines fit the window."""

from __future__ import annotations

import pytest

from server import setup_keyboard as keyboard
from server.errors import SetUpError
from server.setup_questions import QUESTIONS

BY_KEY = {one.key: one for one in QUESTIONS}


@pytest.fixture
def typed(monkeypatch):
    """Return a function that says what somebody types, a line each."""

    def type_in(*lines):
        left = iter(lines)
        monkeypatch.setattr("builtins.input", lambda _: next(left))

    return type_in


def test_it_asks_until_the_answer_can_be_used(typed, capsys):
    typed("Mars", " Europe/Paris ")
    assert keyboard.ask(BY_KEY["timezone"], "Europe/London") == "Europe/Paris"
    assert "a time zone is a name like Europe/London, not 'Mars'" in capsys.readouterr().err


def test_an_empty_answer_is_the_default(typed):
    typed("")
    assert keyboard.ask(BY_KEY["timezone"], "Europe/London") == "Europe/London"


def test_a_password_is_never_shown(capsys):
    asked = [BY_KEY["mail_user"], BY_KEY["mail_password"]]
    keyboard.show_answers(asked, {"mail_user": "fw", "mail_password": "a secret"})
    shown = capsys.readouterr().out
    assert "a secret" not in shown
    assert "mail_password  (not shown)" in shown


def test_yes_goes_on_a_name_changes_and_no_leaves(typed, capsys):
    typed("perhaps", "url")
    assert keyboard.agree(["name", "url"], may_go_on=True) == "url"
    assert "The answers' names are name, url." in capsys.readouterr().out
    typed("YES")
    assert keyboard.agree(["name"], may_go_on=True) is None
    typed("no")
    with pytest.raises(SetUpError, match="nothing was changed"):
        keyboard.agree(["name"], may_go_on=True)


def test_a_yes_is_not_taken_while_something_is_wrong(typed):
    typed("yes", "name")
    assert keyboard.agree(["name"], may_go_on=False) == "name"


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_lines_fit_the_window_and_addresses_stay_whole(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    address = "https://a-rather-long-name-of-a-collector.example.org/go-live/"
    keyboard.say("Each of these words is short, and there are many of them in this line. " * 3 + address)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].endswith(address)
    assert max(len(one) for one in lines if address not in one) <= min(columns, keyboard.WIDTH_MAX)
