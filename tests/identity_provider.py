"""An OpenID Connect provider on this machine, a process of its own, for tests of single sign-on."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests


@dataclass
class IdentityProvider:
    """Where it is; people are added with their claims, and consent by their subject."""

    url: str

    def add(self, subject: str, **claims: object) -> None:
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=10).raise_for_status()

    def consent(self, address: str, subject: str) -> str:
        """Do what a person does there; returns the address that the browser is sent back to."""
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run one until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).parent / "oidc-provider-mock"
    words = [str(program), "--port", str(port), "--require-nonce", "true"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = IdentityProvider(f"http://localhost:{port}")
        for _ in range(300):
            try:
                requests.get(f"{made.url}/.well-known/openid-configuration", timeout=2).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield made
    finally:
        running.terminate()
        running.wait(10)
