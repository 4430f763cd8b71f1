"""Holds the command line to its commands: each one runs something, and nothing runs that has no command."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from custody.__main__ import _RUNS
from custody.arguments import parser, understood


def test_every_command_runs_its_own_function():
    whole = parser(_RUNS)
    (commands,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    assert {name: one.get_default("run") for name, one in commands.choices.items()} == dict(_RUNS)


def test_what_signs_can_be_kept_to_the_terminal():
    for words in (["sign", "--dir", "d", "--key", "k"], ["custodian", "list", "--dir", "d"]):
        assert parser(_RUNS).parse_args([*words, "--no-window"]).no_window
        assert not parser(_RUNS).parse_args(words).no_window


@pytest.mark.parametrize(
    "words",
    [
        ["sign", "policy", "a", "b", "--dir", "d", "--key", "k"],
        ["sign", "policy", "--dir", "d", "--key", "k", "a", "b"],
        ["sign", "policy", "a", "--dir", "d", "b", "--key", "k"],
        ["sign", "--dir", "d", "--key", "k", "policy", "a", "b"],
    ],
)
def test_files_to_sign_may_stand_before_or_after_the_options(words):
    given = understood(_RUNS, words)
    assert (given.what, given.files) == ("policy", [Path("a"), Path("b")])


@pytest.mark.parametrize("words", [["sign", "--dir", "d", "--key", "k", "colour"], ["status", "--dir", "d", "more"]])
def test_what_is_not_understood_is_refused_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as refused:
        understood(_RUNS, words)
    assert refused.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
