"""Guards the device's keys on macOS: what seals their files is in the System keychain, and in no file of ours.

By `security`(1), which every Mac has. The secret goes to it on its standard input, for arguments are seen by everybody.
macOS keeps what opens the System keychain out of backups, and any root process can ask it as this does.

Not run on a Mac: tried with a stand-in for `security` that follows its manual page.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.errors import KeyStoreError

if TYPE_CHECKING:
    from agent.keys import Cipher

SECURITY: Final = "/usr/bin/security"
KEYCHAIN: Final = "/Library/Keychains/System.keychain"
ACCOUNT: Final = "fairwatch"
SERVICE: Final = "org.fairwatch.agent.device"
LABEL: Final = "Fairwatch device key"
SECRET_BYTES: Final = 32
# The low byte of errSecItemNotFound (-25300), with which `security` ends.
NOT_FOUND: Final = 44
LIMIT_SECONDS: Final = 30.0


class Keychain:
    """Seals keys under a secret that is made once and kept in the System keychain."""

    def __init__(self, program: str = SECURITY, random: Callable[[int], bytes] = os.urandom) -> None:
        """`program` is `security`, or what stands in for it in tests."""
        self._program = program
        self._random = random

    def protect(self, key: bytes, name: str) -> bytes:
        """Return the key sealed; the secret is made now if there is none. Raises KeyStoreError."""
        return _cipher(self._secret() or self._made()).seal(key, name.encode())

    def unprotect(self, kept: bytes, name: str) -> bytes:
        """Return the key; raises KeyStoreError, or SealedTextError for what another secret sealed."""
        secret = self._secret()
        if secret is None:
            raise KeyStoreError("the System keychain has no key for this device: enrol it again with --anew")
        return _cipher(secret).open(kept, name.encode())

    def forget(self) -> None:
        """Delete the secret, as when the agent is removed for good; raises KeyStoreError."""
        done = self._run("delete-generic-password", "-a", ACCOUNT, "-s", SERVICE, KEYCHAIN)
        if done.returncode not in (0, NOT_FOUND):
            raise _fault(done)

    def _secret(self) -> bytes | None:
        done = self._run("find-generic-password", "-a", ACCOUNT, "-s", SERVICE, "-w", KEYCHAIN)
        if done.returncode == NOT_FOUND:
            return None
        if done.returncode != 0:
            raise _fault(done)
        try:
            secret = bytes.fromhex(done.stdout.decode("ascii"))
        except ValueError:
            secret = b""
        if len(secret) != SECRET_BYTES:
            raise KeyStoreError("the key that the System keychain has for this device is of another form")
        return secret

    def _made(self) -> bytes:
        secret = self._random(SECRET_BYTES)
        # `-i` takes commands on standard input, so the secret is in no list of processes. No -U: what is there stays.
        words = ("add-generic-password", "-a", ACCOUNT, "-s", SERVICE, "-l", f'"{LABEL}"', "-w", secret.hex(), KEYCHAIN)
        self._run("-i", told=" ".join(words).encode() + b"\n")
        # In that mode it ends well whatever its commands did, so it is asked.
        if self._secret() != secret:
            raise KeyStoreError("the System keychain does not keep this device's key")
        return secret

    def _run(self, *words: str, told: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [self._program, *words], input=told, capture_output=True, timeout=LIMIT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise KeyStoreError(f"the System keychain does not answer ({type(fault).__name__})") from fault


def _fault(done: subprocess.CompletedProcess[bytes]) -> KeyStoreError:
    # Its number alone (see `security error`): what it prints may name more than that.
    return KeyStoreError(
        f"the System keychain does not open this device's key (`security` ended with {done.returncode})"
    )


def _cipher(secret: bytes) -> Cipher:
    from agent import keys  # which loads this module

    return keys.Cipher(secret)
