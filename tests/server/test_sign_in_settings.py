"""What collector.toml says about signing in is read strictly, and the client secret never stands in it."""

from __future__ import annotations

import pytest

from server.config import load, parse
from server.errors import ConfigError

OIDC = """[sign_in.oidc]
id = "entra"
name = "Microsoft"
server = "https://login.microsoftonline.com/0a1b/v2.0"
client_id = "app"
"""


def test_leads_deputies_officers_and_it_need_a_second_factor_unless_the_file_says_otherwise():
    assert parse("", "c").sign_in.second_factor == ("lead", "deputy", "dpo", "it")
    assert parse("[sign_in]\nsecond_factor = []\n", "c").sign_in.second_factor == ()
    assert parse('[sign_in]\nsecond_factor = ["manager"]\n', "c").sign_in.second_factor == ("manager",)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[sign_in]\nsecond_facter = ["it"]\n', 2, "did you mean 'second_factor'?"),
        ('[sign_in]\nsecond_factor = "it"\n', 2, "second_factor must be a list of roles"),
        ('[sign_in]\nsecond_factor = ["it", "leed"]\n', 2, "did you mean 'lead'?"),
        ("sign_in = 1\n", 1, "sign_in must be a section"),
        ('[sign_in.oidc]\nid = "entra"\n', 2, "also needs name, server, client_id"),
        (OIDC + 'tenant = ["x"]\n', 6, "did you mean 'tenants'?"),
        (OIDC + "trusted = true\n", 2, "trusted = true needs tenants or domains"),
        (OIDC + "counts_as_second_factor = true\n", 2, "needs tenants or domains"),
        (OIDC + 'client_secret = "in the file"\n', 6, "unknown key 'client_secret'"),
        (OIDC.replace("https://login", "http://login"), 4, "server must be an https address"),
        (OIDC.replace('"entra"', '"En tra"'), 2, "id must be a short word"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, line, says):
    with pytest.raises(ConfigError) as refused:
        parse(text, "collector.toml")
    assert refused.value.line == line
    assert says in str(refused.value)


def test_the_secret_comes_from_a_file_or_the_environment_and_is_never_shown(tmp_path):
    (tmp_path / "collector.toml").write_text(OIDC + 'client_secret_file = "keys/oidc-secret"\n')
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path, {})
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "oidc-secret").write_text("from-the-file\n")
    config = load(tmp_path, {})
    assert config.sign_in.oidc.secret == "from-the-file"
    assert "from-the-file" not in repr(config)
    assert load(tmp_path, {"FAIRWATCH_OIDC_SECRET": "from-outside"}).sign_in.oidc.secret == "from-outside"


def test_without_a_secret_the_collector_does_not_start(tmp_path):
    (tmp_path / "collector.toml").write_text(OIDC)
    with pytest.raises(ConfigError, match="needs client_secret_file"):
        load(tmp_path, {})
