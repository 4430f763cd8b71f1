"""Say what an import of people would change, and do it: nobody is deleted, who is no longer listed is marked so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from server import audit
from server.csv_file import in_a_line
from server.people_file import Entry, PeopleFile, Problem
from server.store.models import Person

_FIELDS = ("account", "name", "group", "partner", "leaves_on")
_WORDS = {"account": "sign-in name", "name": "real name", "leaves_on": "leaving date"}


@dataclass(frozen=True)
class Changed:
    """One person of whom something changes; `what` names the columns, `back` says that they were gone."""

    entry: Entry
    what: tuple[str, ...]
    back: bool


@dataclass(frozen=True)
class Preview:
    """What an import would change. `gone` are people who are known and not in the file."""

    new: tuple[Entry, ...]
    changed: tuple[Changed, ...]
    gone: tuple[Person, ...]
    unchanged: int
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each: all that the log learns."""
        return {
            "new": len(self.new),
            "changed": len(self.changed),
            "gone": len(self.gone),
            "unchanged": self.unchanged,
            "left_out": len(self.problems),
        }

    @property
    def most_gone(self) -> bool:
        """Whether most of those who are known would be gone: then it is likely the wrong file, or half of one."""
        return len(self.gone) > len(self.changed) + self.unchanged


def preview(given: PeopleFile) -> Preview:
    """Return what an import would change, changing nothing."""
    known = {person.key: person for person in Person.objects.all()}
    new, changed, unchanged = [], [], 0
    for entry in given.entries:
        person = known.get(entry.key)
        if person is None:
            new.append(entry)
            continue
        what = tuple(_WORDS.get(field, field) for field in _FIELDS if getattr(person, field) != getattr(entry, field))
        if what or person.gone_at is not None:
            changed.append(Changed(entry, what, person.gone_at is not None))
        else:
            unchanged += 1
    listed = {entry.key for entry in given.entries} | given.doubted
    gone = [person for key, person in sorted(known.items()) if key not in listed and person.gone_at is None]
    return Preview(tuple(new), tuple(changed), tuple(gone), unchanged, given.problems, given.ignored)


def apply(given: PeopleFile, actor: str, now: datetime) -> Preview:
    """Import the people and return what was changed; the log gets the counts alone."""
    with transaction.atomic():
        done = preview(given)
        for changed in done.changed:
            fields = {field: getattr(changed.entry, field) for field in _FIELDS}
            Person.objects.filter(key=changed.entry.key).update(**fields, changed_at=now, gone_at=None)
        Person.objects.bulk_create(
            [
                Person(**{field: getattr(entry, field) for field in _FIELDS}, key=entry.key, changed_at=now)
                for entry in done.new
            ],
            batch_size=500,
        )
        keys = [person.key for person in done.gone]
        for start in range(0, len(keys), 500):
            Person.objects.filter(key__in=keys[start : start + 500]).update(gone_at=now)
        audit.write(actor, "people_imported", "people", in_a_line(done.counts), now=now)
    return done
