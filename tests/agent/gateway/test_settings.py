"""`gateway.toml` is read, and what is not understood refused in one sentence."""

from __future__ import annotations

import pytest

from agent.errors import ConfigError
from agent.gateway import settings


def write(folder, text):
    (folder / "gateway.toml").write_text(text)
    return folder


@pytest.fixture
def good(tmp_path):
    for name in ("c.pem", "c.key"):
        (tmp_path / name).write_text("x")
    return f'certificate = "{tmp_path}/c.pem"\nkey = "{tmp_path}/c.key"\nupstreams = ["9.9.9.9#dns.quad9.net"]\n'


def test_three_keys_are_enough(tmp_path, good):
    said = settings.read(write(tmp_path, good))
    assert (said.doh_port, said.dot_port, said.address) == (443, 853, "0.0.0.0")
    assert said.servers[0].name == "dns.quad9.net"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("certificate", "certifcate"), "nearest known key is «certificate»"),
        (lambda text: text.replace("upstreams", "#upstreams"), "«upstreams» is missing"),
        (lambda text: text.replace('["9.9.9.9#dns.quad9.net"]', "[]"), "a list of resolvers"),
        (lambda text: text.replace("9.9.9.9#", ""), "is not ADDRESS#NAME"),
        (lambda text: text + "doh_port = 70000\n", "a port from 1 to 65535"),
        (lambda text: text.replace("c.key", "d.key"), "there is no file"),
        (lambda text: text + "x =", "can't be read"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, good, change, said):
    with pytest.raises(ConfigError, match=said):
        settings.read(write(tmp_path, change(good)))


def test_without_a_file_it_says_what_belongs_in_it(tmp_path):
    with pytest.raises(ConfigError, match="certificate, key and upstreams"):
        settings.read(tmp_path)
