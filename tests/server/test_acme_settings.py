"""`[acme]` asks nobody without an address to write to and a yes to the authority's terms."""

from __future__ import annotations

import pytest

from server.acme_settings import LETS_ENCRYPT
from server.config import parse
from server.errors import ConfigError


def test_without_the_section_nothing_is_asked_for():
    assert not parse("", "collector.toml").acme.wanted


def test_with_it_let_s_encrypt_is_asked_and_answered_on_port_80():
    read = parse('[acme]\nemail = "it@example.org"\nagreed = true\n', "collector.toml").acme
    assert (read.wanted, read.directory, read.listen) == (True, LETS_ENCRYPT, "0.0.0.0:80")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agreed = true", "needs an email"),
        ('email = "it@example.org"', "agreed = true"),
        ('email = "it@example.org"\nagreed = false', "agreed = true"),
        ('email = "nobody"\nagreed = true', "email must be"),
        ('email = "a@b.example,c@d.example"\nagreed = true', "email must be"),
        ('email = "a@b.example"\nagreed = true\ndirectory = "http://x.example"', "directory must be"),
        ('email = "a@b.example"\nagreed = true\nlisten = "80"', "listen must be"),
        ('email = "a@b.example"\nagreed = true\nauthority = "root.pem"', "authority must be"),
        ('email = "a@b.example"\nagree = true', "did you mean 'agreed'"),
    ],
)
def test_what_can_t_be_used_is_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        parse(f"[acme]\n{text}\n", "collector.toml")
