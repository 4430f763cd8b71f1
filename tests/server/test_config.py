"""collector.toml is read strictly: what is not understood is refused with its file, line and nearest key."""

from __future__ import annotations

import pytest

from server.config import Config, load, parse
from server.errors import ConfigError


def test_a_folder_without_a_file_has_the_defaults(tmp_path):
    config = load(tmp_path, {})
    assert config == Config()
    assert config.tls
    assert config.database.engine == "sqlite"


def test_a_full_file_is_read():
    config = parse(
        'url = "https://fairwatch.example.org:8443"\nlisten = "0.0.0.0:8443"\nhosts = ["fw.local"]\n'
        'behind_proxy = false\nworkers = 4\n[database]\nengine = "postgresql"\nhost = "db1"\nport = "5432"\n'
        'name = "fw"\nuser = "fw"\npassword = "secret"\n',
        "collector.toml",
    )
    assert config.allowed_hosts == ["fairwatch.example.org", "fw.local", "localhost", "127.0.0.1", "[::1]"]
    assert (config.database.engine, config.database.name, config.workers) == ("postgresql", "fw", 4)
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('# one\nlistn = "x"\n', 2, "did you mean 'listen'?"),
        ("url = 3\n", 1, "url must be an address"),
        ('url = "ftp://x"\n', 1, "url must be an address"),
        ('url = "https://x/path"\n', 1, "url must be an address"),
        ('url = "https://x:99999"\n', 1, "url must be an address"),
        ('\n\nlisten = "nowhere"\n', 3, "listen must be"),
        ("hosts = [1]\n", 1, "hosts must be"),
        ("workers = true\n", 1, "workers must be"),
        ("workers = 0\n", 1, "workers must be"),
        ("database = 1\n", 1, "database must be"),
        ('[database]\nengine = "oracle"\n', 2, "engine must be"),
        ('[database]\nengin = "sqlite"\n', 2, "did you mean 'engine'?"),
        ('url = "https://x"\n[extra]\na = 1\n', 2, "unknown key 'extra'"),
        ("url = \n", 1, "not TOML"),
        ('listen = "a:1"\nlisten = "b:2"\n', 2, "not TOML"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, line, says):
    with pytest.raises(ConfigError) as refused:
        parse(text, "/data/collector.toml")
    assert refused.value.line == line
    assert f"/data/collector.toml line {line}: " in str(refused.value)
    assert says in str(refused.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "collector.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path, {})


def test_the_environment_names_a_database_above_the_file(tmp_path):
    address = "postgresql://fw:p%40ss@db.example:5433/records"
    database = load(tmp_path, {"FAIRWATCH_DATABASE": address}).database
    assert (database.host, database.port, database.name) == ("db.example", "5433", "records")
    assert (database.user, database.password) == ("fw", "p@ss")


@pytest.mark.parametrize("address", ["mysql://x/y", "postgresql://host", "postgresql://h:port/x", "x"])
def test_an_environment_that_names_no_database_is_refused(tmp_path, address):
    with pytest.raises(ConfigError, match="FAIRWATCH_DATABASE"):
        load(tmp_path, {"FAIRWATCH_DATABASE": address})
