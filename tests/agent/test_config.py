"""`agent.toml` narrows and paces; what it says wrongly is named with file, line and what was expected."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from agent.config import Config, parse, read, settled
from agent.errors import ConfigError

FILE = Path("/var/lib/fairwatch/agent.toml")


def test_no_file_means_the_defaults(tmp_path):
    assert read(tmp_path) == Config()


def test_everything_that_may_be_said_is_read(tmp_path):
    (tmp_path / "agent.toml").write_text(
        '# ours\nprofiles = ["/home/a/.config/chromium/Default"]\nusers = ["alice", "bob"]\n'
        "sweep_seconds = 5\nsend_seconds = 0.5\nspool_max_bytes = 2_097_152\n"
    )
    found = read(tmp_path)
    assert found.profiles == ("/home/a/.config/chromium/Default",)
    assert found.users == ("alice", "bob")
    assert (found.sweep_seconds, found.send_seconds, found.spool_max_bytes) == (5.0, 0.5, 2_097_152)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("\nprofile = []\n", 2, "nearest known key is «profiles»"),
        ("sweep_second = 1", 1, "nearest known key is «sweep_seconds»"),
        ("hide_notice = true", 1, "«hide_notice» is not known; known are profiles"),
        ("# a\n# b\n[recipients]\nkey = 1", 3, "«recipients» is not known"),
        ('"send_secs" = 1', 1, "nearest known key is «send_seconds»"),
        ("users = 'alice'", 1, "«users» is a list of account names"),
        ("users = [1]", 1, "«users» is a list of account names"),
        ("users = []", 1, "«users» is empty"),
        ("sweep_seconds = 0", 1, "a number of seconds from 0.05 to 3600"),
        ("send_seconds = 'soon'", 1, "a number of seconds"),
        ("send_seconds = true", 1, "a number of seconds"),
        ("send_seconds = nan", 1, "a number of seconds"),
        ("send_seconds = inf", 1, "a number of seconds"),
        ("\n\nspool_max_bytes = 1", 3, "a whole number from 1048576"),
        ("spool_max_bytes = 2e6", 1, "a whole number"),
        ("users = [\n'a'\n", 2, "this is not TOML"),
        ("users = ['a']\nusers = ['b']", 2, "this is not TOML"),
        ("= 1", 1, "this is not TOML"),
    ],
)
def test_what_is_not_understood_is_named_with_file_line_and_what_was_expected(text, line, expected):
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    assert str(caught.value).startswith(f"{FILE}, line {line}: ")
    assert expected in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "agent.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read(tmp_path)


def test_no_key_hides_anything_from_the_person():
    names = " ".join(Config.__struct_fields__)
    for word in ("notice", "silent", "hidden", "covert", "stealth", "quiet", "recipient"):
        assert word not in names
    assert {field.name for field in msgspec.structs.fields(Config) if "seconds" not in field.name} == {
        "profiles",
        "users",
        "new_versions",
        "spool_max_bytes",
    }


def test_at_a_start_whoever_writes_the_file_may_end_first(tmp_path):
    file = tmp_path / "agent.toml"
    file.write_text('users = ["alice", "bo')
    writer = threading.Timer(0.05, lambda: file.write_text('users = ["alice", "bob"]'))
    writer.start()
    assert settled(lambda: read(tmp_path), 0.3).users == ("alice", "bob")
    writer.join()


def test_what_is_still_not_understood_is_said(tmp_path):
    (tmp_path / "agent.toml").write_text('users = ["alice", "bo')
    with pytest.raises(ConfigError, match="this is not TOML"):
        settled(lambda: read(tmp_path), 0.01)
