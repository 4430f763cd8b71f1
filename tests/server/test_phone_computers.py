"""Files for Windows and browsers: each says the device's own address, and what undoes them undoes what was done."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from server import phone_computers
from server.errors import PhoneFileRefused
from server.phone_place import one_phone, place

IDENT = "abcdefghijklmnopqrstuvwx23"
URL = f"https://dns.example.org/d/{IDENT}/dns-query"
AT = place("Bright Path", "dns.example.org", ("192.0.2.1", "2001:db8::1"), failover=False)
SOFT = place("Bright Path", "dns.example.org", ("192.0.2.1",))
PHONE = one_phone(UUID(int=7), "PC 7", "windows", IDENT)


def test_windows_asks_each_address_encrypted_and_can_be_undone():
    said = phone_computers.windows_script(AT, PHONE).decode("ascii")
    assert "$addresses = @('192.0.2.1', '2001:db8::1')\r\n" in said
    assert f"-DohTemplate '{URL}' `\r\n        -AllowFallbackToUdp $false -AutoUpgrade $true\r\n" in said
    assert "-AllowFallbackToUdp $true" in phone_computers.windows_script(SOFT, PHONE).decode()
    undone = phone_computers.windows_undo_script(AT).decode("ascii")
    assert "'192.0.2.1', '2001:db8::1'" in undone
    assert "-ResetServerAddresses" in undone
    assert IDENT not in undone


def test_netsh_says_the_same():
    lines = phone_computers.windows_netsh(AT, PHONE).decode().split("\r\n")
    assert lines[1] == f"netsh dns add encryption server=192.0.2.1 dohtemplate={URL} autoupgrade=yes udpfallback=no"
    assert len(lines) == 4


def test_without_addresses_windows_is_refused():
    for make in (phone_computers.windows_script, phone_computers.windows_netsh):
        with pytest.raises(PhoneFileRefused, match="addresses first"):
            make(place("Bright Path", "dns.example.org"), PHONE)


def test_browsers_ask_nowhere_else_unless_failover_is_allowed():
    assert json.loads(phone_computers.browser_policy(AT, PHONE)) == {
        "DnsOverHttpsMode": "secure",
        "DnsOverHttpsTemplates": URL,
    }
    assert json.loads(phone_computers.browser_policy(SOFT, PHONE))["DnsOverHttpsMode"] == "automatic"
    firefox = json.loads(phone_computers.firefox_policy(AT, PHONE))["policies"]["DNSOverHTTPS"]
    assert firefox == {"Enabled": True, "ProviderURL": URL, "Locked": True, "Fallback": False}


def test_registry_files_are_of_the_form_that_windows_reads():
    said = phone_computers.browser_registry(AT, PHONE).decode("ascii").split("\r\n")
    assert said[0] == "Windows Registry Editor Version 5.00"
    assert said.count('"DnsOverHttpsMode"="secure"') == 2
    assert r"[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge]" in said
    assert '"DoHPolicy"=dword:00000003' in phone_computers.windows_registry().decode()
