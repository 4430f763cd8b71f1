"""What IT's tools tell browsers: install the extension, and let it ask the agent. One function a platform's form.

Sources: chromeenterprise.google/policies, learn.microsoft.com (Edge policies and native messaging),
mozilla.github.io/policy-templates, MDN "Native manifests". Brave takes Chromium's policies under its own names.
"""

from __future__ import annotations

import json
import plistlib
from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

AGENT: Final = "org.fairwatch.agent"
"""The name under which the extension asks for the agent (`agent/extension/web/background.js`)."""

PrivateWindows = Literal["as_is", "closed", "watched"]

LINUX_POLICIES: Final = {
    "Chrome": "etc/opt/chrome/policies/managed",
    "Chromium": "etc/chromium/policies/managed",
    "Edge": "etc/opt/edge/policies/managed",
    "Brave": "etc/brave/policies/managed",
}
LINUX_HOSTS: Final = {
    "Chrome": "etc/opt/chrome/native-messaging-hosts",
    "Chromium": "etc/chromium/native-messaging-hosts",
    "Edge": "etc/opt/edge/native-messaging-hosts",
    "Brave": "etc/brave/native-messaging-hosts",
    "Firefox": "usr/lib/mozilla/native-messaging-hosts",
    "Firefox of Red Hat": "usr/lib64/mozilla/native-messaging-hosts",
}
MACOS_HOSTS: Final = {
    "Chrome": "Library/Google/Chrome/NativeMessagingHosts",
    "Chromium": "Library/Application Support/Chromium/NativeMessagingHosts",
    "Edge": "Library/Microsoft/Edge/NativeMessagingHosts",
    "Brave": "Library/Application Support/BraveSoftware/Brave-Browser/NativeMessagingHosts",
    "Firefox": "Library/Application Support/Mozilla/NativeMessagingHosts",
}
MACOS_PAYLOADS: Final = {
    "Chrome": "com.google.Chrome",
    "Chromium": "org.chromium.Chromium",
    "Edge": "com.microsoft.Edge",
    "Brave": "com.brave.Browser",
}
WINDOWS_POLICIES: Final = {
    "Chrome": r"SOFTWARE\Policies\Google\Chrome",
    "Chromium": r"SOFTWARE\Policies\Chromium",
    "Edge": r"SOFTWARE\Policies\Microsoft\Edge",
    "Brave": r"SOFTWARE\Policies\BraveSoftware\Brave",
}
WINDOWS_HOSTS: Final = {
    "Chrome": r"SOFTWARE\Google\Chrome\NativeMessagingHosts",
    "Chromium": r"SOFTWARE\Chromium\NativeMessagingHosts",
    "Edge": r"SOFTWARE\Microsoft\Edge\NativeMessagingHosts",
    "Brave": r"SOFTWARE\BraveSoftware\Brave-Browser\NativeMessagingHosts",
    "Firefox": r"SOFTWARE\Mozilla\NativeMessagingHosts",
}
WINDOWS_FIREFOX: Final = r"SOFTWARE\Policies\Mozilla\Firefox"


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """The packed extension: its ids, and where browsers fetch it.

    `update_url` is of `updates.xml`, `xpi_url` of the file for Firefox. `signed` says that Mozilla signed that; only
    Firefox ESR, Developer Edition and Nightly install one that is not.
    """

    chromium_id: str
    firefox_id: str
    version: str
    update_url: str
    crx_url: str
    xpi_url: str
    private_windows: PrivateWindows = "as_is"
    signed: bool = False


def updates(extension: Extension) -> str:
    """`updates.xml`, in which Chromium's relatives look for the newest version."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gupdate xmlns="http://www.google.com/update2/response" protocol="2.0">\n'
        f'  <app appid="{extension.chromium_id}">\n'
        f'    <updatecheck codebase="{extension.crx_url}" version="{extension.version}"/>\n'
        "  </app>\n</gupdate>\n"
    )


def host(extension: Extension, program: str, *, firefox: bool) -> str:
    """The manifest that lets the extension, and no other, start `program` (an absolute path)."""
    said: dict[str, Any] = {
        "name": AGENT,
        "description": "The Fairwatch agent on this device",
        "path": program,
        "type": "stdio",
    }
    if firefox:
        said["allowed_extensions"] = [extension.firefox_id]
    else:
        said["allowed_origins"] = [f"chrome-extension://{extension.chromium_id}/"]
    return _json(said)


def chromium(extension: Extension, *, edge: bool = False) -> dict[str, Any]:
    """The policies of Chrome, Chromium, Edge and Brave, by their names."""
    said: dict[str, Any] = {
        "ExtensionInstallForcelist": [f"{extension.chromium_id};{extension.update_url}"],
        "NativeMessagingAllowlist": [AGENT],
    }
    if extension.private_windows != "as_is":
        said["BrowserGuestModeEnabled"] = False  # A guest's window has neither extensions nor a history.
    if extension.private_windows == "closed":
        said["InPrivateModeAvailability" if edge else "IncognitoModeAvailability"] = 1
    elif extension.private_windows == "watched":
        # No policy may give an extension private windows: the person is asked to, and goes private only then.
        name = "MandatoryExtensionsForInPrivateNavigation" if edge else "MandatoryExtensionsForIncognitoNavigation"
        said[name] = [extension.chromium_id]
    return said


def firefox(extension: Extension) -> dict[str, Any]:
    """The policies of Firefox, by their names."""
    said: dict[str, Any] = {
        "ExtensionSettings": {
            extension.firefox_id: {
                "installation_mode": "force_installed",
                "install_url": extension.xpi_url,
                "private_browsing": extension.private_windows == "watched",
            }
        }
    }
    if extension.private_windows == "closed":
        said["DisablePrivateBrowsing"] = True
    if not extension.signed:
        said["Preferences"] = {"xpinstall.signatures.required": {"Value": False, "Status": "locked"}}
    return said


def linux(extension: Extension, program: str) -> dict[str, str]:
    """Every file for Linux, by its path under the root."""
    found = {
        f"{folder}/fairwatch.json": _json(chromium(extension, edge=name == "Edge"))
        for name, folder in LINUX_POLICIES.items()
    }
    found["etc/firefox/policies/policies.json"] = _json({"policies": firefox(extension)})
    return found | _hosts(LINUX_HOSTS, extension, program)


def windows(extension: Extension, folder: str) -> str:
    """A `.reg` file; `folder` is where the two host manifests lie (`host-chromium.json`, `host-firefox.json`)."""
    keys: dict[str, dict[str, Any]] = {}
    for name, place in WINDOWS_POLICIES.items():
        for policy, value in chromium(extension, edge=name == "Edge").items():
            if isinstance(value, list):
                keys[rf"{place}\{policy}"] = {str(number): one for number, one in enumerate(value, 1)}
            else:
                keys.setdefault(place, {})[policy] = value
    for policy, value in firefox(extension).items():
        keys.setdefault(WINDOWS_FIREFOX, {})[policy] = json.dumps(value) if isinstance(value, dict) else int(value)
    for name, place in WINDOWS_HOSTS.items():
        family = "firefox" if name == "Firefox" else "chromium"
        keys[rf"{place}\{AGENT}"] = {"": rf"{folder}\host-{family}.json"}
    lines = ["Windows Registry Editor Version 5.00"]
    for key, values in keys.items():
        lines += ["", rf"[HKEY_LOCAL_MACHINE\{key}]", *(_value(name, value) for name, value in values.items())]
    return "\r\n".join([*lines, ""])


def macos(extension: Extension, organisation: str) -> bytes:
    """A configuration profile with the policies of every browser, to be signed and sent out by the fleet's tool."""
    payloads = [_payload(kind, chromium(extension, edge=name == "Edge")) for name, kind in MACOS_PAYLOADS.items()]
    payloads.append(_payload("org.mozilla.firefox", {"EnterprisePoliciesEnabled": True, **firefox(extension)}))
    profile = _payload("Configuration", {}) | {
        "PayloadContent": payloads,
        "PayloadDisplayName": "Fairwatch: browser extension",
        "PayloadDescription": "Installs the extension that tells the Fairwatch agent which host names are visited.",
        "PayloadOrganization": organisation,
        "PayloadScope": "System",
        "PayloadRemovalDisallowed": True,
    }
    return plistlib.dumps(profile)


def macos_hosts(extension: Extension, program: str) -> dict[str, str]:
    """The host manifests for macOS, by their path under the root."""
    return _hosts(MACOS_HOSTS, extension, program)


def _hosts(places: Mapping[str, str], extension: Extension, program: str) -> dict[str, str]:
    return {
        f"{folder}/{AGENT}.json": host(extension, program, firefox=name.startswith("Firefox"))
        for name, folder in places.items()
    }


def _payload(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    identifier = f"org.fairwatch.extension.{kind}"
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(NAMESPACE_URL, identifier)).upper(),
        **values,
    }


def _value(name: str, value: Any) -> str:
    shown = f'"{_quoted(name)}"' if name else "@"
    if isinstance(value, int):
        return f"{shown}=dword:{value:08x}"
    return f'{shown}="{_quoted(value)}"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, indent=2) + "\n"
