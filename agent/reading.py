"""What a person is asked to read and acknowledge, as the service tells the session part and as a window says it."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from agent.notice import MONTHS, Notice, Section


class ToRead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document of the signed policy that this person has not acknowledged; not asked for before `ask_at`.

    `shown` is the SHA-256 (hex) of all its words: an acknowledgement names it, so that it is of these words.
    """

    id: str
    title: str
    version: str
    day: date
    where: str
    text: str
    shown: str
    ask_at: datetime


def as_notice(one: ToRead) -> Notice:
    """Say it in the form of a notice, for the window and for a terminal."""
    day = f"{one.day.day} {MONTHS[one.day.month - 1]} {one.day.year}"
    where = (Section(heading="Where it is", lines=(one.where,)),) if one.where else ()
    lines = tuple(line for line in one.text.splitlines() if line.strip())
    text = (Section(heading="What it says" if not where else "In short", lines=lines),) if lines else ()
    return Notice(
        version="",
        title=f"Please read: {one.title}",
        introduction=(
            f"Version {one.version} of {day}. Your organisation asks you to read it and to say that you have. "
            "It need not be now: you are asked again in a week. That you did, and when, is kept with your account’s "
            "name."
        ),
        sections=(*where, *text),
    )
