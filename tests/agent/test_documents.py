"""Acknowledgements are each person's own, signed, kept together with their record, and asked for weekly until done."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from agent.documents import Documents
from protocol.errors import Refused
from protocol.messages import decode_acknowledgement, decode_body
from protocol.signing import verify_acknowledgement
from rules.policy import Policy

POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
[groups.staff]
name = "Staff"
[groups.learners]
name = "Learners"
accounts = ["l-*"]
[[documents]]
id = "code"
title = "Code of conduct"
version = "3"
date = 2026-01-15
where = "https://example.org/code"
[[documents]]
id = "handbook"
title = "Staff handbook"
version = "1"
date = 2026-02-01
text = "Be kind."
groups = ["staff"]
"""


@pytest.fixture
def signed(bundle):
    def of(text=POLICY):
        return replace(bundle, policy=Policy.parse(text, "policy.toml"))

    return of


@pytest.fixture
def spool(open_spool):
    return open_spool()


@pytest.fixture
def documents(spool, device, clock):
    return Documents(spool, device, "staff", clock)


def ids(documents, person, bundle):
    return [one.id for one in documents.to_read(person, bundle)]


def waiting(spool):
    return spool.peek(1_000_000, 50)


def test_each_is_asked_for_what_is_for_their_group(documents, signed):
    assert ids(documents, "sam", signed()) == ["code", "handbook"]
    assert ids(documents, "l-anna", signed()) == ["code"]


def test_an_acknowledgement_is_one_signed_record_of_what_was_shown(documents, signed, spool, device, clock):
    bundle = signed()
    code = documents.to_read("sam", bundle)[0]
    documents.acknowledge("sam", bundle, "code", code.shown)
    documents.acknowledge("sam", bundle, "code", code.shown)
    (parcel,) = waiting(spool)
    given = decode_body(parcel)
    public = device.key.public_key().public_bytes_raw()
    verify_acknowledgement(public, given.signature, given.statement)
    said = decode_acknowledgement(given.statement)
    assert (said.record, said.counter, said.device, said.signer) == (
        parcel.record,
        parcel.counter,
        *(device.device,) * 2,
    )
    assert (said.person, said.document, said.document_version, said.at) == ("sam", "code", "3", clock())
    assert (said.shown, said.policy_version) == (bundle.policy.documents[0].fingerprint, 7)
    with pytest.raises(Refused):
        verify_acknowledgement(public, given.signature, given.statement.replace(b'"sam"', b'"ben"'))
    assert ids(documents, "sam", bundle) == ["handbook"]
    assert ids(documents, "ben", bundle) == ["code", "handbook"]


@pytest.mark.parametrize(("document", "shown"), [("code", "0" * 64), ("handbook", None), ("unheard_of", None)])
def test_what_is_not_asked_of_a_person_or_in_other_words_is_passed_over(documents, signed, spool, document, shown):
    bundle = signed()
    code = documents.to_read("l-anna", bundle)[0]
    documents.acknowledge("l-anna", bundle, document, shown or code.shown)
    assert waiting(spool) == []
    assert ids(documents, "l-anna", bundle) == ["code"]


def test_it_is_asked_for_again_a_week_after_it_was_shown(documents, signed, clock):
    bundle = signed()
    code, handbook = documents.to_read("sam", bundle)
    assert code.ask_at < clock()
    documents.shown("sam", bundle, "code", code.shown)
    later, untouched = documents.to_read("sam", bundle)
    assert (later.ask_at - clock()).days == 7
    assert untouched == handbook


def test_a_new_version_is_asked_for_and_the_old_one_stays_told(documents, signed, clock):
    bundle = signed()
    documents.acknowledge("sam", bundle, "code", documents.to_read("sam", bundle)[0].shown)
    clock.forward(days=30)
    newer = signed(POLICY.replace('version = "3"', 'version = "4"'))
    assert ids(documents, "sam", newer) == ["code", "handbook"]
    documents.acknowledge("sam", newer, "code", documents.to_read("sam", newer)[0].shown)
    told = msgspec.to_builtins(documents.told("sam", newer))
    assert [(one["title"], one["version"]) for one in told["acknowledged"]] == [
        ("Code of conduct", "4"),
        ("Code of conduct", "3"),
    ]
    assert [one["id"] for one in told["waiting"]] == ["handbook"]
    assert documents.told("ben", None) == {"acknowledged": [], "waiting": ()}


def test_it_is_remembered_and_sent_over_a_restart(documents, signed, open_spool, device, clock):
    bundle = signed()
    documents.acknowledge("sam", bundle, "code", documents.to_read("sam", bundle)[0].shown)
    again = open_spool()
    assert [parcel.kind for parcel in waiting(again)] == ["acknowledgement"]
    assert ids(Documents(again, device, "staff", clock), "sam", bundle) == ["handbook"]


def test_where_the_record_can_not_be_kept_nothing_counts_as_acknowledged(signed, device, clock, spool):
    class Full:
        """A spool without room for a record."""

        transaction, load, save = spool.transaction, spool.load, spool.save

        def put(self, kind, make):
            return None

    documents = Documents(Full(), device, "staff", clock)
    documents.acknowledge("sam", signed(), "code", documents.to_read("sam", signed())[0].shown)
    assert ids(documents, "sam", signed()) == ["code", "handbook"]


def test_an_acknowledgement_that_is_lost_is_asked_for_again_and_the_new_one_counts(documents, signed, spool, clock):
    bundle = signed()
    documents.acknowledge("sam", bundle, "code", documents.to_read("sam", bundle)[0].shown)
    (parcel,) = waiting(spool)
    spool.quarantine(parcel.record, "bad_record")
    assert [one["id"] for one in documents.told("sam", bundle)["acknowledged"]] == []
    assert ids(documents, "sam", bundle) == ["code", "handbook"]
    # The loss itself says nothing of totals or alerts.
    assert waiting(spool) == []
    clock.forward(seconds=2)
    documents.acknowledge("sam", bundle, "code", documents.to_read("sam", bundle)[0].shown)
    assert [parcel.kind for parcel in waiting(spool)] == ["acknowledgement"]
    assert ids(documents, "sam", bundle) == ["handbook"]
