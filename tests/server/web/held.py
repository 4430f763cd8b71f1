"""A lead's key file as the `device` fixture wants a key: by its id and its public half."""

from __future__ import annotations

from protocol.leadkeys import LeadKey


class Held:
    """What a case is sealed to in tests."""

    def __init__(self, file: LeadKey) -> None:
        self.key_id, self.public = file.key_id, file.public_key
