"""The key of tags: every device that is in use is given the same one, and nobody else any."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from django.test import Client

from protocol.errors import Refused
from protocol.messages import GroupingAnswer, GroupingQuestion, decode
from server import device_life, grouping

QUESTION = GroupingQuestion(1)


def test_a_device_is_given_the_key_that_was_made_with_the_organisation(device, organisation):
    answered = decode(device.post("/v1/grouping", QUESTION).body, GroupingAnswer)
    assert answered.key == grouping.key() == bytes(organisation.grouping_key)
    assert len(set(answered.key)) > 1


def test_a_withdrawn_device_a_wrong_signature_and_another_version_are_refused(device, people):
    assert device.post("/v1/grouping", GroupingQuestion(2)).code == "version_too_new"
    device_life.retire(people.it, device.id, datetime.now(UTC), at_once=True)
    assert device.post("/v1/grouping", QUESTION).code == "revoked_device"


def test_no_page_or_data_of_a_lead_has_the_key(people, case, organisation):
    client = Client()
    client.force_login(people.lead)
    key = bytes(organisation.grouping_key)
    addresses = ["", "data/headings", f"data/incidents/{case}/heading", "data/people/", "data/changes?since=0"]
    for address in addresses:
        answer = client.get(f"/desk/{address}")
        assert answer.status_code == 200
        for form in (key, key.hex().encode(), b64encode(key)):
            assert form not in answer.content


def test_before_there_is_an_organisation_a_device_is_told_to_come_again(database):
    with pytest.raises(Refused) as refused:
        grouping.answer(QUESTION)
    assert refused.value.code.retry
