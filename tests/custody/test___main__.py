"""`fairwatch-custody` as people run it: what it prints, asks, writes and refuses."""

from __future__ import annotations

import json

import pytest

from custody.__main__ import main
from protocol.leadkeys import words
from server.config import parse


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


def test_a_backup_key_is_made_encrypted_and_its_public_half_is_the_line_for_the_collector(tmp_path, capsys):
    words_file, out = tmp_path / "words", tmp_path / "backup.pem"
    words_file.write_text("six words that nobody guesses at all")
    given = ["backup-key", "--out", str(out), "--passphrase-file", str(words_file)]
    assert main(given) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert parse("[backup]\n" + line.split(": ", 1)[1], "collector.toml").backup.nightly
    assert b"ENCRYPTED" in out.read_bytes()
    assert out.stat().st_mode & 0o777 == 0o600
    assert main(given) == 2, "it never replaces a key"
