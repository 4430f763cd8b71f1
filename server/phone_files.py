"""The files for one phone or a whole fleet, with a page of steps beside them: what IT is handed, each with its name.

Pure: nothing is stored, and nothing is read but what is passed in. A file for one phone holds its id, which is its
secret: it is made for the moment at which the id is shown, and is not kept.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server import phone_android, phone_apple, phone_computers, phone_steps
from server.phone_place import OnePhone, Place

PROFILE_TYPE: Final = "application/x-apple-aspen-config"
JSON_TYPE: Final = "application/json"
TEXT_TYPE: Final = "text/plain; charset=utf-8"

Signer = Callable[[bytes], bytes]
"""Signs a profile: `certificates.sign_profile` with the collector's key."""


@dataclass(frozen=True)
class PhoneFile:
    """A file to be downloaded: its name, its media type, what is in it, and a sentence that says what it is for."""

    name: str
    media_type: str
    body: bytes
    purpose: str


def files_for(at: Place, phone: OnePhone, gateways_answering: int, sign: Signer | None = None) -> tuple[PhoneFile, ...]:
    """Return every file of use for this phone or computer, the first being the one to take where one is enough.

    `gateways_answering` is how many gateways answer now: a policy that locks an Android is made only from two on.
    """
    match phone.platform:
        case "android":
            made = _android(at, phone, gateways_answering)
        case "windows":
            made = _windows(at, phone)
        case "chromeos":
            made = (_browser(at, phone),)
        case _:
            made = _apple(at, phone, sign)
    return (*made, _text("README.txt", phone_steps.steps(at, phone, gateways_answering), "The steps, in order."))


def fleet_files(at: Place, variable: str, supervised: bool) -> tuple[PhoneFile, ...]:
    """Return the one profile for all iPhones and iPads of a fleet tool, and its steps."""
    body = phone_apple.fleet_profile(at, variable, supervised)
    return (
        PhoneFile("fairwatch-fleet.mobileconfig", PROFILE_TYPE, body, "One profile for all; the tool signs it."),
        _text("README.txt", phone_steps.fleet_steps(at, variable), "The steps, in order."),
    )


def fleet_list(phones: Sequence[tuple[str, OnePhone]], column: str) -> PhoneFile:
    """Return the table that puts each phone's id into the fleet tool: serial number and id, one phone a line.

    It holds every id, so it is handed out once, at the import, and is to be deleted after it was read in.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["Mobile Device Serial", column])
    for serial, phone in phones:
        # A spreadsheet would run a text that begins so; no serial number does.
        writer.writerow([f"'{serial}" if serial[:1] in ("=", "+", "-", "@", "\t", "\r") else serial, phone.ident])
    return PhoneFile("fairwatch-fleet.csv", "text/csv; charset=utf-8", out.getvalue().encode(), "Delete it after use.")


def unlock_files() -> tuple[PhoneFile, ...]:
    """Return what lets a whole fleet go again, for the day on which no gateway answers; nothing in it is secret."""
    return (
        _json("unlock-android.json", phone_android.unlock_policy(), "Gives locked Androids their names back."),
        _text("README.txt", phone_steps.unlock_steps(), "The steps, in order."),
    )


def _apple(at: Place, phone: OnePhone, sign: Signer | None) -> tuple[PhoneFile, ...]:
    body = phone_apple.profile(at, phone)
    unsigned = PhoneFile(
        "fairwatch-unsigned.mobileconfig", PROFILE_TYPE, body, "The same, for fleet tools that sign it themselves."
    )
    later = _json("fairwatch-declaration.json", phone_apple.declaration(at, phone), "For system 27 or newer.")
    if sign is None:
        return unsigned, later
    signed = PhoneFile("fairwatch.mobileconfig", PROFILE_TYPE, sign(body), "Open it on the phone, or hand it out.")
    return signed, unsigned, later


def _android(at: Place, phone: OnePhone, gateways_answering: int) -> tuple[PhoneFile, ...]:
    own = _json(
        "own-agent.json",
        phone_android.own_agent_settings(at, phone, gateways_answering),
        "For fleet tools with an agent of their own on the phone.",
    )
    unlock = _json("unlock-android.json", phone_android.unlock_policy(), "Lets the phone go again; keep it at hand.")
    if gateways_answering < phone_android.GATEWAYS_FOR_A_LOCK:
        return own, unlock
    locked = phone_android.policy(at, phone, gateways_answering)
    return _json("policy-android.json", locked, "Sets the host and locks it."), own, unlock


def _windows(at: Place, phone: OnePhone) -> tuple[PhoneFile, ...]:
    browsers = PhoneFile(
        "browsers.reg", TEXT_TYPE, phone_computers.browser_registry(at, phone), "Chrome and Edge alone."
    )
    by_itself = (
        browsers,
        _browser(at, phone),
        _json(
            "policies.json", phone_computers.firefox_policy(at, phone), "Firefox alone: into its folder distribution."
        ),
    )
    if not at.addresses:  # by which Windows asks; the browsers don't need them
        return by_itself
    return (
        _text("set.ps1", phone_computers.windows_script(at, phone), "The whole of Windows 11: run as administrator."),
        _text("set.cmd", phone_computers.windows_netsh(at, phone), "The same by netsh; adapters are set by hand."),
        _text("undo.ps1", phone_computers.windows_undo_script(at), "Undoes it."),
        _text("require.reg", phone_computers.windows_registry(), "Windows then asks encrypted resolvers alone."),
        *by_itself,
    )


def _browser(at: Place, phone: OnePhone) -> PhoneFile:
    return _json("browser-policy.json", phone_computers.browser_policy(at, phone), "Chrome, Edge and ChromeOS.")


def _json(name: str, body: bytes, purpose: str) -> PhoneFile:
    return PhoneFile(name, JSON_TYPE, body, purpose)


def _text(name: str, body: bytes, purpose: str) -> PhoneFile:
    return PhoneFile(name, TEXT_TYPE, body, purpose)
