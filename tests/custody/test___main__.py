"""`fairwatch-custody` as people run it: what it prints, asks, writes and refuses."""

from __future__ import annotations

import json

import pytest

from custody.__main__ import main
from protocol.leadkeys import words


@pytest.mark.parametrize("command", ["ceremony", "key", "sign", "token", "open", "passphrase"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: fairwatch-custody" in capsys.readouterr().out


@pytest.mark.parametrize("given", [[], ["burn"], ["sign"], ["token", "--uses", "many"], ["sign", "everything"]])
def test_bad_usage_is_one_line_and_exit_2(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_passphrase_is_six_words_of_the_list(capsys):
    assert main(["passphrase", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["passphrase"].split()
    assert len(made) == 6
    assert set(made) <= set(words())
