"""An app's identity has one spelling on each platform, and what is no identity is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.apps import entries_for, is_app, normalise_app
from rules.errors import AppRefused


@pytest.mark.parametrize(
    ("identity", "normal"),
    [
        ("linux:org.example.App", "linux:org.example.App"),
        ("linux:exe:Tor", "linux:exe:Tor"),
        ("LINUX:exe:tor", "linux:exe:tor"),
        ("windows:Valve Corp.:Steam.EXE", "windows:valve corp.:steam.exe"),
        ("windows:exe:Tor.exe", "windows:exe:tor.exe"),
        ("windows:  Maker   Ltd :run.exe", "windows:maker ltd :run.exe"),
        ("windows:exe:Mullvad VPN.exe", "windows:exe:mullvad vpn.exe"),
        ("macos:com.valvesoftware.Steam", "macos:com.valvesoftware.steam"),
        ("android:com.Example_1.app", "android:com.Example_1.app"),
    ],
)
def test_an_identity_has_one_spelling(identity: str, normal: str) -> None:
    assert normalise_app(identity) == normal
    assert normalise_app(normal) == normal
    assert is_app(identity)


@pytest.mark.parametrize(
    "text",
    [
        "", "linux", "linux:", "bet365.com", "solaris:exe:x", "windows:steam.exe", "windows:valve:c:\\steam.exe",
        "windows::steam.exe", "macos:Steam", "android:steam", "linux:exe:/usr/bin/tor", "linux:exe:", "linux:a:b",
        "linux:exe:nul\0", "linux:\ud800", "macos:com.a b", "windows:" + "x" * 400 + ":a.exe",
    ],
)  # fmt: skip
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(AppRefused) as refused:
        normalise_app(text)
    assert "\n" not in str(refused.value)


def test_an_entry_without_a_publisher_speaks_for_every_publisher() -> None:
    assert entries_for("windows:valve corp.:steam.exe") == ("windows:valve corp.:steam.exe", "windows:exe:steam.exe")
    assert entries_for("windows:exe:steam.exe") == ("windows:exe:steam.exe",)
    assert entries_for("linux:exe:steam") == ("linux:exe:steam",)


@given(st.text())
def test_every_text_is_spelt_once_or_refused(text: str) -> None:
    for prefix in ("", "windows:", "macos:", "linux:", "android:"):
        try:
            normal = normalise_app(prefix + text)
        except AppRefused:
            continue
        assert normalise_app(normal) == normal
