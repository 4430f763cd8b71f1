"""Android's policies: a lock is handed out only while two gateways answer, and what unlocks holds no secret."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from server.errors import PhoneFileRefused
from server.phone_android import own_agent_settings, policy, unlock_policy
from server.phone_place import one_phone, place

IDENT = "abcdefghijklmnopqrstuvwx23"
AT = place("Bright Path", "dns.example.org")
PHONE = one_phone(UUID(int=7), "Phone 7", "android", IDENT)


def test_the_policy_sets_the_phones_own_host():
    assert json.loads(policy(AT, PHONE, 2)) == {
        "deviceConnectivityManagement": {
            "privateDnsSettings": {
                "privateDnsMode": "PRIVATE_DNS_SPECIFIED_HOST",
                "privateDnsHost": f"{IDENT}.dns.example.org",
            }
        }
    }


@pytest.mark.parametrize("answering", [0, 1])
def test_a_lock_is_refused_while_fewer_than_two_gateways_answer(answering):
    with pytest.raises(PhoneFileRefused, match="two gateways"):
        policy(AT, PHONE, answering)
    assert "addUserRestriction" not in json.loads(own_agent_settings(AT, PHONE, answering))
    assert json.loads(own_agent_settings(AT, PHONE, 2))["addUserRestriction"] == ["DISALLOW_CONFIG_PRIVATE_DNS"]


def test_what_unlocks_names_no_host():
    settings = json.loads(unlock_policy())["deviceConnectivityManagement"]["privateDnsSettings"]
    assert settings == {"privateDnsMode": "PRIVATE_DNS_AUTOMATIC"}
