"""Each key of a TOML text is found on its line."""

from __future__ import annotations

from rules.toml_lines import line_of_error, lines_of_keys

TEXT = '''# a comment = 1
title = "x = 1"
list = [
  "[not.a.table]",
  "b = 2",
]
long = """
c = 3
[no]
"""
[groups.staff]   # why
name = "Staff"
"quoted key" = { inner = 1 }
a.b = 2

[[exceptions]]
site = "one"
[[exceptions]]
site = "two"
'''


def test_keys_tables_and_repeated_tables_are_found() -> None:
    assert lines_of_keys(TEXT) == {
        ("title",): 2,
        ("list",): 3,
        ("long",): 7,
        ("groups", "staff"): 11,
        ("groups", "staff", "name"): 12,
        ("groups", "staff", "quoted key"): 13,
        ("groups", "staff", "a", "b"): 14,
        ("exceptions", "0"): 16,
        ("exceptions", "0", "site"): 17,
        ("exceptions", "1"): 18,
        ("exceptions", "1", "site"): 19,
    }


def test_the_line_of_a_syntax_error_is_read_from_its_message() -> None:
    assert line_of_error("Unclosed array (at line 15, column 1)") == 15
    assert line_of_error("Unclosed array (at end of document)") is None
