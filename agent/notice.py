"""The words that tell a person what is collected about them, their version, and since when each person has had them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Literal

import msgspec

# The device says these words, and only these, about flags, whether there were none or many: anything else would tip
# off a person that a case exists, or that none does.
FLAG_WORDS: Final = (
    "Use in certain categories, set by your organisation's signed policy, is flagged to the safeguarding lead. "
    "This device shows no list of flags and never says whether anything was flagged. "
    "These words are the same for everyone, whether there were none or many."
)

PrivateTimeKind = Literal["none", "drop_all", "urgent_only"]


class PrivateTime(msgspec.Struct, frozen=True, kw_only=True):
    """One group's private time. `working_hours` in words, such as "Monday to Friday, 08:00 to 18:00"; "" for none."""

    group: str
    kind: PrivateTimeKind
    working_hours: str = ""


class NoticeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the words need to know, all of it from the signed policy and the enrolment.

    `groups` holds the device's own group; it is empty until the signed policy has come, or where that names no such
    group. `starts` is the policy's start date, None until it has come. `closed_days`: whether the policy names any;
    `private_windows`: whether those of browsers are watched too, `looked_up_names` whether those of any program are.
    `contact` is whom to ask; `rules_page` is the address at which everybody can read the rules in force.
    """

    organisation: str
    groups: tuple[PrivateTime, ...]
    starts: date | None = None
    closed_days: bool = False
    contact: str = ""
    rules_page: str = ""
    private_windows: bool = False
    looked_up_names: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and what is said under it: a table, whose first row heads its columns, then a sentence or two a line.

    A first cell that begins with spaces is a part of the row above it. The other columns stand to the right.
    """

    heading: str
    lines: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The whole notice. `version` changes whenever any word does, and a changed notice is shown again."""

    version: str
    title: str
    introduction: str
    sections: tuple[Section, ...]


def compose(facts: NoticeFacts) -> Notice:
    """Write the notice for these facts, in plain English; the same facts give the same words and version."""
    title = "This device is monitored"
    owner = facts.organisation.strip() or "Your organisation"
    contact = facts.contact.strip().rstrip(".") or "ask your data protection officer or the safeguarding lead"
    introduction = (
        f"{owner} owns this device and watches how it is used, to keep people safe and to see that its rules on "
        "acceptable use are kept. The program that does so is called Fairwatch. It never runs in secret."
    )
    sections = (
        Section(
            heading="What is collected",
            lines=(
                "The names of websites visited, such as example.org, when, and for how long.",
                *(_PRIVATE_WINDOWS if facts.private_windows else ()),
                *(_LOOKED_UP_NAMES if facts.looked_up_names else ()),
                "The names of the apps you use, when, and for how long.",
            ),
        ),
        Section(
            heading="What is never collected",
            lines=(
                "Which pages you open on a website, what you search for, and the titles of windows.",
                "What you type, what is on your screen, pictures, sound, messages and files.",
                "Anything from before this notice was first shown to you, or brought over from your other devices.",
            ),
        ),
        Section(heading="Private time", lines=_private_times(facts)),
        Section(
            heading="Who can see what",
            lines=(
                "The safeguarding lead and deputies can open what was flagged, one case at a time.",
                "Each opening is recorded. Nobody can open a case about themselves.",
                "Managers see monthly figures for groups of at least five people, never for one person.",
                "IT sees whether this device works, and nothing about what you do with it.",
                "The data protection officer checks all this, and helps if you ask for what is held about you.",
            ),
        ),
        Section(
            heading="Flags",
            lines=(
                FLAG_WORDS,
                "Looking for help is never flagged: helplines, recovery, health, faith, unions, legal advice.",
            ),
        ),
        Section(
            heading="See it for yourself",
            lines=(
                (
                    "Your own totals, the rules for you and your rights: fairwatch-agent show-data, or in a window "
                    "“What is held about me”. On this device, only you can ask for them."
                ),
                "How the program is doing: fairwatch-agent status.",
                *((f"The rules in force, in words: {facts.rules_page}",) if facts.rules_page else ()),
                f"Questions: {contact}.",
            ),
        ),
    )
    version = _version_of(title, introduction, sections)
    return Notice(version=version, title=title, introduction=introduction, sections=sections)


_PRIVATE_WINDOWS: Final = ("That of private windows too, where the browser lets the program see them.",)
_LOOKED_UP_NAMES: Final = (
    "The names that any program on this device looks up, private windows too; nobody calls that a visit for certain.",
)

# Before the first signed policy has come, nothing is observed; with it the notice changes and is shown again.
_NO_GROUPS: Final = (
    "Nothing is collected until your organisation's signed policy has reached this device.",
    "This notice will then be shown again, with your private time.",
)


_GROUP_NOT_NAMED: Final = "Your organisation's signed policy names no group of yours: nothing is collected."


def _private_times(facts: NoticeFacts) -> tuple[str, ...]:
    if facts.starts is None and not facts.groups:
        return _NO_GROUPS
    lines = [_private_time(group) for group in facts.groups] or [_GROUP_NOT_NAMED]
    if facts.closed_days and any(group.kind != "none" for group in facts.groups):
        lines.append("Days on which your organisation is closed are private time as a whole.")
    if facts.starts is not None:
        # Said alike before and after that day, so that the notice does not change when it comes.
        month = MONTHS[facts.starts.month - 1]
        lines.append(f"Nothing from before {facts.starts.day} {month} {facts.starts.year} is collected.")
    return tuple(lines)


# Not `strftime`, which speaks the session's own language.
MONTHS: Final = ("January", "February", "March", "April", "May", "June",
                  "July", "August", "September", "October", "November", "December")  # fmt: skip


def _private_time(group: PrivateTime) -> str:
    hours = group.working_hours.strip()
    when = f"outside {hours}" if hours else "at all hours"
    who = group.group[:1].upper() + group.group[1:]
    if group.kind == "drop_all":
        return f"{who}: {when}, nothing is collected."
    if group.kind == "urgent_only":
        return (
            f"{who}: {when}, nothing is counted and nothing is kept, but for what could mean that someone is in danger."
        )
    return f"{who}: no private time is set. Use is watched at all hours."


def as_text(notice: Notice, width: int = 78) -> str:
    """The notice as plain text of at most `width` columns, for a terminal."""
    lines = ["=" * width, *_wrapped(notice.title, width), "=" * width, "", *_wrapped(notice.introduction, width)]
    for section in notice.sections:
        lines += ["", section.heading, *_table(section.rows, width - 2)]
        for line in section.lines:
            first, *rest = _wrapped(line, width - 4)
            lines += [f"  - {first}", *(f"    {more}" for more in rest)]
    return "\n".join([*lines, "", "=" * width, ""])


_COLUMN_CHARS: Final = 13


def _table(rows: tuple[tuple[str, ...], ...], width: int) -> list[str]:
    """The rows with every column but the first to the right; a first cell that is too long is cut."""
    lines = []
    for first, *others in rows:
        room = width - _COLUMN_CHARS * len(others)
        cell = first if len(first) <= room else f"{first[: room - 3]}..."
        lines.append(f"  {cell:<{room}}{''.join(f'{other:>{_COLUMN_CHARS}}' for other in others)}".rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Fold at spaces; not `textwrap`, which brings the regular expressions' memory into the session part."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _version_of(title: str, introduction: str, sections: tuple[Section, ...]) -> str:
    """Sixteen hex digits of the words' SHA-256: not a secret, only a name for exactly these words."""
    # Imported late: only the service composes, and the session part has no room for the hash library.
    import hashlib

    return hashlib.sha256(msgspec.json.encode((title, introduction, sections))).hexdigest()[:16]


class _Shown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a person's notices: the first time, which never moves, and the last version."""

    first_at: datetime
    version: str


class NoticeRecord:
    """Since when each person has had the notice, kept by two callables: nothing from before may be collected."""

    def __init__(self, load: Callable[[str], bytes | None], save: Callable[[str, bytes], None]) -> None:
        """`load(key)` gives what `save(key, value)` last kept, or None."""
        self._load = load
        self._save = save

    def shown(self, person: str, version: str, at: datetime) -> None:
        """Keep that the notice was shown. The first time stays as it is; raises ValueError for a naive `at`."""
        if at.tzinfo is None:
            raise ValueError("The time a notice was shown must be aware.")
        known = self._known(person)
        if known is not None and known.version == version:
            return
        first_at = at if known is None else known.first_at
        self._save(_key(person), msgspec.json.encode(_Shown(first_at=first_at, version=version)))

    def first_shown(self, person: str) -> datetime | None:
        """When this person first had a notice (aware UTC), or None: then nothing of theirs may be collected."""
        known = self._known(person)
        return None if known is None else known.first_at

    def is_new(self, person: str, version: str) -> bool:
        """Whether this person has yet to see these words."""
        known = self._known(person)
        return known is None or known.version != version

    def _known(self, person: str) -> _Shown | None:
        kept = self._load(_key(person))
        if kept is None:
            return None
        try:
            return msgspec.json.decode(kept, type=_Shown)
        except msgspec.DecodeError:
            # What can't be read is as if it had not been shown: that collects too little, never too much.
            return None


def _key(person: str) -> str:
    return f"notice/{person}"
