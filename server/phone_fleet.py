"""Add a whole fleet of phones by a table, all or none, and make everything that a fleet tool needs, once.

A phone that is in the table again, and never asked for a name, gets a new id: so a download that was lost is made anew
by importing the same table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext

from server import csv_file, phone_files, phone_handout, phones
from server.csv_file import ACCOUNT_HEADINGS, LineFault
from server.errors import ImportRefused, PhoneFileRefused, WrongState
from server.phone_files import PhoneFile
from server.phone_place import OnePhone, Place, checked_name
from server.phones import PLATFORMS, NewPhone
from server.store.models import Device, User

ROWS_MAX: Final = 2_000
"""Phones of one table: their files make some 10 MB."""

COLUMN: Final = "Fairwatch id"
"""The extension attribute of the fleet tool that takes the ids."""

_HEADINGS: Final = {
    "name": ("name", "phone", "phonename", "device", "devicename"),
    "serial": ("serial", "serialnumber", "mobiledeviceserial"),
    "group": ("group", "department"),
    "account": ACCOUNT_HEADINGS,
    "platform": ("platform", "system", "os"),
    "supervised": ("supervised", "managed"),
}
_NEEDED: Final = {
    "name": ("name", "device name"),
    "group": ("group", "department"),
    "platform": ("platform", "system"),
}
_WORDS: Final = {"name": "name", "serial": "serial number", "group": "group", "account": "sign-in name"}
_YES, _NO = {"yes", "true", "1", "y"}, {"no", "false", "0", "n", ""}
_SPELLINGS: Final = {"iphone": "ios", "ipad": "ios", "ipados": "ios", "mac": "macos", "chrome": "chromeos"}


@dataclass(frozen=True)
class Line:
    """One phone as the table has it."""

    line: int
    serial: str
    phone: NewPhone


def read(data: bytes, *, noticed: bool) -> tuple[Line, ...]:
    """Return the phones of a table; raises ImportRefused, with the line, for the first thing that is wrong in it."""
    rows = csv_file.rows(data, "a list of phones")
    first = next(rows, None)
    if first is None:
        raise ImportRefused("the file is empty; expected a line of headings and a line for each phone")
    columns = csv_file.columns(first[1], first[0], _HEADINGS, _NEEDED)
    found: list[Line] = []
    seen: dict[tuple[str, str], int] = {}
    for number, cells in rows:
        if len(found) >= ROWS_MAX:
            raise ImportRefused(f"line {number}: more than {ROWS_MAX:,} phones; cut the table in two")
        try:
            line = _line(number, csv_file.cells_by_field(cells, columns, len(first[1])), noticed=noticed)
            for what, value in (("name", line.phone.name.casefold()), ("serial number", line.serial.casefold())):
                if value and seen.setdefault((what, value), number) != number:
                    raise LineFault(f"the same {what} as line {seen[what, value]}")
        except LineFault as fault:
            raise ImportRefused(f"line {number}: {fault}") from None
        found.append(line)
    if not found:
        raise ImportRefused("the file has headings and no phone")
    return tuple(found)


def _line(number: int, said: dict[str, str], *, noticed: bool) -> Line:
    for field, words in _WORDS.items():
        csv_file.check_text(said.get(field, ""), words, needed=field in _NEEDED)
    try:
        name = checked_name(said["name"])
    except PhoneFileRefused as fault:
        raise LineFault(str(fault).rstrip(".")) from None
    account = said.get("account", "")
    if account:
        csv_file.check_account(account)
    platform = said["platform"].casefold().replace(" ", "")
    platform = _SPELLINGS.get(platform, platform)
    if platform not in PLATFORMS:
        raise LineFault(f"the platform is one of {', '.join(PLATFORMS)}")
    supervised = said.get("supervised", "").casefold()
    if supervised not in _YES | _NO:
        raise LineFault("supervised is yes or no")
    serial = said.get("serial", "")
    given = NewPhone(name, said["group"], platform, supervised in _YES, account, noticed=noticed)
    return Line(number, serial, given)


def add(user: User | None, lines: tuple[Line, ...], now: datetime) -> list[tuple[str, OnePhone]]:
    """Add all phones, or none; returns each with its serial number and id. Raises NotAllowed, ImportRefused."""
    made: list[tuple[str, OnePhone]] = []
    with transaction.atomic():
        for line in lines:
            try:
                device, ident = _add(user, line.phone, now)
            except WrongState as fault:
                raise ImportRefused(f"line {line.line}: {fault}") from None
            made.append((line.serial, phone_handout.one(device, ident)))
    return made


def _add(user: User | None, given: NewPhone, now: datetime) -> tuple[Device, str]:
    there = Device.objects.filter(
        name=given.name, public_key__isnull=True, status=Device.Status.ACTIVE, phone__isnull=False
    ).select_related("phone")
    known = there.first()
    if known is None:
        return phones.add(user, given, now)
    same = NewPhone(known.name, known.group, known.platform, known.phone.supervised, known.phone.account)
    if known.phone.last_asked is not None or same != replace(given, noticed=False):
        raise WrongState(
            gettext("a phone of this name is there already; withdraw it first, or name this one otherwise")
        )
    return known, phones.new_id(user, known.pk, now)


def files(at: Place, made: list[tuple[str, OnePhone]], variable: str, answering: int) -> tuple[PhoneFile, ...]:
    """Return everything for these phones: the fleet's one profile with its table, and a folder for each phone.

    `variable` is the fleet tool's for the ids, empty where it has none: then each iPhone has a profile of its own only.
    `answering` is how many gateways answer. Raises PhoneFileRefused for another variable.
    """
    found: list[PhoneFile] = []
    apple = [(serial, phone) for serial, phone in made if phone.platform == "ios" and serial]
    if variable and apple:
        supervised = all(phone.supervised for _, phone in apple)
        found += [_in(file, "fleet-of-iphones") for file in phone_files.fleet_files(at, variable, supervised)]
        found.append(_in(phone_files.fleet_list(apple, COLUMN), "fleet-of-iphones"))
    for number, (_, phone) in enumerate(made, 1):
        folder = f"each/{number:04d}-{_plain(phone.name)}"
        found += [_in(file, folder) for file in phone_files.files_for(at, phone, answering, phone_handout.signer())]
    return tuple(found)


def _in(file: PhoneFile, folder: str) -> PhoneFile:
    return replace(file, name=f"{folder}/{file.name}")


def _plain(name: str) -> str:
    """A name as part of a path: no letter of it leads anywhere else."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:40]
