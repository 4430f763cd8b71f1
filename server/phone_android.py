"""Make the files by which Androids ask a gateway (Private DNS), and those that let a whole fleet go again.

Source: Android Management API, `policies.deviceConnectivityManagement.privateDnsSettings`: on fully managed devices
with Android 10 or newer. A specified host can't be changed by the person, so such a policy is locked by itself; tools
with an agent of their own lock by `DISALLOW_CONFIG_PRIVATE_DNS`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.translation import gettext

from server.errors import PhoneFileRefused
from server.phone_place import OnePhone, Place, tls_name

GATEWAYS_FOR_A_LOCK: Final = 2
"""A locked phone whose gateway is away has no names at all, and nobody can help it from afar: not even this policy."""


def policy(at: Place, phone: OnePhone, gateways_answering: int) -> bytes:
    """Return the policy that sets and locks this phone's host; raises PhoneFileRefused unless two gateways answer."""
    if gateways_answering < GATEWAYS_FOR_A_LOCK:
        raise PhoneFileRefused(
            gettext("A locked Android has no names at all while its gateway is away, so a policy that locks is made ")
            + gettext("only while two gateways answer. Set the host by hand until then.")
        )
    return _policy({"privateDnsMode": "PRIVATE_DNS_SPECIFIED_HOST", "privateDnsHost": tls_name(at, phone.ident)})


def unlock_policy() -> bytes:
    """Return the policy that gives every phone its names back by its network's own resolver; it holds no secret.

    It is to be had at any time: it is for the day on which no gateway answers.
    """
    return _policy({"privateDnsMode": "PRIVATE_DNS_AUTOMATIC"})


def own_agent_settings(at: Place, phone: OnePhone, gateways_answering: int) -> bytes:
    """Return the same for tools whose own agent is device owner, by the names of `DevicePolicyManager`.

    The lock is among them only while two gateways answer.
    """
    said: dict[str, Any] = {"setGlobalPrivateDnsModeSpecifiedHost": tls_name(at, phone.ident)}
    if gateways_answering >= GATEWAYS_FOR_A_LOCK:
        said["addUserRestriction"] = ["DISALLOW_CONFIG_PRIVATE_DNS"]
    return _json(said)


def _policy(settings: dict[str, str]) -> bytes:
    return _json({"deviceConnectivityManagement": {"privateDnsSettings": settings}})


def _json(said: object) -> bytes:
    return json.dumps(said, indent=2).encode() + b"\n"
