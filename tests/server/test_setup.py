"""`fairwatch-server setup` asks, shows, does and looks; again it changes nothing, and adds what was still missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from server import certificates
from server.errors import SetUpError
from server.setup import Present, gather, kept, plan, present, wrong_with
from server.setup_questions import QUESTIONS
from tests.server import pebble as authority
from tests.server.issuing import Authority

GIVEN = {"name": "Bright Path", "url": "https://fairwatch.example.org"}
WORDS = ("--yes", "--name", GIVEN["name"], "--url", GIVEN["url"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A data folder that was set up to the end."""
    data_dir = tmp_path_factory.mktemp("whole") / "data"
    assert setup(data_dir, *WORDS).returncode == 0
    return data_dir


def setup(data_dir, *words, said=None):
    return subprocess.run(
        [sys.executable, "-m", "server", "setup", "--data-dir", str(data_dir), *map(str, words)],
        capture_output=True, text=True, timeout=120, input=said, check=False,
    )  # fmt: skip


def test_unattended_what_is_not_given_is_the_default_and_every_question_has_an_answer():
    answers = gather(dict(GIVEN), Present(), None)
    assert set(answers) == {one.key for one in QUESTIONS}
    assert (answers["timezone"], answers["listen"], answers["mail_host"]) == ("Europe/London", "0.0.0.0:443", "")


def test_unattended_a_name_must_be_given():
    with pytest.raises(SetUpError, match="--name: the name has 1 to 200"):
        gather({}, Present(), None)


def test_only_what_follows_from_the_answers_is_asked():
    asked = []

    def ask(one, default):
        asked.append(one.key)
        return {"name": "Bright Path", "mail_host": "smtp.example.org", "mail_from": "a@b.example"}.get(
            one.key, default
        )

    gather({"url": "http://localhost:8460"}, Present(), ask)
    assert "url" not in asked
    assert "certificate" not in asked, "plain HTTP has none"
    assert {"mail_host", "mail_security", "mail_from", "mail_user"} <= set(asked)
    assert "mail_password" not in asked
    assert "backup_to" not in asked


def test_what_devices_insist_on_is_not_changed():
    there = {"name": "Bright Path", "timezone": "Europe/London", "url": "https://a.example", "listen": "0.0.0.0:443"}
    with pytest.raises(SetUpError, match=r"--url is https://a\.example already"):
        gather(dict(GIVEN), Present(True, there), None)


def test_the_plan_says_each_step_and_nothing_where_nothing_is_left(tmp_path):
    answers = gather({**GIVEN, "head_to": "mailto:chair@example.org"}, Present(), None)
    steps = plan(tmp_path, answers, Present())
    assert len(steps) == 3
    assert "Bright Path" in steps[0]
    assert "its own certificate" in steps[1]
    assert "[audit]" in steps[2]
    assert plan(tmp_path, answers, Present(True, {}, {"audit": {}})) == []


def test_a_section_that_says_something_else_stays_and_it_is_said():
    there = Present(True, {"mail_host": ""}, {"mail": {"host": "old.example.org", "from": "a@example.org"}})
    assert kept({"mail_host": "old.example.org", "mail_from": "a@example.org"}, there) == []
    assert kept({"mail_host": "new.example.org"}, there)[0].startswith("[mail] of collector.toml says something else")


def test_of_a_collector_toml_that_is_there_already_its_address_counts_and_the_rest_is_added(tmp_path):
    (tmp_path / "collector.toml").write_text('url = "https://a.example"\n[audit]\nhead_to = ["mailto:a@b.example"]\n')
    there = present(tmp_path)
    assert not there.made
    with pytest.raises(SetUpError, match=r"--url is https://a\.example already"):
        gather(dict(GIVEN), there, None)
    answers = gather({"name": "Bright Path", "head_to": "mailto:other@b.example"}, there, None)
    assert (answers["url"], answers["listen"], answers["head_to"]) == ("https://a.example", "0.0.0.0:443", "")


def test_a_certificate_is_looked_at_before_anything_is_done(tmp_path):
    authority = Authority(tmp_path)
    other, right = authority.issue("other.example"), authority.issue("fairwatch.example.org")
    files = {"certificate": str(other.certificate), "certificate_key": str(other.key)}
    assert "it is not for fairwatch.example.org" in wrong_with({**GIVEN, **files})[0]
    assert "no such file" in wrong_with({**GIVEN, **files, "certificate_key": "/no/such"})[0]
    files = {"certificate": str(right.certificate), "certificate_key": str(right.key)}
    assert wrong_with({**GIVEN, **files}) == []


@pytest.mark.more
def test_from_a_file_of_answers_it_makes_a_collector_and_again_changes_nothing(tmp_path):
    issued = Authority(tmp_path / "authority").issue("fairwatch.example.org")
    answers, data_dir = tmp_path / "answers.toml", tmp_path / "data"
    answers.write_text(
        f'name = "Bright Path"\nurl = "https://fairwatch.example.org"\ncertificate = "{issued.certificate}"\n'
        f'certificate_key = "{issued.key}"\nmail_host = "localhost"\nmail_port = 9\nmail_security = "none"\n'
        'mail_from = "Fairwatch <fw@example.org>"\n'
    )
    first = setup(data_dir, "--answers", answers)
    assert first.returncode == 0, first.stderr
    assert "put in the certificate" in first.stdout
    assert "good  TLS" in first.stdout
    assert "Next: fairwatch-server user" in first.stdout
    assert certificates.pin(data_dir / "keys/tls.crt") == certificates.pin(issued.certificate)
    config = data_dir / "collector.toml"
    assert config.stat().st_mode & 0o077 == 0
    before = config.read_bytes(), (data_dir / "keys/django").read_bytes()
    again = setup(data_dir, "--answers", answers)
    assert again.returncode == 0, again.stderr
    assert "Nothing is left to do." in again.stdout
    assert (config.read_bytes(), (data_dir / "keys/django").read_bytes()) == before
    more = setup(data_dir, "--answers", answers, "--head-to", "mailto:chair@example.org")
    assert "add [audit] to collector.toml" in more.stdout
    assert config.read_bytes().startswith(before[0])
    assert "mailto:chair@example.org" in config.read_text()


@pytest.mark.more
def test_at_the_keyboard_it_asks_takes_corrections_and_does_nothing_without_a_yes(tmp_path):
    lines = ["Bright Paht", "Mars", "", "http://localhost:8460", "", "", "", "", "nmae", "name", "Bright Path"]
    refused = setup(tmp_path / "data", said="\n".join([*lines, "no"]) + "\n")
    assert refused.returncode == 2
    assert "a time zone is a name like Europe/London" in refused.stderr
    assert "The answers' names are name, timezone, url" in refused.stdout
    assert refused.stderr.splitlines()[-1].endswith("nothing was changed")
    assert not (tmp_path / "data").exists()
    nobody = setup(tmp_path / "data", said="\n".join(lines) + "\n")
    assert nobody.returncode == 2
    assert "nobody answered" in nobody.stderr
    done = setup(tmp_path / "data", said="\n".join([*lines, "yes"]) + "\n")
    assert done.returncode == 0, done.stderr
    assert "make the collector of Bright Path in" in done.stdout
    looked = subprocess.run(
        [sys.executable, "-m", "server", "doctor", "--json", "--data-dir", str(tmp_path / "data")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert {one["check"] for one in json.loads(looked.stdout)["findings"] if not one["ok"]} == {"publication", "mail"}


@pytest.mark.more
@pytest.mark.parametrize("moment", ["certificate", "key", "database", "online keys"])
def test_one_that_was_ended_half_way_goes_on_from_there(whole, tmp_path, moment):
    """Each file that the set-up leaves, in its order: what a Ctrl-C after it leaves behind."""
    half = tmp_path / "half"
    left = ["collector.toml", "keys/tls.crt", "keys/tls.key", "collector.sqlite3", "keys/snapshot.pem"]
    (half / "keys").mkdir(parents=True)
    for name in left[: {"certificate": 2, "key": 3, "database": 4, "online keys": 5}[moment]]:
        shutil.copy2(whole / name, half / name)
    done = setup(half, *WORDS)
    assert done.returncode == 0, done.stderr
    assert "good  TLS" in done.stdout
    assert (half / "keys/online-keys.json").is_file()


@pytest.mark.more
@pytest.mark.parametrize("command", [("setup", *WORDS), ("init", "--name", GIVEN["name"], "--url", GIVEN["url"])])
def test_one_whose_last_file_is_empty_is_not_made_yet_and_goes_on(whole, tmp_path, command):
    """What a full disk left of an earlier version's set-up."""
    half = tmp_path / "half"
    shutil.copytree(whole, half)
    pin = certificates.pin(half / "keys/tls.crt")
    (half / "keys/django").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "server", *command, "--data-dir", str(half)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (half / "keys/django").stat().st_size > 40
    assert certificates.pin(half / "keys/tls.crt") == pin, "devices insist on the key"


@pytest.fixture
def with_ctrl_c():
    """What is started here hears Ctrl-C: behind a shell's "&" it is ignored, and a child would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.more
def test_a_ctrl_c_at_a_question_changes_nothing_and_half_way_it_is_said_how_it_goes_on(tmp_path, with_ctrl_c):
    data_dir = tmp_path / "data"
    words = [sys.executable, "-u", "-m", "server", "setup", "--data-dir", str(data_dir)]
    asking = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert "The organisation's name" in asking.stdout.read(30)
    asking.send_signal(signal.SIGINT)
    told, _ = asking.communicate(timeout=30)
    assert asking.returncode == 130
    assert told.endswith("Nothing was changed.\n")
    assert not data_dir.exists()
    doing = subprocess.Popen([*words, *WORDS], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (data_dir / "keys/tls.key").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    doing.send_signal(signal.SIGINT)
    told, _ = doing.communicate(timeout=60)
    assert doing.returncode == 130
    assert "run it again, and it goes on from there" in told
    assert not (data_dir / "keys/django").exists()
    assert setup(data_dir, *WORDS).returncode == 0


@pytest.mark.more
@pytest.mark.skipif(bool(authority.WHY_NOT), reason=authority.WHY_NOT or "it is there")
def test_it_asks_a_real_authority_and_without_one_it_goes_on_with_its_own_certificate(tmp_path):
    with authority.pebble(tmp_path) as running:
        chosen = running.settings
        words = (
            *WORDS, "--acme-email", chosen.email, "--acme-directory", chosen.directory, "--acme-listen", chosen.listen,
            "--acme-authority", chosen.authority,
        )  # fmt: skip
        refused = setup(tmp_path / "data", *words)
        assert refused.returncode == 2
        assert "--acme-agree: it gives certificates only to who agrees" in refused.stderr
        assert not (tmp_path / "data").exists()
        done = setup(tmp_path / "data", *words, "--acme-agree", "yes")
        assert done.returncode == 0, done.stderr
        assert "ask localhost for a certificate for https://fairwatch.example.org" in done.stdout
        assert "No certificate yet" not in done.stdout
        assert not certificates.is_own(tmp_path / "data/keys/tls.crt")
    again = setup(tmp_path / "data", *words, "--acme-agree", "yes")
    assert "Nothing is left to do." in again.stdout
    alone = setup(tmp_path / "alone", *words, "--acme-agree", "yes")
    assert alone.returncode == 0, alone.stderr
    assert "No certificate yet, since the authority can't be reached" in " ".join(alone.stdout.split())
    assert certificates.is_own(tmp_path / "alone/keys/tls.crt")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in the wrong account's folder")
def test_root_is_sent_to_the_account_whose_folder_it_is(tmp_path):
    os.chown(tmp_path, 1, 1)
    done = setup(tmp_path, "--yes", "--name", "Bright Path")
    assert done.returncode == 2
    assert "runuser -u daemon" in done.stderr
    assert list(tmp_path.iterdir()) == []
