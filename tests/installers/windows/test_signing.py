"""IT's own program signs what Windows loads, and the package; by osslsigncode and a test certificate, for real."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from installers.windows import signing
from installers.windows.database import make
from installers.windows.recipe import PROGRAM, SESSION_PROGRAM
from tests.installers.windows import small

SCRIPT = """#!/bin/sh
set -eu
osslsigncode sign -certs {folder}/signer.pem -key {folder}/signer.key -h sha256 -n "Fairwatch agent" \\
    -in "$1" -out "$1.signed" >/dev/null
mv "$1.signed" "$1"
"""


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)


def holds(file: Path, root: Path) -> bool:
    """Whether osslsigncode finds a signature in a file that holds and leads to this root."""
    return run("osslsigncode", "verify", "-CAfile", root, "-TSA-CAfile", root, "-in", file).returncode == 0


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a root, a certificate for signing code, and the program `sign` that signs with it."""
    for tool in ("osslsigncode", "openssl"):
        if shutil.which(tool) is None:
            pytest.skip(f"not installed: {tool} (installers/setup.sh test)")
    folder = tmp_path_factory.mktemp("signer")

    def certificate(name: str, subject: str, extensions: Sequence[str], *issuer: str | Path) -> None:
        added = [word for extension in extensions for word in ("-addext", extension)]
        command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={subject}")
        made = run(*command, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", *added, *issuer)
        assert made.returncode == 0, made.stderr

    certificate("root", "Test root", ["keyUsage=critical,keyCertSign"])
    by_root = ("-CA", folder / "root.pem", "-CAkey", folder / "root.key")
    ends = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning"]
    certificate("signer", "Our Organisation", ends, *by_root)
    (folder / "sign").write_text(SCRIPT.format(folder=folder))
    (folder / "sign").chmod(0o755)
    return folder


@pytest.mark.more
def test_programs_and_package_carry_a_signature_that_holds_until_a_byte_is_changed(builders, signer, tmp_path):
    wanted = small.staged(tmp_path, "0.1.0")
    sign = signing.by(signer / "sign")
    sign(wanted.staged / PROGRAM)
    signed_before = (wanted.staged / PROGRAM).read_bytes()
    signing.sign_programs(wanted.staged, sign)
    # What its maker signed keeps that signature.
    assert (wanted.staged / PROGRAM).read_bytes() == signed_before
    sign(wanted.library)
    package = make(wanted, small.MOMENT, tmp_path, tmp_path / "small.msi")
    assert not signing.is_signed(package.read_bytes())
    sign(package)

    out = tmp_path / "out"
    assert run("msiextract", "-C", out, package).returncode == 0
    programs = sorted(out.rglob("*.exe"))
    assert [path.name for path in programs] == [PROGRAM, SESSION_PROGRAM]
    for file in (*programs, wanted.library, package):
        assert signing.is_signed(file.read_bytes())
        assert holds(file, signer / "root.pem"), file
    assert not list(out.rglob("*.signed"))

    changed = bytearray(package.read_bytes())
    at = changed.index(b"MSCF") + 200
    changed[at] ^= 1
    package.write_bytes(changed)
    assert signing.is_signed(package.read_bytes())
    assert not holds(package, signer / "root.pem")


def test_a_program_that_says_it_signed_and_did_not_is_found_out(tmp_path):
    file, program = tmp_path / "package.msi", tmp_path / "sign"
    file.write_bytes(b"no signature")
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    with pytest.raises(signing.SigningError, match=r"package\.msi"):
        signing.by(program)(file)


def test_a_program_that_fails_fails_the_build(tmp_path):
    program = tmp_path / "sign"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        signing.by(program)(tmp_path / "package.msi")
