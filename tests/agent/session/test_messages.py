"""The local socket's messages: strict, bounded, with no room for a person or a title."""

from __future__ import annotations

import ast
import typing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.session import messages
from agent.session.errors import MessageRefused
from agent.session.messages import MAX_LINE_BYTES, REASONS, Front, Reason, decode_from_session, encode

FRONT = Front(identity="linux:firefox-esr", started=datetime(2026, 11, 22, 12, tzinfo=UTC), seconds=2.5)
LINE = b'{"type":"Front","identity":"linux:a","started":"2026-11-22T12:00:00Z","seconds":2.5}'


def test_a_message_comes_back_as_it_was_sent() -> None:
    assert decode_from_session(encode(FRONT)) == FRONT
    assert decode_from_session(LINE) == Front(identity="linux:a", started=FRONT.started, seconds=2.5)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"type":"Settings"}',
        b'{"type":"Unheard"}',
        LINE.replace(b'"seconds":2.5', b'"seconds":-1'),
        LINE.replace(b'"seconds":2.5', b'"seconds":1e9'),
        LINE.replace(b'"seconds":2.5', b'"seconds":NaN'),
        LINE.replace(b"00:00Z", b"00:00"),
        LINE.replace(b'"linux:a"', b'"a title with spaces"'),
        LINE.replace(b'"linux:a"', b'"linux:a/path"'),
        LINE.replace(b'"linux:a"', b'"linux:a\\n"'),
        LINE.replace(b'"linux:a"', b'"linux:' + b"a" * 129 + b'"'),
        LINE.replace(b"}", b',"person":"someone"}'),
        LINE.replace(b"}", b',"title":"secret"}'),
        b'{"type":"SourceState","state":"working","reason":"free words"}',
        b'{"type":"Ask","what":"totals of someone"}',
        LINE + b" " * MAX_LINE_BYTES,
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(MessageRefused):
        decode_from_session(line)


def test_no_message_of_a_session_has_a_field_for_a_person_a_title_or_free_words() -> None:
    fields = {
        field.name: field.type
        for message in typing.get_args(messages.FromSession)
        for field in msgspec.structs.fields(message)
    }
    assert set(fields) == {
        "at", "notice_version", "identity", "started", "seconds", "idle", "state", "reason", "what",
        "document", "shown", "family", "private_windows", "host", "private",
    }  # fmt: skip
    assert str not in fields.values()


def test_every_reason_has_its_sentence() -> None:
    assert set(REASONS) == set(typing.get_args(Reason))
    assert all(sentence.endswith(".") for reason, sentence in REASONS.items() if reason != "seen")


@pytest.mark.more
def test_nothing_of_the_agent_can_unpickle_what_a_session_sends() -> None:
    loads_objects = {"pickle", "multiprocessing", "marshal", "shelve", "dill", "cloudpickle"}
    for path in Path(messages.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not loads_objects & {name.partition(".")[0] for name in names}, path.name
