"""`[backup]` in collector.toml is read strictly, and a folder without a key is refused."""

from __future__ import annotations

import pytest

from protocol import backup_sealing
from server.config import parse
from server.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[backup]\nto = "/mnt/backups"\n', 1, "fairwatch-custody backup-key"),
        ('[backup]\nkey = "abc"\n', 2, "72 hex digits"),
        ("[backup]\nkey = 3\n", 2, "72 hex digits"),
        ('[backup]\nto = "backups"\n', 2, "to must be a folder"),
        ("[backup]\nkeep = 1\n", 2, "keep must be"),
        ("[backup]\nkeep = 91\n", 2, "keep must be"),
        ("[backup]\nkept = 9\n", 2, "did you mean 'keep'?"),
    ],
)
def test_what_can_t_be_used_is_refused_with_its_line(text, line, says):
    with pytest.raises(ConfigError) as refused:
        parse(text, "collector.toml")
    assert refused.value.line == line
    assert says in str(refused.value)


def test_a_key_alone_is_enough_and_without_it_nothing_is_nightly():
    text = backup_sealing.to_text(bytes(range(32)))
    chosen = parse(f'[backup]\nkey = "{text}"\n', "collector.toml").backup
    assert (chosen.nightly, chosen.to, chosen.keep) == (True, "", 14)
    assert not parse("", "collector.toml").backup.nightly
