"""A list of people is read from what spreadsheets and Entra ID write, and anything else is refused with its line."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import people_file
from server.errors import ImportRefused
from server.people_file import read

LIST = (
    "Sign-in name,Real name,Group,Partner,Leaving date\r\n"
    "l-anna@example.org,Zoë Adams,learners,North College,31/07/2027\r\n"
    's-ben@example.org,"Brown, Ben",staff,,\r\n'
)
# The columns of a download from the admin centre, and of a PowerShell export.
ENTRA = (
    "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,accountEnabled,usageLocation\n"
    "l-anna@example.org,Zoë Adams,Adams,a@example.org,Zoë,0c1,Member,,learners,True,GB\n"
)
POWERSHELL = (
    '#TYPE Selected.System\n"UserPrincipalName","DisplayName","Department","CompanyName","EmployeeLeaveDateTime"\n'
    '"l-anna@example.org","Zoë Adams","learners","North College","2027-07-31T00:00:00Z"\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_each_encoding_and_separator_gives_the_same_people(encoding, separator):
    text = LIST.replace("Brown, Ben", "Ben Brown").replace(",", separator)
    anna, ben = read(text.encode(encoding)).entries
    assert (anna.account, anna.name, anna.group) == ("l-anna@example.org", "Zoë Adams", "learners")
    assert (anna.partner, anna.leaves_on) == ("North College", date(2027, 7, 31))
    assert (ben.name, ben.partner, ben.leaves_on, ben.line) == ("Ben Brown", "", None, 3)


def test_a_name_may_hold_the_separator_in_quotes_and_headings_stand_in_any_order_and_case():
    assert read(LIST.encode()).entries[1].name == "Brown, Ben"
    turned = "PARTNER;real NAME;Sign_in Name\nNorth;Anna Adams;anna\n"
    (anna,) = read(turned.encode()).entries
    assert (anna.account, anna.name, anna.partner) == ("anna", "Anna Adams", "North")
    (anna,) = read(f"sep=;\r\n{turned}".encode()).entries
    assert anna.line == 3


@pytest.mark.parametrize(("text", "partner"), [(ENTRA, ""), (POWERSHELL, "North College")])
def test_an_export_of_entra_id_works_as_it_is(text, partner):
    found = read(text.encode("utf-8-sig"))
    (anna,) = found.entries
    assert (anna.account, anna.name, anna.group) == ("l-anna@example.org", "Zoë Adams", "learners")
    assert anna.partner == partner
    assert ("surname" in found.ignored) == (text is ENTRA)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"PK\x03\x04rest", "save it as «CSV UTF-8»"),
        (b"a,b\n\x00\x01\x02\n", "line 2: this is not a text file"),
        (b"account,name\nx,\x81\n", "line 2: a character can't be read"),
        (b"person,name\nx,y\n", "line 1: no column is the sign-in name; .* found person, name"),
        (b"account\nx\n", "line 1: no column is the real name; expected «real name» or «displayName», found account"),
        (b"account,name,Name\nx,y,z\n", "line 1: two columns are called «name»"),
        (b'account,name\nx,"y\n', "line 2: the quotes don't fit"),
        (
            b"account,name\n,\n=1,y\n",
            "no line of the file can be used; the first problem: line 3: the sign-in",
        ),
        (b"x" * (people_file.FILE_MAX_BYTES + 1), "larger than 10 MB"),
        (b"account,name\n" + b"".join(b"a%d,b\n" % n for n in range(50_001)), "line 50002: more than 50,000 people"),
    ],
)
def test_what_is_no_list_of_people_is_refused_in_one_sentence_with_its_line(data, words):
    with pytest.raises(ImportRefused, match=words):
        read(data)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",Nobody", "the sign-in name is empty"),
        ("x,", "the real name is empty"),
        ("x,=cmd|' /C calc'!A0", "the real name begins with «=», so a spreadsheet would run it as a formula"),
        ("+x,y", "the sign-in name begins with «\\+»"),
        ("two words,y", "the sign-in name holds a space"),
        ('x,"one\ntwo"', "the real name holds a line break"),
        ("x," + "y" * 201, "the real name is longer than 200 characters"),
        ("L-ANNA,Another", "the same sign-in name as line 2"),
        ("x,y,z,31/02/2026", "the leaving date can't be read"),
        ("x,y,z,07/31/2026", "the leaving date can't be read"),
        ("x,y,z,,more", "5 columns, but 4 headings"),
    ],
)
def test_a_line_that_can_not_be_right_is_left_out_with_its_number_and_the_others_are_taken(line, words):
    found = read(f"account,name,group,leaves\nl-anna,Anna\n{line}\nl-zed,Zed\n".encode())
    assert {"l-anna", "l-zed"} <= {entry.account for entry in found.entries}
    (problem,) = found.problems
    assert problem.line == 3
    assert re.search(words, problem.problem)


def test_whom_a_left_out_line_names_is_doubted_unless_another_line_has_them():
    found = read(b"account,name\nanna,Anna\nANNA,Another\nben,=x\n")
    assert found.doubted == {"ben"}


@given(st.binary(max_size=300))
def test_no_bytes_at_all_lead_to_another_error(data):
    for given_data in (data, b"account,name\n" + data):
        with suppress(ImportRefused):
            read(given_data)
