"""Make the files by which iPhones, iPads and Macs ask a gateway: profiles, the declaration for system 27, a fleet's.

Keys and their limits are those of Apple's own schema (github.com/apple/device-management), payload and declaration
`com.apple.dnsSettings.managed` and `com.apple.configuration.network.dns-settings`.
"""

from __future__ import annotations

import hashlib
import json
import plistlib
import re
from typing import Any, Final
from uuid import UUID, uuid5

from django.utils.translation import gettext

from server.errors import PhoneFileRefused
from server.phone_place import OnePhone, Place, https_address

PAYLOAD_TYPE: Final = "com.apple.dnsSettings.managed"
DECLARATION_TYPE: Final = "com.apple.configuration.network.dns-settings"

_PREFIX = "org.fairwatch.phone"
_FLEET = UUID(
    "5d1f2c8e-6a3b-4a53-9a50-5b0a5d6f2e91"
)  # the namespace of fleets' files, so that a new one replaces the old
_is_fleet_variable = re.compile(r"\$EXTENSIONATTRIBUTE_[1-9][0-9]{0,5}").fullmatch


def profile(at: Place, phone: OnePhone) -> bytes:
    """Return the profile (.mobileconfig, XML, unsigned) of one phone or Mac; the next one for it replaces this one."""
    identifier = f"{_PREFIX}.{phone.device}"
    return _profile(at, https_address(at, phone.ident), identifier, phone.device, phone.supervised)


def fleet_profile(at: Place, variable: str, supervised: bool) -> bytes:
    """Return one profile for all phones of a fleet tool, which puts each phone's id where `variable` stands.

    The variable is one that IT filled with the ids that were drawn here. A serial number, a UDID or a name in its place
    would let anybody who reads the back of a phone speak for it, so no other variable is taken. Unsigned, because a
    tool can't fill in what is signed; it signs the result itself.
    """
    if _is_fleet_variable(variable) is None:
        raise PhoneFileRefused(
            gettext(
                "The variable is $EXTENSIONATTRIBUTE_ and the attribute’s number. Others, such as a serial number, "
            )
            + gettext("can be read off a phone, and whoever reads one could speak for it.")
        )
    fleet = uuid5(_FLEET, at.host)
    return _profile(at, https_address(at, variable), f"{_PREFIX}.fleet.{fleet}", fleet, supervised)


def declaration(at: Place, phone: OnePhone) -> bytes:
    """Return the declaration for iOS, iPadOS and macOS 27 as JSON.

    On supervised devices it covers every network, mobile data too, which a fleet tool's profile doesn't; on others
    managed networks alone.
    """
    payload = {"VisibleName": _shown(at), **_settings(at, https_address(at, phone.ident), phone.supervised)}
    token = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    said = {
        "Type": DECLARATION_TYPE,
        "Identifier": f"{_PREFIX}.{phone.device}",
        "ServerToken": str(uuid5(phone.device, token)),
        "Payload": payload,
    }
    return json.dumps(said, indent=2, ensure_ascii=False).encode() + b"\n"


def _profile(at: Place, url: str, identifier: str, namespace: UUID, supervised: bool) -> bytes:
    settings = _settings(at, url, supervised)
    version = hashlib.sha256(json.dumps([settings, at.organisation], sort_keys=True).encode()).hexdigest()
    inner = {
        "PayloadType": PAYLOAD_TYPE,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.dns",
        "PayloadUUID": str(uuid5(namespace, f"dns {version}")).upper(),
        "PayloadDisplayName": _shown(at),
        **settings,
    }
    outer = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(namespace, f"profile {version}")).upper(),
        "PayloadDisplayName": _shown(at),
        "PayloadOrganization": at.organisation,
        "PayloadDescription": (
            f"The names that this device looks up go to a resolver of {at.organisation}, which watches for names that "
            "the published rules list. It sees no page, search, message or picture."
        ),
        "PayloadScope": "System",
        "PayloadContent": [inner],
    }
    return plistlib.dumps(outer, fmt=plistlib.FMT_XML, sort_keys=False)


def _settings(at: Place, url: str, supervised: bool) -> dict[str, Any]:
    """What profile and declaration have in common, under the same names in both."""
    dns: dict[str, Any] = {"DNSProtocol": "HTTPS", "ServerURL": url, "AllowFailover": at.failover}
    if at.addresses:
        dns["ServerAddresses"] = list(at.addresses)
    found: dict[str, Any] = {"DNSSettings": dns}
    if at.trusted:
        found["OnDemandRules"] = [*(_aside(one.ssid, one.probe) for one in at.trusted), {"Action": "Connect"}]
    if supervised:  # the system refuses it elsewhere
        found["ProhibitDisablement"] = True
    return found


def _aside(ssid: str, probe: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"Action": "Disconnect", "InterfaceTypeMatch": "WiFi", "SSIDMatch": [ssid]}
    if probe:
        rule["URLStringProbe"] = probe
    return rule


def _shown(at: Place) -> str:
    return f"{at.organisation}: names"
