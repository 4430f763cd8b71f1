"""Make the files by which Windows, Chrome, Edge, ChromeOS and Firefox ask a gateway, and those that undo them.

Sources: Microsoft's `Add-DnsClientDohServerAddress` and the policy "Configure encrypted name resolution" (Windows 11),
Chrome's and Edge's `DnsOverHttpsMode` and `DnsOverHttpsTemplates`, Firefox's `DNSOverHTTPS`. What is put into scripts
was checked before (`phone_place`): an address and a host hold no character that a script would read as its own.
"""

from __future__ import annotations

import json
from typing import Final

from django.utils.translation import gettext

from server.errors import PhoneFileRefused
from server.phone_place import OnePhone, Place, https_address

_BROWSER_KEYS: Final = (r"SOFTWARE\Policies\Google\Chrome", r"SOFTWARE\Policies\Microsoft\Edge")
_WINDOWS_KEY: Final = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient"
_REQUIRE_ENCRYPTION: Final = 3  # of the policy's 1 prohibit, 2 allow, 3 require

_SET: Final = """\
# Run as administrator. Every connected adapter asks the gateway, encrypted, and nothing else.
$ErrorActionPreference = 'Stop'
$addresses = @({addresses})
foreach ($address in $addresses) {{
    Get-DnsClientDohServerAddress | Where-Object ServerAddress -eq $address | Remove-DnsClientDohServerAddress
    Add-DnsClientDohServerAddress -ServerAddress $address -DohTemplate '{url}' `
        -AllowFallbackToUdp ${plain} -AutoUpgrade $true
}}
Get-NetAdapter -Physical | Where-Object Status -eq 'Up' | Set-DnsClientServerAddress -ServerAddresses $addresses
Clear-DnsClientCache
"""

_UNDO: Final = """\
# Run as administrator. Every adapter asks its network's own resolver again.
$ErrorActionPreference = 'Stop'
Get-NetAdapter -Physical | Set-DnsClientServerAddress -ResetServerAddresses
foreach ($address in @({addresses})) {{
    Get-DnsClientDohServerAddress | Where-Object ServerAddress -eq $address | Remove-DnsClientDohServerAddress
}}
Clear-DnsClientCache
"""


def windows_script(at: Place, phone: OnePhone) -> bytes:
    """Return the PowerShell script for Windows 11; raises PhoneFileRefused without addresses, by which Windows asks."""
    plain = "true" if at.failover else "false"
    said = _SET.format(addresses=_addresses(at), url=https_address(at, phone.ident), plain=plain)
    return _windows_text(said)


def windows_undo_script(at: Place) -> bytes:
    """Return the PowerShell script that undoes `windows_script`."""
    return _windows_text(_UNDO.format(addresses=_addresses(at)))


def windows_netsh(at: Place, phone: OnePhone) -> bytes:
    """Return the same as lines of netsh, for tools that run a batch file; adapters are then set by hand."""
    fallback = "yes" if at.failover else "no"
    _addresses(at)  # refused without any
    lines = [
        f"netsh dns add encryption server={one} dohtemplate={https_address(at, phone.ident)} "
        f"autoupgrade=yes udpfallback={fallback}"
        for one in at.addresses
    ]
    return _windows_text("\n".join(["@echo off", *lines, ""]))


def windows_registry() -> bytes:
    """Return the registry file by which Windows 11 asks encrypted resolvers alone; it is the policy of that name."""
    return _registry([(_WINDOWS_KEY, {"DoHPolicy": _REQUIRE_ENCRYPTION})])


def browser_registry(at: Place, phone: OnePhone) -> bytes:
    """Return the registry file for Chrome and Edge on Windows."""
    return _registry([(key, dict(_browser(at, phone))) for key in _BROWSER_KEYS])


def browser_policy(at: Place, phone: OnePhone) -> bytes:
    """Return the policy for Chrome, Edge and ChromeOS as JSON (Linux: a file in policies/managed)."""
    return _json(_browser(at, phone))


def firefox_policy(at: Place, phone: OnePhone) -> bytes:
    """Return Firefox's policies.json."""
    asked = {
        "Enabled": True,
        "ProviderURL": https_address(at, phone.ident),
        "Locked": True,
        "Fallback": at.failover,
    }
    return _json({"policies": {"DNSOverHTTPS": asked}})


def _browser(at: Place, phone: OnePhone) -> dict[str, str]:
    """`automatic` asks elsewhere while the gateway is away; `secure` asks nowhere else."""
    mode = "automatic" if at.failover else "secure"
    return {"DnsOverHttpsMode": mode, "DnsOverHttpsTemplates": https_address(at, phone.ident)}


def _addresses(at: Place) -> str:
    if not at.addresses:
        raise PhoneFileRefused(gettext("Windows asks a resolver by its address: enter the gateways’ addresses first."))
    return ", ".join(f"'{one}'" for one in at.addresses)


def _registry(keys: list[tuple[str, dict[str, str | int]]]) -> bytes:
    lines = ["Windows Registry Editor Version 5.00", ""]
    for key, values in keys:
        lines.append(f"[HKEY_LOCAL_MACHINE\\{key}]")
        for name, value in values.items():
            shown = f"dword:{value:08x}" if isinstance(value, int) else f'"{value}"'
            lines.append(f'"{name}"={shown}')
        lines.append("")
    return _windows_text("\n".join(lines))


def _windows_text(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("ascii")


def _json(said: object) -> bytes:
    return json.dumps(said, indent=2).encode() + b"\n"
