"""Say what a file of training dates would change, and do it; dates are added and corrected, and taken out if asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from server import audit
from server.csv_file import in_a_line
from server.directory_index import who
from server.store.models import TrainingRecord
from server.training_file import Entry, TrainingFile, folded


@dataclass(frozen=True)
class Course:
    """How many lines of a file are of a course; `new` says that no date of such a course was kept before."""

    name: str
    lines: int
    new: bool


@dataclass(frozen=True)
class Preview:
    """What an import would change. `changed` has the due date that was kept; `gone` is empty unless asked for."""

    new: tuple[Entry, ...]
    changed: tuple[tuple[TrainingRecord, Entry], ...]
    gone: tuple[TrainingRecord, ...]
    unchanged: int
    courses: tuple[Course, ...]
    strangers: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each: all that the log learns."""
        return {
            "new": len(self.new),
            "changed": len(self.changed),
            "gone": len(self.gone),
            "unchanged": self.unchanged,
        }

    @property
    def most_gone(self) -> bool:
        """Whether most of what is kept would be taken out: then it is likely the wrong file, or half of one."""
        return len(self.gone) > len(self.changed) + self.unchanged


def preview(given: TrainingFile, *, whole: bool) -> Preview:
    """Return what an import would change, changing nothing; `whole` takes out whatever the file doesn't have.

    `strangers` are accounts that the list of people does not have: a slip, or somebody who was not imported yet.
    """
    kept = {(row.key, row.course_key, row.done_on): row for row in TrainingRecord.objects.order_by("pk")}
    new, changed = [], []
    for entry in given.entries:
        row = kept.get(entry.key)
        if row is None:
            new.append(entry)
        elif row.due_on != entry.due_on:
            changed.append((row, entry))
    listed = {entry.key for entry in given.entries}
    gone = tuple(row for key, row in kept.items() if whole and key not in listed)
    unchanged = len(given.entries) - len(new) - len(changed)
    known = {key[1] for key in kept}
    lines = Counter(folded(entry.course) for entry in given.entries)
    names = {folded(entry.course): entry.course for entry in given.entries}
    courses = tuple(Course(names[one], lines[one], one not in known) for one in sorted(names))
    find = who()
    accounts = {entry.account.casefold(): entry.account for entry in given.entries}
    strangers = tuple(account for _, account in sorted(accounts.items()) if find(account) is None)
    return Preview(tuple(new), tuple(changed), gone, unchanged, courses, strangers, given.ignored)


def apply(given: TrainingFile, actor: str, now: datetime, *, whole: bool) -> Preview:
    """Import the dates and return what was changed, all or nothing; the log gets the counts alone."""
    with transaction.atomic():
        done = preview(given, whole=whole)
        for row, entry in done.changed:
            TrainingRecord.objects.filter(pk=row.pk).update(due_on=entry.due_on)
        TrainingRecord.objects.bulk_create([_row(entry) for entry in done.new], batch_size=500)
        gone = [row.pk for row in done.gone]
        for start in range(0, len(gone), 500):
            TrainingRecord.objects.filter(pk__in=gone[start : start + 500]).delete()
        audit.write(actor, "training_imported", "training", in_a_line(done.counts), now=now)
    return done


def _row(entry: Entry) -> TrainingRecord:
    key, course_key, done_on = entry.key
    return TrainingRecord(
        key=key,
        account=entry.account,
        course_key=course_key,
        course=entry.course,
        done_on=done_on,
        due_on=entry.due_on,
    )
