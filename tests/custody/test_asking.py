"""The person at the keyboard is asked plainly, and nothing goes on without a whole answer."""

from __future__ import annotations

import pytest

from custody.asking import Asking, plain
from custody.errors import CustodyError, Declined
from protocol.leadkeys import PASSPHRASE_WORDS


def test_only_the_whole_word_yes_goes_on():
    for answer in ("yes", " YES "):
        Asking(show=print, read=lambda _question, answer=answer: answer).confirm("Sign?")
    for answer in ("", "y", "no", "yes please"):
        with pytest.raises(Declined):
            Asking(show=print, read=lambda _question, answer=answer: answer).confirm("Sign?")


def test_a_new_passphrase_is_shown_once_and_typed_back():
    shown: list[str] = []
    made = Asking(show=shown.append, read=lambda _: shown[0].splitlines()[2]).new_passphrase(None, "the key")
    assert len(made.split()) == PASSPHRASE_WORDS
    with pytest.raises(CustodyError, match="not the passphrase shown"):
        Asking(show=shown.append, read=lambda _: "something else").new_passphrase(None, "the key")


def test_nobody_at_the_keyboard_is_told_in_a_sentence():
    def nobody(_question):
        raise EOFError

    asking = Asking(show=lambda _line: None, read=nobody, read_hidden=nobody)
    with pytest.raises(Declined, match="nothing was done"):
        asking.confirm("Sign?")
    with pytest.raises(CustodyError, match="nothing was made"):
        asking.new_passphrase(None, "the key")
    with pytest.raises(CustodyError, match="give it in a file"):
        asking.passphrase(None, "the key")


def test_a_short_empty_or_missing_passphrase_file_is_refused(tmp_path):
    file = tmp_path / "secret"
    asking = Asking(show=print)
    for text, sentence in (("hunter2", "fewer than 20"), ("  \n", "is empty")):
        file.write_text(text)
        with pytest.raises(CustodyError, match=sentence):
            asking.new_passphrase(file, "the key")
    with pytest.raises(CustodyError, match="can't be read"):
        asking.passphrase(tmp_path / "none", "the key")


def test_control_characters_are_shown_as_question_marks():
    assert plain("Sam\x1b[2K\r\u202eok") == "Sam?[2K??ok"
