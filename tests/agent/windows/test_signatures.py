"""A publisher is believed only where the program's signature holds; what a program merely says of itself is not."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from agent.windows.signatures import Signatures
from tests.agent.windows.answers import Library, fill
from tests.agent.windows.wine_python import as_windows


class Answers:
    """What Windows says of a program: whether its signature holds, and the steps to its signer's name."""

    def __init__(self, *, holds: bool = True, name: str = "Example Ltd", state: int = 5) -> None:
        self.actions: list[int] = []
        self.certificate = (ctypes.c_uint64 * 2)(16, 900)
        self.holds, self.state = holds, state
        self.trust = Library(
            WinVerifyTrust=self._verify,
            WTHelperProvDataFromStateData=lambda state: 600 if state == 5 else None,
            WTHelperGetProvSignerFromChain=lambda provider, number, counter, other: 700 if provider == 600 else None,
            WTHelperGetProvCertFromChain=lambda signer, number: ctypes.addressof(self.certificate),
        )
        self.crypt = Library(
            CertGetNameStringW=lambda certificate, kind, flags, of, into, size: (
                fill(into, name if certificate == 900 else "") and len(name) + 1
            )
        )

    def _verify(self, window: int, action: Any, trust: Any) -> int:
        told = trust._obj
        self.actions.append(told.action)
        assert told.ui == 2, "nothing may be shown"
        assert told.flags == 0x1000, "the network may not be asked"
        told.state = self.state
        return 0 if self.holds else -2146762487  # CERT_E_UNTRUSTEDROOT

    def publisher(self) -> str | None:
        return Signatures(self.trust, self.crypt).publisher_of(r"C:\x\a.exe")


def test_the_signer_of_a_signature_that_holds_is_named_and_windows_let_go() -> None:
    answers = Answers()
    assert answers.publisher() == "Example Ltd"
    assert answers.actions == [1, 2]


@pytest.mark.parametrize("answers", [Answers(holds=False), Answers(state=0), Answers(name=""), Answers(state=6)])
def test_without_a_signature_that_holds_there_is_no_publisher(answers: Answers) -> None:
    assert answers.publisher() is None
    assert answers.actions == [1, 2]


@pytest.mark.more
def test_on_windows_a_real_signature_is_read_and_an_altered_program_is_nobodys(wine, tmp_path: Path) -> None:
    signed = wine.program.with_name("python311.dll")
    altered, shorn = tmp_path / "altered.dll", tmp_path / "shorn.dll"
    raw = bytearray(signed.read_bytes())
    raw[len(raw) // 2] ^= 1
    altered.write_bytes(raw)
    shorn.write_bytes(signed.read_bytes()[: len(raw) // 2])
    code = (
        "import sys; from agent.windows.signatures import Signatures\n"
        "for path in sys.argv[1:]: print(Signatures().publisher_of(path))"
    )
    own = wine.program.with_name("python.exe")
    said = wine.run(code, *map(as_windows, (signed, altered, shorn, own, tmp_path / "none.exe")))
    assert said.splitlines() == ["Python Software Foundation", "None", "None", "None", "None"]
