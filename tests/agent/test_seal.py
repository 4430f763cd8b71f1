"""A sealed alert: who can open it, what stands in clear, and what its evidence may say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agent.judge import CaseKey, Flag, SeenName
from agent.seal import seal
from protocol.errors import OpenError
from protocol.grouping import tags
from protocol.limits import ENVELOPE_MAX_RECIPIENTS, ENVELOPE_SIZES_BYTES, EVIDENCE_MAX_NAMES
from protocol.messages import Alert, decode, decode_header, encode
from protocol.publication import Recipient, RecipientList
from protocol.sealing import key_id, layout
from rules.model import Match

RECORD = UUID(int=5)
AT = datetime(2026, 3, 4, 12, 0, 7, 654321, tzinfo=UTC)
DOTTED = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")


def flag_of(name="www.bet365.com", person="sam", **more):
    fields = {
        "alert": UUID(int=4),
        "revision": 2,
        "key": CaseKey(UUID(int=1), person, "gambling", "host", "visited", False),
        "source": "browser_history",
        "count": 3,
        "seen": (SeenName(name, 3, AT, AT + timedelta(seconds=9)),),
        "matches": (Match("gambling", "bet365.com", ("gambling",)),),
        "policy_line": 'policy.toml line 31: gambling = "flag" for all groups',
        "started": AT,
        "ended": AT + timedelta(seconds=9),
        "window_ends": AT + timedelta(hours=1),
        "send_after": None,
    }
    return Flag(**(fields | more))


@pytest.fixture
def sealed(bundle, device):
    def make(flag=None, group="learners", rules=bundle):
        return seal(flag or flag_of(), rules, group, device, RECORD, 42)

    return make


def test_the_header_says_only_what_the_collector_may_know(sealed, office, device, bundle):
    header, _, _ = office.read(sealed(), device)
    assert json.loads(decode(sealed(), Alert).header) == {
        "version": 1,
        "record": str(RECORD),
        "counter": 42,
        "alert": str(UUID(int=4)),
        "revision": 2,
        "device": str(UUID(int=1)),
        "signer": str(device.device),
        "group": "learners",
        "urgent": False,
        "started": "2026-03-04T12:00:07Z",
        "ended": "2026-03-04T12:00:16Z",
        "sealed_to": [office.id_of(name) for name in ("lead", "deputy", "recovery")],
        "recipients_version": bundle.recipients_version,
        "policy_version": bundle.policy_version,
    }
    assert header.record == RECORD


def test_the_lead_reads_the_heading_and_the_evidence(sealed, office, device):
    _, heading, evidence = office.read(sealed(), device)
    assert (heading.category, heading.person, heading.count, heading.certainty) == ("gambling", "sam", 3, "visited")
    assert [(one.name, one.count) for one in evidence.seen] == [("www.bet365.com", 3)]
    assert (evidence.matched[0].entry, evidence.matched[0].lists) == ("bet365.com", ("gambling version 12",))
    assert (evidence.policy_version, evidence.source) == (7, "browser_history")
    assert "line 31" in evidence.policy_line


def test_no_part_of_a_record_shows_the_name_the_person_or_the_category(sealed):
    body = sealed(flag_of(person="Samantha"))
    alert = decode(body, Alert)
    for part in (body, alert.header, alert.heading, alert.evidence):
        for word in (b"bet365", b"amantha", b"gambling", b"line 31"):
            assert word not in part


def test_the_heading_names_no_site(sealed, office, device):
    _, heading, _ = office.read(sealed(), device)
    assert "bet365" not in str(heading)


def test_the_only_words_with_dots_in_the_evidence_are_hosts_and_entries(sealed, office, device):
    flag = flag_of(policy_line="policy/policy.toml line 3, version 1.0: x.y")
    _, _, evidence = office.read(sealed(flag), device)
    text = encode(evidence).decode()
    assert set(DOTTED.findall(text)) == {"www.bet365.com", "bet365.com"}


def test_a_case_about_the_lead_is_not_sealed_to_the_lead(sealed, office, device):
    body = sealed(flag_of(person="COLLEGE\\Leonie"))
    header = decode_header(decode(body, Alert).header)
    assert office.id_of("lead") not in header.sealed_to
    assert header.sealed_to == (office.id_of("deputy"), office.id_of("recovery"))
    with pytest.raises(OpenError):
        office.read(body, device, "lead")
    assert office.read(body, device, "deputy")[1].count == 3


def test_a_lead_of_another_group_cannot_open_it_and_one_of_the_group_can(sealed, office, device):
    with pytest.raises(OpenError):
        office.read(sealed(), device, "partner_lead")
    assert office.read(sealed(group="partners"), device, "partner_lead")[2].count == 3


def test_where_nobody_else_may_open_it_it_is_sealed_to_the_recovery_key(sealed, office, device, bundle):
    alone = replace(bundle, recipients=office.listed("deputy", "partner_lead"))
    body = sealed(flag_of(person="leonie"), rules=alone)
    assert decode_header(decode(body, Alert).header).sealed_to == (office.id_of("recovery"),)
    assert office.read(body, device, "recovery")[2].count == 3


def test_both_envelopes_are_for_those_that_the_header_names(sealed):
    alert = decode(sealed(), Alert)
    for envelope in (alert.heading, alert.evidence):
        assert layout(envelope).key_ids == decode_header(alert.header).sealed_to


def test_the_recovery_key_is_the_last_to_go_where_there_are_too_many(sealed, office, bundle):
    many = tuple(Recipient(key_id(public), public, "lead", "L") for public in (bytes([n]) * 64 for n in range(1, 40)))
    crowded = replace(bundle, recipients=RecipientList(3, False, (*many, office.listed().recipients[-1])))
    header = decode_header(decode(sealed(rules=crowded), Alert).header)
    assert len(header.sealed_to) == ENVELOPE_MAX_RECIPIENTS
    assert office.id_of("recovery") in header.sealed_to


def test_the_longest_names_still_fit_an_envelope_and_the_count_stays_whole(sealed, office, device):
    names = tuple(SeenName("\u00e9" * 250 + f"{n:03}", 1, AT, AT) for n in range(EVIDENCE_MAX_NAMES))
    matches = tuple(Match("gambling", one.name, ("a" * 90, "b" * 90)) for one in names)
    flag = flag_of(person="\u0001" * 300, seen=names, matches=matches, count=900, policy_line="w" * 900)
    body = sealed(flag)
    assert layout(decode(body, Alert).evidence).padded_bytes == ENVELOPE_SIZES_BYTES[-1]
    _, heading, evidence = office.read(body, device)
    assert 1 <= len(evidence.seen) < EVIDENCE_MAX_NAMES
    assert evidence.count == heading.count == 900


def test_a_few_names_and_many_look_alike_in_size(sealed):
    few = sealed()
    more = sealed(flag_of(seen=tuple(SeenName(f"a{n}.example", 1, AT, AT) for n in range(20))))
    assert len(few) == len(more)


def test_a_device_with_the_grouping_key_tags_the_heading_by_entry_and_list_whatever_the_lists_version(
    bundle, device, office
):
    key = bytes(range(32))
    matches = (Match("gambling", "bet365.com", ("gambling", "ut1")), Match("malware", "bet365.com", ("phish",)))

    def heading(rules, grouping_key=key):
        body = seal(flag_of(matches=matches), rules, "learners", device, RECORD, 42, grouping_key=grouping_key)
        return office.read(body, device)[1]

    tagged = heading(bundle)
    assert tagged.entries == tags(key, "entry", ["bet365.com"])
    assert tagged.lists == tags(key, "list", ["ut1", "gambling"])
    assert heading(replace(bundle, packs={"gambling": 13})).lists == tagged.lists
    assert (heading(bundle, None).entries, heading(bundle, None).lists) == ((), ())
