"""Holds the command line to its commands: each one runs something, and nothing runs that has no command."""

from __future__ import annotations

import argparse

from custody.__main__ import _RUNS
from custody.arguments import parser


def test_every_command_runs_its_own_function():
    whole = parser(_RUNS)
    (commands,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    assert {name: one.get_default("run") for name, one in commands.choices.items()} == dict(_RUNS)


def test_what_signs_can_be_kept_to_the_terminal():
    for words in (["sign", "--dir", "d", "--key", "k"], ["custodian", "list", "--dir", "d"]):
        assert parser(_RUNS).parse_args([*words, "--no-window"]).no_window
        assert not parser(_RUNS).parse_args(words).no_window
