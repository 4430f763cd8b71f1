"""The lead's key file: it opens with its passphrase, and with nothing else."""

import msgspec
import pytest

from protocol import leadkeys
from protocol.errors import OpenError, Refused
from protocol.messages import decode, encode
from protocol.sealing import key_id, public_of

PHRASE = "apple bridge candle dolphin engine forest"


@pytest.fixture(scope="module")
def key():
    return leadkeys.make(PHRASE)


def test_the_passphrase_gives_back_the_private_key_of_the_public_key(key):
    assert public_of(leadkeys.unlock(key, PHRASE)) == key.public_key
    assert key.key_id == key_id(key.public_key)


def test_a_passphrase_typed_from_paper_opens_it_too(key):
    assert leadkeys.unlock(key, "  Apple BRIDGE\tcandle\ndolphin  engine\u00a0\uff46orest")
    assert leadkeys.tidy(" Apple\u00a0Bridge ") == "apple bridge"


def test_another_passphrase_does_not_open_it(key):
    with pytest.raises(OpenError, match="passphrase"):
        leadkeys.unlock(key, "apple bridge candle dolphin engine forests")


@pytest.mark.parametrize("field", ["salt", "public_key", "opening.nonce", "opening.wrapped", "signing.wrapped"])
def test_an_altered_file_does_not_open(key, field):
    half, _, inner = field.partition(".")
    value = getattr(getattr(key, half), inner) if inner else getattr(key, half)
    bad = bytes((value[0] ^ 1,)) + value[1:]
    bad = msgspec.structs.replace(getattr(key, half), **{inner: bad}) if inner else bad
    altered = msgspec.structs.replace(key, **{half: bad})
    with pytest.raises(OpenError):
        leadkeys.unlock(altered, PHRASE)


def test_neither_half_can_stand_in_the_others_place_or_come_from_another_file(key):
    other = leadkeys.make(PHRASE)
    for change in (
        {"opening": key.signing, "signing": key.opening},
        {"signing": other.signing},
        {"public_key": key.public_key[:32] + other.public_key[32:]},
    ):
        with pytest.raises(OpenError):
            leadkeys.unlock(msgspec.structs.replace(key, **change), PHRASE)


def test_a_file_with_another_keys_id_does_not_open(key):
    with pytest.raises(OpenError, match="public key"):
        leadkeys.unlock(msgspec.structs.replace(key, key_id="0" * 32), PHRASE)


def test_the_file_travels_as_json(key):
    assert decode(encode(key), leadkeys.LeadKey) == key


@pytest.mark.parametrize(
    ("field", "value"),
    [("iterations", 1000), ("iterations", 10**9), ("version", 2), ("salt", "AAAA"), ("extra", 1), ("key_id", "x")],
)
def test_a_weak_or_odd_file_is_refused(key, field, value):
    altered = msgspec.json.encode({**msgspec.json.decode(encode(key)), field: value})
    with pytest.raises(Refused):
        decode(altered, leadkeys.LeadKey)


def test_two_keys_with_one_passphrase_share_nothing(key):
    other = leadkeys.make(PHRASE)
    assert other.public_key != key.public_key
    assert other.salt != key.salt
    assert len({one.nonce for file in (key, other) for one in (file.opening, file.signing)}) == 4


def test_the_word_list_is_long_plain_and_without_repeats():
    listed = leadkeys.words()
    assert len(listed) >= 2048
    assert len(set(listed)) == len(listed)
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 9 for word in listed)


def test_a_passphrase_is_six_words_of_the_list():
    phrase = leadkeys.make_passphrase()
    assert len(phrase.split(" ")) == 6
    assert set(phrase.split(" ")) <= set(leadkeys.words())
    assert leadkeys.make_passphrase() != phrase


def test_the_fingerprint_is_the_key_id_in_groups_of_four(key):
    assert leadkeys.fingerprint(key.public_key).replace(" ", "") == key.key_id
    assert {len(group) for group in leadkeys.fingerprint(key.public_key).split()} == {4}
