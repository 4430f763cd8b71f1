"""What the gateway's tests share: one certificate a session, for its listeners and for resolvers on loopback."""

from __future__ import annotations

import pytest

from tests.agent.gateway import certificates


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A certificate and its key, for `gateway.test` and every phone's name under it, and for `resolver.test`."""
    return certificates.make(tmp_path_factory.mktemp("tls"), "gateway.test", "*.gateway.test", "resolver.test")
