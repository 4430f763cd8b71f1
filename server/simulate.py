"""Make a sample organisation live: three months of use and cases, through the very ingest that devices use.

`--data-dir D` writes the history into a collector's own database (making the collector where there is none); with
`--groups` or `--devices` for groups of any size, up to the last month's end. `--to URL` enrols sample devices with a
token and sends live records over HTTP. All of it is marked as sample data.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from protocol import leadkeys
from protocol.documents import seal_signed
from protocol.limits import MESSAGE_VERSION
from protocol.messages import PeopleQuestion, encode
from server import sample, sample_traffic
from server.errors import SetUpError
from server.figures import shifted
from server.sample_records import Sender, alert, all_stored, heartbeat, totals

Progress = Callable[[str], None]

MONTHS, DEVICES_LIVE = 3, 5
"""What is written, and how many devices drive live traffic, where nothing is said."""

BAR_CHARS = 30


# --- history, into the database ----------------------------------------------------------------------------------


def write_history(
    now: datetime, progress: Progress, seed: int = sample.SEED, *, signing: Mapping[str, bytes] | None = None
) -> None:
    """Write forty devices, three months of use and sixty cases into the collector whose settings are loaded.

    The summaries of the months that are over are made as well, each as of its day. Cases are sealed to the signed
    recipients, or, where nothing is signed yet, to the leads' keys that are there.
    `signing` holds leads' private keys (64 bytes) by user name: outcomes are signed with the first, and without one
    every sample case stays open. Raises SetUpError when there is nobody to seal to.
    """
    from server import sample_history
    from server.store.models import Organisation

    chance = random.Random(seed)  # noqa: S311 - a sample, made to be the same each time
    _, versions = readers = _readers()
    fleet = sample.devices()
    begin = now - timedelta(days=sample.DAYS)
    senders = sample_history.enrol(fleet, begin - timedelta(minutes=len(fleet)))
    sample_history.list_people(fleet, now)
    Organisation.objects.update(sample=True)
    for place, (each, sender) in enumerate(zip(fleet, senders, strict=True), start=1):
        _write_device(sender, each, now, chance, versions)
        progress(f"sample use: device {place} of {len(fleet)}")
    sample_history.report_days(senders, begin.date(), now.date(), chance)
    cases = sample.cases(fleet, now, chance)
    _write_cases(cases, senders, now, chance, readers, progress)
    _close(cases, now, signing or {})
    sample_history.tell(begin.date().replace(day=1), now, _zone().key)


def write_shape(
    shape: sample.Shape, now: datetime, bar: Callable[[float, str], None], signing: Mapping[str, bytes]
) -> int:
    """Write history for groups of that size, up to the last month's end; returns how many cases there are in it."""
    from server import sample_history
    from server.store.models import Organisation

    chance, zone = random.Random(sample.SEED), _zone()  # noqa: S311 - a sample, made to be the same each time
    readers, fleet = _readers(), shape.fleet()
    Organisation.objects.update(sample=True)
    senders = sample_history.write(shape, now, zone, chance, lambda done, what: bar(0.9 * done, what))
    begin = shape.begins(now, zone)
    after = shifted(begin, shape.months)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    cases = sample.cases(fleet, end, chance, days=(after - begin).days, times=shape.cases_times)
    said = iter(range(1, len(cases) + 1))
    _write_cases(cases, senders, end, chance, readers, lambda _: bar(0.9 + 0.08 * next(said) / len(cases), "cases"))
    _close(cases, end, signing)
    bar(0.99, "summaries")
    sample_history.analyse()
    sample_history.tell(begin, now, zone.key)
    bar(1.0, "done")
    return len(cases)


def _write_cases(
    cases: Sequence[sample.Case],
    senders: Sequence[Sender],
    now: datetime,
    chance: random.Random,
    readers: tuple[list[bytes], tuple[int, int]],
    progress: Progress,
) -> None:
    from server import grouping, ingest

    key_of_tags = grouping.key()
    for place, case in enumerate(cases, start=1):
        sender = senders[case.device]
        alert(sender, case, *readers, key_of_tags)
        received = case.started + timedelta(minutes=case.minutes, seconds=chance.randint(3, 90))
        for batch in sender.batches():
            all_stored(ingest.take(batch, sender.device, min(received, now)))
        progress(f"sample cases: {place} of {len(cases)}")


def _zone() -> ZoneInfo:
    from server.working_hours import organisation_zone

    return organisation_zone()


def _write_device(
    sender: Sender, each: sample.SampleDevice, now: datetime, chance: random.Random, versions: tuple[int, int]
) -> None:
    from server import ingest, people

    last_seen = now - timedelta(minutes=chance.randint(1, 40))
    if chance.random() < 0.1:
        last_seen = now - timedelta(days=chance.randint(6, 20))
    ids: dict[tuple[str, str], UUID] = {}
    every = sorted(sample.uses(each, last_seen.date(), chance), key=lambda use: use.day)
    for month, uses in groupby(every, key=lambda use: f"{use.day:%Y-%m}"):
        answer = people.answer(PeopleQuestion(MESSAGE_VERSION, month, each.accounts), now)
        ids |= {(month, account): person for account, person in answer.ids.items()}
        totals(sender, uses, ids)
    heartbeat(sender, last_seen, versions, troubled=chance.random() < 0.12)
    for batch in sender.batches():
        all_stored(ingest.take(batch, sender.device, last_seen))


def _close(cases: Sequence[sample.Case], now: datetime, signing: Mapping[str, bytes]) -> None:
    """Close the older cases as a lead would: a sealed and signed outcome, and a line in the audit log."""
    from server import cases as desk
    from server import timeline
    from server.store.models import Incident, User

    lead = User.objects.filter(role="lead", username__in=signing, lead_keys__active=True).first()
    if lead is None:
        return
    readers = _readers()[0]
    there = {incident.started: incident for incident in Incident.objects.filter(sample=True)}
    for case in cases:
        if not case.closed:
            continue
        incident, at = there[case.started], case.started + timedelta(hours=3)
        # Between its arrival and its closing, and not always as soon.
        wait = case.minutes + 2 + 37 * (case.count + case.minutes) % 150
        timeline.opened(incident, lead, case.started + timedelta(minutes=wait))
        note = uuid4()
        content = {
            "version": 1,
            "kind": "outcome",
            "text": "Sample: spoke with the person and agreed what happens next.",
            "finding": "concern",
            "outcome": "advice",
            "author": lead.get_full_name(),
            "at": f"{min(at, now):%Y-%m-%dT%H:%M:%SZ}",
        }
        text = msgspec.json.encode(content)
        sealed = seal_signed("note", text, readers, incident.pk, note, signing[lead.username])
        desk.close(lead, incident.pk, sealed, now=min(at, now))


def _readers() -> tuple[list[bytes], tuple[int, int]]:
    from server.leadkeys import signed_list
    from server.store.models import LeadKey

    listed = signed_list()
    if listed is not None:
        return [one.public_key for one in listed.recipients], (listed.version, 1)
    keys = [bytes(row.public_key) for row in LeadKey.objects.filter(active=True)]
    if not keys:
        raise SetUpError("nobody can open cases here yet: make a lead's key first, then run simulate again")
    return keys, (1, 1)


# --- the command -------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-server simulate`."""
    parser.add_argument("--to", metavar="URL", help="or drive live traffic to a running collector")
    parser.add_argument("--token-file", type=Path, help="with --to: an enrolment token for the sample devices")
    parser.add_argument("--groups", metavar="20,30,7", help="history for groups of so many people, up to last month")
    parser.add_argument("--months", type=int, metavar="N", help="with --groups or --devices: months of it (default: 3)")
    parser.add_argument(
        "--devices",
        type=int,
        metavar="N",
        help="one group of N; with --to: how many sample devices (1 to 40; default: 5)",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="with --to: how long (a day at most)")


def say(line: str) -> None:
    """Show progress on stderr: over itself on a terminal, else nothing but the last word of each part."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)  # noqa: T201


def make_lead_keys() -> tuple[dict[str, str], dict[str, bytes]]:
    """Give every lead and deputy without a key one, made here for the sample: words and private keys by user name."""
    from server import leadkeys as kept
    from server.store.models import User

    words, signing = {}, {}
    for user in User.objects.filter(role__in=("lead", "deputy"), lead_keys__isnull=True):
        words[user.username] = leadkeys.make_passphrase()
        file = leadkeys.make(words[user.username])
        kept.keep(user, encode(file))
        signing[user.username] = leadkeys.unlock(file, words[user.username])
    return words, signing


def run(given: argparse.Namespace) -> int:
    """Write the history, or drive live traffic; returns 0."""
    if given.to is not None:
        if given.token_file is None:
            raise SetUpError("--to needs --token-file: an enrolment token for the sample devices")
        if given.groups is not None or given.months is not None:
            raise SetUpError("--groups and --months write history; --to drives live traffic: choose one")
        devices = DEVICES_LIVE if given.devices is None else given.devices
        if not 1 <= devices <= len(sample.devices()):
            raise SetUpError(f"--devices is 1 to {len(sample.devices())}")
        try:
            token = given.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SetUpError(f"{given.token_file} can't be read as a token") from None
        stored = sample_traffic.drive(given.to, token, devices=devices, seconds=given.seconds, progress=say)
        say("")
        print(f"{stored} records stored")  # noqa: T201
        return 0
    wrote, words = _history(given)
    print(f"Wrote {wrote} sealed cases into {given.data_dir}")  # noqa: T201
    for name, passphrase in words.items():
        print(f"{name} unlocks with: {passphrase}")  # noqa: T201
    return 0


def _history(given: argparse.Namespace) -> tuple[str, dict[str, str]]:
    if given.groups is None and given.devices is None and given.months is not None:
        raise SetUpError("--months needs --groups or --devices: how many people there are")
    now = datetime.now(UTC)
    if given.groups is None and given.devices is None:
        words, signing = _prepare(given.data_dir)
        write_history(now, say, signing=signing)
        say("")
        return f"40 sample devices, {sample.DAYS} days and {sample.CASES}", words
    shape = sample.Shape.of(given.groups, given.devices, MONTHS if given.months is None else given.months)
    words, signing = _prepare(given.data_dir)
    cases = write_shape(shape, now, Bar(), signing)
    say("")
    return f"{sum(shape.groups)} sample devices, {shape.months} months and {cases}", words


class Bar:
    """A progress bar on stderr: over itself on a terminal, else a line for each new thing."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, done: float, what: str) -> None:
        """Show what share is done and what is under way."""
        full = int(BAR_CHARS * done)
        if sys.stderr.isatty():
            say(f"[{'#' * full}{'.' * (BAR_CHARS - full)}] {done:4.0%}  {what}")
        elif what != self._said:
            self._said = what
            print(f"{done:4.0%}  {what}", file=sys.stderr, flush=True)  # noqa: T201


def _prepare(data_dir: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    """Set the collector up, making it where there is none, with a lead who can open the sample."""
    from server.start import is_made, require

    if not is_made(data_dir):
        from server.initialise import initialise

        initialise(data_dir, name="Sample Training Provider", zone="Europe/London", url="http://localhost:8460")
    require(data_dir)
    from server.store.models import Device, User

    if Device.objects.filter(sample=True).exists():
        raise SetUpError(f"{data_dir} holds the sample already; nothing was changed")
    if not User.objects.filter(role="lead").exists():
        User.objects.create_user("sample-lead", role="lead", display_name="Sample lead")
    return make_lead_keys()
