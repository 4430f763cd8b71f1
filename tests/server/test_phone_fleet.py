"""A fleet by a table: all or none, each wrong line named, and a lost download is made anew."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from server import phone_fleet, phone_place, phones
from server.errors import ImportRefused, PhoneFileRefused
from server.store.models import Phone

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = (
    "name,group,platform,serial number,sign-in name,supervised\n"
    "iPhone 1,staff,ios,C02X,sam,yes\nPixel 2,staff,Android,,,\n"
)


def read(text):
    return phone_fleet.read(text.encode() if isinstance(text, str) else text, noticed=True)


def test_a_table_is_read_with_spellings_that_people_use():
    first, second = read(GOOD)
    assert (first.serial, first.phone.platform, first.phone.supervised, first.phone.account) == (
        "C02X",
        "ios",
        True,
        "sam",
    )
    assert (second.line, second.phone.name, second.phone.platform, second.phone.supervised) == (
        3,
        "Pixel 2",
        "android",
        False,
    )
    assert read("Phone;Department;System\nA;staff;iPad\n".encode("utf-16"))[0].phone.platform == "ios"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("name,group,platform\n", "no phone"),
        ("name,platform\nA,ios\n", "no column is the group"),
        ("name,group,platform\nA,staff,symbian\n", "line 2: the platform is one of"),
        ("name,group,platform\n,staff,ios\n", "line 2: the name is empty"),
        ("name,group,platform\nA,staff,ios\na,staff,ios\n", "line 3: the same name as line 2"),
        ("name,group,platform,serial\nA,staff,ios,X\nB,staff,ios,x\n", "line 3: the same serial number as line 2"),
        ("name,group,platform\n=1+1,staff,ios\n", "line 2: the name begins with"),
        ("name,group,platform\n$UDID,staff,ios\n", "line 2: The name holds a variable"),
        ("name,group,platform,supervised\nA,staff,ios,perhaps\n", "line 2: supervised is yes or no"),
        ("name,group,platform\nA,staff,ios,x,y\n", "line 2: 5 columns, but 3 headings"),
        (b"PK\x03\x04", "spreadsheet's own file"),
        (b"name,group,platform\nA,staff,ios\x00\n", "not a text file"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text, said):
    with pytest.raises(ImportRefused, match=said):
        read(text)


def test_a_table_of_too_many_is_refused(monkeypatch):
    monkeypatch.setattr(phone_fleet, "ROWS_MAX", 1)
    with pytest.raises(ImportRefused, match="line 3: more than 1 phones"):
        read(GOOD)


@pytest.mark.django_db
def test_all_are_added_or_none(device):
    with pytest.raises(ImportRefused, match="line 3: there is no group «nobody»"):
        phone_fleet.add(None, read(GOOD.replace("Pixel 2,staff", "Pixel 2,nobody")), NOW)
    assert not Phone.objects.exists()
    made = phone_fleet.add(None, read(GOOD), NOW)
    assert [(serial, one.name, one.platform) for serial, one in made] == [
        ("C02X", "iPhone 1", "ios"),
        ("", "Pixel 2", "android"),
    ]
    assert Phone.objects.count() == 2


@pytest.mark.django_db
def test_the_same_table_again_gives_new_ids_until_a_phone_asked(device):
    first = phone_fleet.add(None, read(GOOD), NOW)
    again = phone_fleet.add(None, read(GOOD), NOW)
    assert Phone.objects.count() == 2
    assert not {one.ident for _, one in first} & {one.ident for _, one in again}
    for _, one in again:
        assert phones.is_id_of(Phone.objects.get(device_id=one.device), one.ident)
    Phone.objects.filter(device__name="Pixel 2").update(last_asked=NOW)
    before = sorted(bytes(one.id_hash) for one in Phone.objects.all())
    with pytest.raises(ImportRefused, match="line 3: a phone of this name is there already"):
        phone_fleet.add(None, read(GOOD), NOW)
    assert sorted(bytes(one.id_hash) for one in Phone.objects.all()) == before


@pytest.mark.django_db
def test_a_phone_of_that_name_and_of_another_person_is_not_taken_over(device):
    phone_fleet.add(None, read(GOOD), NOW)
    with pytest.raises(ImportRefused, match="line 2: a phone of this name is there already"):
        phone_fleet.add(None, read(GOOD.replace("sam", "lee")), NOW)


@pytest.mark.django_db
def test_the_files_are_one_profile_with_its_table_and_a_folder_for_each(device):
    at = phone_place.place("Bright Path", "dns.example.org", ("192.0.2.1",))
    made = phone_fleet.add(None, read(GOOD.replace("Pixel 2", "../../Pixel/2")), NOW)
    found = {file.name: file.body for file in phone_fleet.files(at, made, "$EXTENSIONATTRIBUTE_12", 2)}
    (serial, ident), *_ = list(csv.reader(io.StringIO(found["fleet-of-iphones/fairwatch-fleet.csv"].decode())))[1:]
    assert (serial, ident) == ("C02X", made[0][1].ident)
    assert made[1][1].ident.encode() in found["each/0002-------Pixel-2/policy-android.json"]
    assert not [name for name in found if ".." in name or name.startswith("/")]
    assert made[0][1].ident.encode() not in found["fleet-of-iphones/fairwatch-fleet.mobileconfig"]
    without = phone_fleet.files(at, made, "", 2)
    assert not [one for one in without if one.name.startswith("fleet")]
    with pytest.raises(PhoneFileRefused):
        phone_fleet.files(at, made, "$SERIALNUMBER", 2)
