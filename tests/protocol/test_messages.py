"""Messages are read strictly: what is not understood is refused by name, and nothing that is said is repeated."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.codes import Code
from protocol.errors import Refused

FORBIDDEN = ("path", "query", "url", "title", "text", "content", "keystroke", "screenshot", "picture", "search")


def test_every_message_vector_is_read_or_names_its_refusal(vectors):
    for vector in vectors("messages"):
        kind = getattr(messages, vector["message"])
        if vector["refusal"] is None:
            assert isinstance(messages.decode(vector["json"].encode(), kind), kind), vector["name"]
        else:
            with pytest.raises(Refused) as refused:
                messages.decode(vector["json"].encode(), kind)
            assert refused.value.code.value == vector["refusal"], vector["name"]


def every_message() -> list[type[messages.Message]]:
    return [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, messages.Message)]


def test_promise_1_no_message_has_a_field_for_a_path_a_title_or_any_content():
    names = {field.name for kind in every_message() for field in msgspec.structs.fields(kind)}
    assert len(names) > 30
    assert not [name for name in names for word in FORBIDDEN if word in name]


def test_every_message_is_frozen_and_refuses_fields_it_does_not_know():
    for kind in every_message():
        assert kind.__struct_config__.frozen, kind
        assert kind.__struct_config__.forbid_unknown_fields, kind


def test_a_refusal_names_the_place_and_never_the_value():
    with pytest.raises(Refused) as refused:
        messages.decode(b'{"version":1,"device":"canary.example","records":[]}', messages.Batch)
    assert "$.device" in str(refused.value)
    assert "canary" not in str(refused.value)


@given(data=st.binary(max_size=500) | st.text(max_size=300).map(str.encode))
def test_noise_is_refused_and_never_breaks_the_reader(data):
    with pytest.raises(Refused):
        messages.decode(data, messages.Batch)


@pytest.mark.parametrize(
    ("kind", "text"),
    [(messages.Word, "gambling"), (messages.Group, "staff-1"), (messages.KeyId, "0" * 32)],
)
def test_no_word_ends_in_a_line_end(kind, text):
    assert msgspec.convert(text, kind) == text
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(f"{text}\n", kind)


def test_a_month_ends_with_its_digits():
    with pytest.raises(Refused, match="malformed"):
        messages.decode(b'{"version":1,"month":"2026-11\\n","accounts":["a"]}', messages.PeopleQuestion)


def test_a_deeply_nested_body_is_refused_not_a_crash():
    with pytest.raises(Refused, match="malformed"):
        messages.decode(b'{"version":1,"records":' + b"[" * 100_000 + b"]" * 100_000 + b"}", messages.Batch)


def test_every_code_has_a_sentence_that_ends_and_a_status_of_a_refusal():
    assert all(code.sentence.endswith(".") and 400 <= code.status < 600 for code in Code)
