"""The page of steps beside a phone's files: what goes where in Intune, Jamf and by hand, and what it can't do."""

from __future__ import annotations

from typing import Final

from server.phone_android import GATEWAYS_FOR_A_LOCK
from server.phone_place import OnePhone, Place, https_address, tls_name

_KEEP: Final = """\
Keep these files as you would a password: the id in them is what the phone is known by. Whoever has it could look names
up as this phone. Delete them once they are in place; a new id can be drawn at any time.
"""

_APPLE: Final = """\
BY HAND (any phone; covers Wi-Fi and mobile data)
1. Open the one-time link or fairwatch.mobileconfig on the device.
2. Settings, "Profile Downloaded", Install.
3. Check: Settings, General, VPN & Device Management, DNS shows the profile's name. It says "Not verified" unless the
   collector's certificate is from an authority; nothing else is different then.
The person can turn it off or remove it. The list of phones shows when a phone has gone quiet.

INTUNE (Microsoft)
1. Devices, Configuration, Create, {intune}, Templates, Custom.
2. Configuration profile file: fairwatch-unsigned.mobileconfig. Intune signs it.
3. Assign it to a group that holds this device alone, since the id is this device's.

JAMF PRO
1. {jamf}, Configuration Profiles, Upload: fairwatch-unsigned.mobileconfig.
2. Scope: this device alone. For many devices take the profile for the whole fleet instead.

SYSTEM 27 OR NEWER
A tool that hands out declarations takes fairwatch-declaration.json. On supervised devices it also covers mobile data.

WHAT IT CAN'T DO
- A profile that a fleet tool installed covers managed Wi-Fi only, not mobile data. One that was opened by hand, or the
  declaration on a supervised device, covers both.
- {turned_off}
- iCloud Private Relay, VPN apps and apps with a resolver of their own are not seen. A fleet tool can forbid the first
  two on supervised devices.
- {failover}
"""

_ANDROID_LOCKED: Final = """\
INTUNE OR ANY TOOL ON ANDROID MANAGEMENT API (fully managed, Android 10 or newer)
Put what policy-android.json says into the policy of this phone alone. Where the tool shows fields instead, the mode is
"specified host" and the host is
    {host}
The person can't change it. Keep a copy of the gateways' certificate and key in a second, safe place: a locked phone
without its gateway has no names at all, and is helped most surely by another machine that answers under the same name.
"""

_ANDROID_OPEN: Final = """\
FEWER THAN TWO GATEWAYS ANSWER, so there is no policy that locks: a locked phone has no names at all while its gateway
is away. Start a second gateway and take the files anew, or set the host by hand, where the person can change it.
"""

_ANDROID: Final = """\
BY HAND (Android 9 or newer)
1. Settings, Network & internet, Private DNS, "Private DNS provider hostname".
2. Enter
    {host}

TOOLS WITH AN AGENT OF THEIR OWN ON THE PHONE
own-agent.json has the same by the names of Android's DevicePolicyManager.

IN INTUNE
Look for "Private DNS" in the settings catalogue for corporate-owned Androids. Assign it to a group that holds this
phone alone, since the host is this phone's. Where your tenant doesn't offer it, set the host by hand.

WHAT IT CAN'T DO
- The host name travels in clear when the connection begins, so whoever watches the network could copy it and look
  names up as this phone. What comes this way is marked "identity unproven".
- Work profiles on personal phones can't be set this way; it is for fully managed phones.
- VPN apps and apps with a resolver of their own are not seen.
"""

_WINDOWS: Final = """\
THE WHOLE OF WINDOWS 11
1. Run set.ps1 as administrator (Intune: Devices, Scripts and remediations, run as system, this device alone).
2. require.reg then makes Windows ask encrypted resolvers alone. undo.ps1 undoes the first step.
Without the gateways' addresses these files are missing: Windows asks a resolver by its address. Enter them first.

BROWSERS ALONE
Chrome and Edge: import browsers.reg. Firefox: policies.json into the folder "distribution" beside firefox.exe.

WHAT IT CAN'T DO
- Whoever administers the computer can undo it. A network that joins later, such as a dock, needs set.ps1 again.
- {failover}
"""

_CHROMEOS: Final = """\
GOOGLE ADMIN CONSOLE
1. Devices, Chrome, Settings, the organisational unit that holds this device alone.
2. DNS over HTTPS: the mode and the address that browser-policy.json says.

WHAT IT CAN'T DO
- One unit has one address, so each device needs a unit of its own.
- Android apps on it, and guests, may look names up elsewhere.
- {failover}
"""


def steps(at: Place, phone: OnePhone, gateways_answering: int) -> bytes:
    """Return the steps for one phone or computer as plain text."""
    words = {
        "host": tls_name(at, phone.ident),
        "intune": "macOS" if phone.platform == "macos" else "iOS/iPadOS",
        "jamf": "Computers" if phone.platform == "macos" else "Devices",
        "failover": _failover(at),
        "turned_off": _turned_off(phone),
    }
    if phone.platform in ("ios", "macos"):
        body = _APPLE
    elif phone.platform == "android":
        body = (_ANDROID_LOCKED if gateways_answering >= GATEWAYS_FOR_A_LOCK else _ANDROID_OPEN) + "\n" + _ANDROID
    else:
        body = _WINDOWS if phone.platform == "windows" else _CHROMEOS
    title = f"{at.organisation}: {phone.name}\nIt asks {at.host}.\n"
    return "\n".join([title, _KEEP, body.format(**words), _trusted(at)]).encode()


def fleet_steps(at: Place, variable: str) -> bytes:
    """Return the steps for a whole fleet of iPhones and iPads as plain text."""
    return f"""\
{at.organisation}: all iPhones and iPads

JAMF PRO
1. Settings, Mobile devices, Extension attributes: make one of type text field, called for instance "Fairwatch id".
   Its number is in the address of its page; {variable} names that number.
2. Read fairwatch-fleet.csv into it (serial number and id, one device a line), with Jamf's own mass update tool. Then
   delete the file: it holds every phone's id.
3. Devices, Configuration Profiles, Upload: fairwatch-fleet.mobileconfig. Scope: the devices of the file.
4. Try one device first. In the list of phones it shows as resolving within minutes. If it doesn't, look on the device
   whether the address still has {variable} in it: then the attribute is empty or has another number.
The profile is not signed here, because a tool can't fill in what is signed. Jamf signs what it sends.

INTUNE
Intune fills no field of your own into a profile. What it does fill in, such as a serial number, can be read off a
phone, and whoever reads one could speak for that phone. So there is no one profile for a fleet there: upload one
profile for each phone (fairwatch-unsigned.mobileconfig), or hand out the one-time links.

ONE ID, ONE PHONE
{https_address(at, variable)}
is each phone's own address. Whoever may read the attribute in the fleet tool could look names up as any of them.
""".encode()


def unlock_steps() -> bytes:
    """Return what to do on the day on which no gateway answers, as plain text."""
    return b"""\
NO GATEWAY ANSWERS: HOW PHONES GET THEIR NAMES BACK

First: start a gateway again, if need be on another machine under the same host name. Every phone then goes on by
itself, and nothing has to be changed on it.

ANDROID, locked: such a phone has no names on any network, so a new policy may not reach it. Put what
unlock-android.json says into the policy of all phones all the same: those whose line to the fleet tool is still up take
it. For the others a machine must answer under the gateways' host name, with their certificate. Only then, as the last
way, is there a factory reset. Once the gateways are back, give each phone its own policy again.

iPHONE, iPAD, MAC: with "allow failover" (system 26 or newer) they ask the network's own resolver meanwhile. Others:
take the profile from the scope in the fleet tool, or remove it by hand: Settings, General, VPN & Device Management.

WINDOWS: run undo.ps1 as administrator. Chrome, Edge and Firefox in the mode "automatic" go on by themselves; in the
mode "secure" take the policy away.

While phones are let go, nothing that they look up is seen. Write down from when to when.
"""


def _failover(at: Place) -> str:
    if at.failover:
        return (
            "While no gateway answers, names are asked of the network's own resolver, so that nobody is cut off. "
            "Whoever can keep the device from the gateway is then not watched; the list of phones shows the silence."
        )
    return "While no gateway answers, the device has no names at all, except by the steps that unlock."


def _turned_off(phone: OnePhone) -> str:
    if phone.supervised:
        return "The device is supervised: the person can't turn the setting off."
    return (
        "The device is not supervised: the person can turn the setting off, and the list of phones shows the silence."
    )


def _trusted(at: Place) -> str:
    if not at.trusted:
        return ""
    lines = [
        f"- {one.ssid}"
        + (
            ""
            if one.probe
            else ": by its name alone, so a hotspot of that name stops the watching as well. Add an address."
        )
        for one in at.trusted
    ]
    return "\n".join(["ON THESE NETWORKS an iPhone, iPad or Mac steps aside and nothing of it is seen:", *lines, ""])
