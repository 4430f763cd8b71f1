"""A short secret kept in a database can be read with the key beside it, and with nothing else."""

from __future__ import annotations

import pytest

from protocol.at_rest import hide, reveal
from protocol.errors import NotTrusted

KEY = b"k" * 48


def test_what_was_hidden_is_read_again_and_is_not_in_it():
    hidden = hide("JBSWY3DPEHPK3PXP", KEY, b"totp")
    assert reveal(hidden, KEY, b"totp") == "JBSWY3DPEHPK3PXP"
    assert "JBSWY3DP" not in hidden
    assert hide("JBSWY3DPEHPK3PXP", KEY, b"totp") != hidden


@pytest.mark.parametrize("change", ["key", "place", "text", "short", "odd"])
def test_another_key_place_or_text_is_refused(change):
    hidden = hide("secret", KEY, b"totp")
    key, place = KEY, b"totp"
    match change:
        case "key":
            key = b"other"
        case "place":
            place = b"recovery"
        case "text":
            hidden = hidden[:-6] + ("A" if hidden[-6] != "A" else "B") + hidden[-5:]
        case "short":
            hidden = "1.AAAA"
        case "odd":
            hidden = "no base64 !"
    with pytest.raises(NotTrusted):
        reveal(hidden, key, place)
