"""Keys sealed under a secret of the System keychain, by a stand-in for `security` that follows its manual page.

No Mac was there. What is real: files, seals, and that no secret is ever in an argument.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent import keys
from agent.errors import IdentityDamagedError, KeyStoreError, SealedTextError
from agent.macos.keychain import Keychain
from tests.agent.test_keys import NOW

# find-generic-password prints the password and ends with 44 where there is none; add-generic-password refuses what is
# there already (45); `-i` reads commands, one a line, and ends with 0 whatever they did.
STAND_IN = r"""#!/bin/sh
cd "${0%/*}" || exit 1
echo "$*" >>arguments
of="-a fairwatch -s org.fairwatch.agent.device"
chain=/Library/Keychains/System.keychain
[ -e fails ] && exit 51
case $* in
"find-generic-password $of -w $chain")
    [ -e item ] || { echo "The specified item could not be found in the keychain." >&2; exit 44; }
    cat item ;;
"delete-generic-password $of $chain") [ -e item ] || exit 44; rm item ;;
-i)
    read -r line
    case $line in
    "add-generic-password $of -l \"Fairwatch device key\" -w "*" $chain")
        [ -e item ] || [ -e full ] || { line=${line##* -w }; echo "${line%% *}" >item; } ;;
    esac ;;
*) exit 2 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mac"
    folder.mkdir()
    (folder / "security").write_text(STAND_IN)
    (folder / "security").chmod(0o755)
    return folder


@pytest.fixture
def keychain(folder: Path) -> Keychain:
    return Keychain(str(folder / "security"))


def test_a_key_comes_back_and_its_file_does_not_hold_it(folder: Path, keychain: Keychain, tmp_path: Path) -> None:
    made = keys.make_keys(tmp_path, keychain)
    again = keys.make_keys(tmp_path, Keychain(str(folder / "security")))
    assert (made.public_key, made.spool_key) == (again.public_key, again.spool_key)
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    secrets = (made.key.private_bytes_raw(), made.spool_key)
    assert not any(secret in file.read_bytes() for file in files for secret in secrets)


def test_no_secret_is_ever_in_an_argument(folder: Path, keychain: Keychain) -> None:
    keychain.protect(bytes(32), "device.ed25519")
    secret = (folder / "item").read_text().strip()
    assert len(bytes.fromhex(secret)) == 32
    arguments = (folder / "arguments").read_text()
    assert "-i" in arguments.split()
    assert secret not in arguments


def test_a_copy_of_the_files_opens_on_no_other_mac(folder: Path, keychain: Keychain, tmp_path: Path) -> None:
    keys.make_keys(tmp_path, keychain)
    (folder / "item").unlink()
    with pytest.raises(KeyStoreError, match="--anew"):
        keys.make_keys(tmp_path, keychain)
    # Nor with a secret of its own.
    keychain.protect(bytes(32), "device.ed25519")
    with pytest.raises(IdentityDamagedError, match="altered"):
        keys.make_keys(tmp_path, keychain)


def test_one_key_does_not_stand_in_for_another(keychain: Keychain) -> None:
    kept = keychain.protect(bytes(32), "spool.aes256")
    assert keychain.unprotect(kept, "spool.aes256") == bytes(32)
    with pytest.raises(SealedTextError):
        keychain.unprotect(kept, "device.ed25519")


@pytest.mark.parametrize("text", ["", "no hex", "ab" * 31, "\u00e9" * 64])
def test_a_secret_of_another_form_is_refused(folder: Path, keychain: Keychain, text: str) -> None:
    (folder / "item").write_text(text)
    with pytest.raises(KeyStoreError, match="another form"):
        keychain.protect(bytes(32), "device.ed25519")


def test_a_keychain_that_fails_is_said_and_nothing_is_made(folder: Path, keychain: Keychain, tmp_path: Path) -> None:
    (folder / "fails").touch()
    with pytest.raises(KeyStoreError, match="51"):
        keys.make_keys(tmp_path, keychain)
    assert list((tmp_path / "keys").iterdir()) == []
    (folder / "fails").unlink()
    (folder / "full").touch()
    with pytest.raises(KeyStoreError, match="does not keep"):
        keys.make_keys(tmp_path, keychain)


def test_a_mac_without_that_program_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="does not answer"):
        Keychain(str(tmp_path / "none")).unprotect(b"", "device.ed25519")


def test_what_is_forgotten_is_gone_and_may_be_forgotten_twice(folder: Path, keychain: Keychain) -> None:
    keychain.protect(bytes(32), "device.ed25519")
    keychain.forget()
    assert not (folder / "item").exists()
    keychain.forget()


def test_an_identity_loads_through_it(keychain: Keychain, tmp_path: Path) -> None:
    from tests.agent.test_keys import make_identity

    identity = make_identity(tmp_path)
    for name, key in (("device.ed25519", identity.key.private_bytes_raw()), ("spool.aes256", identity.spool_key)):
        (tmp_path / "keys" / name).write_bytes(keychain.protect(key, name))
    loaded = keys.load(tmp_path, keychain)
    assert loaded.spool_key == identity.spool_key
    assert loaded.enrolled_at == NOW
