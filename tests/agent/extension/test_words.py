"""What the extension may say: a host, a time, whether the window was private, and nothing else."""

from __future__ import annotations

import typing

import msgspec
import pytest

from agent.extension import words
from agent.session.errors import MessageRefused

VISIT = b'{"type":"Visit","host":"www.example.org","private":false,"ago_ms":12}'


def test_a_visit_is_understood():
    assert words.decode(VISIT) == words.Visit(host="www.example.org", private=False, ago_ms=12)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 1000,
        b"null",
        VISIT[:-1],
        VISIT.replace(b"Visit", b"Page"),
        VISIT.replace(b"}", b',"title":"secret"}'),
        VISIT.replace(b"}", b',"path":"/secret"}'),
        VISIT.replace(b"www.example.org", b"http://www.example.org/secret"),
        VISIT.replace(b"www.example.org", b"www.example.org/secret"),
        VISIT.replace(b"www.example.org", b"two words"),
        VISIT.replace(b"www.example.org", b"www.example.org\\n"),
        VISIT.replace(b"www.example.org", b"a" * 254),
        VISIT.replace(b"www.example.org", b""),
        VISIT.replace(b"12", b"-1"),
        VISIT.replace(b"12", b"3600001"),
        VISIT.replace(b"12", b"1e400"),
        VISIT.replace(b"false", b"0"),
        b'{"type":"Spent","host":"a.example","private":false,"seconds":0,"ago_ms":0}',
        b'{"type":"Spent","host":"a.example","private":false,"seconds":86400,"ago_ms":0}',
    ],
)
def test_anything_else_is_refused(body):
    with pytest.raises(MessageRefused):
        words.decode(body)


def test_no_message_has_a_field_for_a_page():
    fields = {field.name for one in typing.get_args(words.FromExtension) for field in msgspec.structs.fields(one)}
    assert fields == {"version", "private_windows", "host", "private", "ago_ms", "seconds"}
