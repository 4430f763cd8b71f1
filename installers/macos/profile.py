"""Writes the configuration profile by which a fleet tool gives the agent what a person would be asked for.

`python -m installers.macos.profile --team-id TEAM --organisation NAME [--sign-key K --sign-certificate C]`. It allows
Full Disk Access to our one signed program (browsers' histories lie where nothing else reaches), and keeps the service
and the session part from being switched off in System Settings. It asks for no Automation, Accessibility or Screen
Recording: nothing of ours needs them.

Source: developer.apple.com, "PrivacyPreferencesPolicyControl" and "ServiceManagementManagedLoginItems".
"""

from __future__ import annotations

import argparse
import plistlib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from installers.linux.closure import TOP
from server.certificates import sign_profile

PROGRAM: Final = "/Library/Fairwatch/fairwatch-agent"
IDENTIFIER: Final = "org.fairwatch.agent"
LABELS: Final = "org.fairwatch."
_is_team_id = re.compile(r"[A-Z0-9]{10}").fullmatch


def main(words: Sequence[str] | None = None) -> int:
    """Write the profile and say where; returns 0, or 2 with one line where what was given can't be used."""
    parser = argparse.ArgumentParser(prog="installers.macos.profile", description="Write the profile for managed Macs.")
    parser.add_argument("--team-id", required=True, help="the ten letters of the Apple developer team that signs")
    parser.add_argument("--organisation", default="Your organisation", help="who sends the profile")
    parser.add_argument("--into", type=Path, default=TOP / "dist/macos/fairwatch.mobileconfig", help="where to put it")
    parser.add_argument("--sign-key", type=Path, help="sign with this key (PEM); most fleet tools sign by themselves")
    parser.add_argument("--sign-certificate", type=Path, help="its certificate, and those above it (PEM)")
    asked = parser.parse_args(words)
    if (asked.sign_key is None) != (asked.sign_certificate is None):
        parser.error("--sign-key and --sign-certificate go together")
    try:
        body = profile(asked.team_id, asked.organisation)
        if asked.sign_key is not None:
            body = sign_profile(body, asked.sign_key, asked.sign_certificate)
        asked.into.parent.mkdir(parents=True, exist_ok=True)
        asked.into.write_bytes(body)
    except (OSError, ValueError) as fault:
        print(f"installers: the profile can't be made: {fault}", file=sys.stderr)
        return 2
    print(asked.into)
    return 0


def profile(team_id: str, organisation: str) -> bytes:
    """Return the profile (.mobileconfig, XML, unsigned); a later one replaces it. Raises ValueError for no team id."""
    if _is_team_id(team_id) is None:
        raise ValueError("a team id is ten capital letters and digits, as in the certificate's name")
    outer = _payload("Configuration", "profile", {"PayloadContent": [_access(team_id), _login_items(team_id)]})
    outer |= {
        "PayloadDisplayName": "Fairwatch: the agent",
        "PayloadDescription": (
            "Lets the Fairwatch agent read browsers' histories for host names, and keeps it running. The agent tells "
            "each person openly what it sees."
        ),
        "PayloadOrganization": organisation,
        "PayloadScope": "System",
        "PayloadRemovalDisallowed": True,
    }
    return plistlib.dumps(outer, sort_keys=False)


def requirement(team_id: str) -> str:
    """Return what holds of our program alone: its name, and Apple's word on who signed it (Developer ID)."""
    return (
        f'identifier "{IDENTIFIER}" and anchor apple generic'
        " and certificate 1[field.1.2.840.113635.100.6.2.6] exists"
        " and certificate leaf[field.1.2.840.113635.100.6.1.13] exists"
        f' and certificate leaf[subject.OU] = "{team_id}"'
    )


def _access(team_id: str) -> dict[str, Any]:
    allowed = {
        "Identifier": PROGRAM,
        "IdentifierType": "path",
        "CodeRequirement": requirement(team_id),
        "StaticCode": False,
        "Authorization": "Allow",
        "Comment": "Browsers' histories, for host names and times alone",
    }
    return _payload(
        "com.apple.TCC.configuration-profile-policy", "access", {"Services": {"SystemPolicyAllFiles": [allowed]}}
    )


def _login_items(team_id: str) -> dict[str, Any]:
    rule = {
        "RuleType": "LabelPrefix",
        "RuleValue": LABELS,
        "TeamIdentifier": team_id,
        "Comment": "The service, the enrolment, and each person's notice",
    }
    return _payload("com.apple.servicemanagement", "items", {"Rules": [rule]})


def _payload(kind: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    identifier = f"{IDENTIFIER}.{name}"
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(NAMESPACE_URL, identifier)).upper(),
        **values,
    }


if __name__ == "__main__":
    sys.exit(main())
