"""The chain's own rules: what a line must hash to, where a chain breaks, and what a kept head looks like."""

from __future__ import annotations

import msgspec
import pytest

from protocol.audit import (
    GENESIS,
    START,
    AuditLine,
    Head,
    detail_hash,
    follow,
    for_table,
    from_table,
    line_hash,
    read_head,
)

AT = "2026-11-20T10:00:00.000000+00:00"


def _line(seq=1, previous=GENESIS, **changes):
    values = {"seq": seq, "at": AT, "actor": "user:1", "action": "opened", "subject": "incident:1"}
    values |= {"detail_hash": detail_hash("salt", "words"), "previous": previous}
    values["hash"] = line_hash(**values)
    return msgspec.structs.replace(AuditLine(**values, salt="salt", detail="words"), **changes)


def test_the_hash_is_the_one_that_was_agreed():
    assert _line().hash == "f4e26f6ace9b5ca1d5a9d78844f67de2cae4849a064e7138f6af09784131b06e"


def test_a_line_that_fits_follows():
    first = _line()
    assert follow(first, START) is None
    assert follow(_line(2, first.hash), Head(1, first.hash)) is None
    assert follow(msgspec.structs.replace(first, salt="", detail=""), START) is None, "erased words break nothing"


@pytest.mark.parametrize(
    ("line", "seq", "words"),
    [
        (_line(2), 1, "line 1 is missing"),
        (_line(9), 1, "lines 1 to 8 are missing"),
        (_line(0), 0, "twice or in the wrong place"),
        (_line(previous="1" * 64), 1, "does not follow"),
        (_line(actor="user:2"), 1, "was changed"),
        (_line(at="2020-01-01T00:00:00.000000+00:00"), 1, "was changed"),
        (_line(hash="0" * 64), 1, "was changed"),
        (_line(detail="other words"), 1, "words kept beside line 1"),
        (_line(salt="other"), 1, "words kept beside line 1"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(line, seq, words):
    wrong = follow(line, START)
    assert wrong.seq == seq
    assert words in wrong.reason


def test_a_kept_head_is_read_as_it_was_sent():
    head = Head(12, "ab" * 32)
    assert read_head(f" {head}\n") == head
    assert read_head(str(head).upper()) == head


@pytest.mark.parametrize(
    "text", ["", "12", "12:", "12:ab", f"x:{'a' * 64}", f"-1:{'a' * 64}", f"1:{'g' * 64}", f"٣:{'a' * 64}"]
)
def test_what_is_no_head_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="a kept head looks like"):
        read_head(text)


@pytest.mark.parametrize("text", ["", "plain", "=1+1", "+1", "-1", "@x", "\tx", "'", "'=x", "''x", "a=b"])
def test_no_text_of_a_table_is_a_formula_and_each_comes_back_as_it_was(text):
    shown = for_table(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_table(shown) == text
