"""`[phones]` in collector.toml says where phones ask; anything else there is refused by name and line."""

from __future__ import annotations

import pytest

from server import config
from server.errors import ConfigError
from server.phone_place import place


def test_without_a_section_there_are_no_phones():
    assert not config.parse("", "collector.toml").phones.used


def test_a_gateway_its_addresses_and_failover_can_be_said():
    text = '[phones]\ngateway = "dns.example.org"\naddresses = ["192.0.2.1", "2001:db8::1"]\nfailover = false\n'
    said = config.parse(text, "collector.toml").phones
    assert (said.used, said.gateway, said.failover) == (True, "dns.example.org", False)
    at = place("Bright Path", said.gateway, said.addresses, failover=said.failover)
    assert at.addresses == ("192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('gatway = "dns.example.org"', r"line 2: unknown key 'gatway'; .*'gateway'"),
        ('gateway = "https://dns.example.org"', "line 2: gateway must be a host name"),
        ('gateway = "DNS"', "line 2: gateway must be a host name"),
        (f'gateway = "{"a." * 112}org"', "line 2: gateway must be a host name"),
        ('addresses = ["dns.example.org"]', "line 2: addresses must be a list of at most 8 addresses"),
        ('addresses = "192.0.2.1"', "line 2: addresses must be"),
        ("failover = 1", "line 2: failover must be true or false"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(line, words):
    with pytest.raises(ConfigError, match=words):
        config.parse(f"[phones]\n{line}\n", "collector.toml")
