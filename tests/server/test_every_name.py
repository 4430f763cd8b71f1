"""The resolver of a demonstration: every name is this machine, asked over TLS."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.query
import pytest

from server.every_name import EveryName, answer
from tests.agent.gateway import certificates
from tests.agent.gateway.resolvers import trust


@pytest.fixture
def files(tmp_path):
    return certificates.make(tmp_path, "resolver.test")


@pytest.mark.parametrize(("qtype", "found"), [("A", ["127.0.0.1"]), ("AAAA", []), ("HTTPS", []), ("TXT", [])])
def test_every_name_has_this_machines_address_and_nothing_of_another_type(qtype, found):
    asked = dns.message.make_query("www.anything.example", qtype, use_edns=True)
    said = dns.message.from_wire(answer(asked.to_wire()))
    assert asked.is_response(said)
    assert [record.address for one in said.answer for record in one] == found


@pytest.mark.parametrize("bad", [b"", b"short", bytes(12) + b"\x3fa"])
def test_what_is_no_question_is_answered_by_nothing(bad):
    with pytest.raises(ValueError, match="not a question"):
        answer(bad)


def test_it_answers_over_tls_and_outlives_garbage(files):
    names = EveryName(*files)
    try:
        for name in ("a.example", "b.example"):
            asked = dns.message.make_query(name, "A")
            context = trust(files[0])
            said = dns.query.tls(
                asked, "127.0.0.1", 5, names.port, ssl_context=context, server_hostname="resolver.test"
            )
            assert said.answer
            with pytest.raises((EOFError, OSError, dns.exception.DNSException)):
                dns.query.tcp(asked, "127.0.0.1", 2, names.port)
    finally:
        names.stop()
