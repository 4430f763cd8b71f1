"""Hand devices the key of the tags by which a lead's browser groups cases; nobody else is given it."""

from __future__ import annotations

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import GroupingAnswer, GroupingQuestion
from server.store.models import Organisation


def answer(question: GroupingQuestion) -> GroupingAnswer:  # noqa: ARG001 - only its version, which decoding has checked
    """Answer a device; raises as `key`."""
    return GroupingAnswer(key=key())


def key() -> bytes:
    """Return the organisation's key of tags; raises Refused `busy` before `init` is done."""
    organisation = Organisation.objects.only("grouping_key").first()
    if organisation is None:
        raise Refused(Code.BUSY)
    return bytes(organisation.grouping_key)
