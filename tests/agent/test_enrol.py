"""Enrolling, against a collector on loopback that serves a real publication and checks the real token and signature."""

from __future__ import annotations

import errno
import io
import json
import stat
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from agent import keys
from agent.__main__ import main
from agent.database import file_in
from protocol.codes import Code
from protocol.messages import EnrolReply, Refusal, encode
from protocol.rolekeys import new_key
from tests.agent.enrolling import collecting, now


@pytest.fixture
def setting(pilot, tmp_path):
    with collecting(pilot, tmp_path / "device") as made:
        yield made


def enrol(capsys, setting, *words):
    code = main(["enrol", "--data-dir", str(setting.folder), *words])
    out, err = capsys.readouterr()
    assert (out + err).count("\n") == 1
    return code, out + err


def test_a_device_makes_its_key_and_keeps_what_it_is_told(setting, capsys):
    code, said = enrol(capsys, setting, "--token", setting.token())
    identity = keys.load(setting.folder)
    assert (code, said) == (0, f"enrolled as device {identity.device} in group learners\n")
    assert setting.collector.devices == {identity.key.public_key().public_bytes_raw(): identity.device}
    assert (identity.collector, identity.group) == (setting.collector.url, "learners")
    assert identity.minimum["recipients"] >= 1
    assert abs(identity.enrolled_at - now()) < timedelta(minutes=1)
    assert stat.S_IMODE((setting.folder / "keys").stat().st_mode) == 0o700
    assert json.loads((setting.folder / "identity.json").read_text())["device"] == str(identity.device)


@pytest.mark.parametrize("way", ["--token", "--token-file", "stdin"])
def test_the_token_may_come_as_a_word_a_file_or_on_stdin(setting, capsys, monkeypatch, tmp_path, way):
    token = setting.token() + "\n"
    (tmp_path / "token").write_text(token)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(token.encode())))
    words = {"--token": ["--token", token], "--token-file": ["--token-file", str(tmp_path / "token")], "stdin": []}
    assert enrol(capsys, setting, *words[way])[0] == 0


def test_enrolling_again_is_the_same_device_and_says_so(setting, capsys):
    enrol(capsys, setting, "--token", setting.token())
    before = keys.load(setting.folder)
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert code == 0
    assert said == f"already enrolled, nothing changed: as device {before.device} in group learners\n"
    assert keys.load(setting.folder).device == before.device
    assert setting.collector.asked == 1
    code, said = enrol(capsys, setting, "--token", setting.token(collector="https://another.example"))
    assert code == 2
    assert "enrolled with another collector" in said


def test_a_second_try_after_a_lost_answer_is_the_same_device(setting, capsys):
    setting.collector.answer = b"<html>Sign in to the guest network</html>"
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert (code, said.endswith("try again\n")) == (1, True)
    with pytest.raises(keys.NotEnrolledError):
        keys.load(setting.folder)
    key = keys.make_keys(setting.folder).public_key
    setting.collector.answer = None
    assert enrol(capsys, setting, "--token", setting.token())[0] == 0
    assert keys.load(setting.folder).key.public_key().public_bytes_raw() == key


def test_a_new_identity_puts_the_former_one_and_its_records_aside(setting, capsys):
    enrol(capsys, setting, "--token", setting.token())
    before = keys.load(setting.folder)
    file_in(setting.folder).write_bytes(b"unsent records")
    code, _ = enrol(capsys, setting, "--anew", "--token", setting.token())
    after = keys.load(setting.folder)
    assert code == 0
    assert before.device != after.device
    assert before.spool_key != after.spool_key
    (former,) = setting.folder.glob("former-*")
    assert file_in(former).read_bytes() == b"unsent records"
    assert keys.load(former).device == before.device
    assert not file_in(setting.folder).exists()


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_wrong_clock_signs_again_with_the_collectors_time(setting, capsys, hours):
    setting.collector.ahead = timedelta(hours=hours)
    assert enrol(capsys, setting, "--token", setting.token())[0] == 0
    assert setting.collector.asked == 2


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_can_not_be_is_one_clear_line(setting, capsys, year):
    time = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    setting.collector.lie = Refusal(Code.CLOCK_WRONG.value, Code.CLOCK_WRONG.sentence, "", retry=True, time=time)
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert (code, said) == (1, f"fairwatch-agent enrol: {Code.CLOCK_WRONG.sentence}\n")


def test_the_collector_can_not_put_a_device_in_another_group_than_its_token(setting, capsys):
    setting.collector.answer = encode(EnrolReply(uuid4(), "partners", now()))
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert (code, "another group" in said) == (2, True)
    with pytest.raises(keys.NotEnrolledError):
        keys.load(setting.folder)


FOR_GOOD = (
    Code.TOKEN_EXPIRED, Code.TOKEN_USED_UP, Code.TOKEN_UNKNOWN, Code.TOKEN_BAD_SIGNATURE, Code.REVOKED_DEVICE
)  # fmt: skip
FOR_NOW = (Code.BUSY, Code.TOO_MANY, Code.VERSION_TOO_NEW)


@pytest.mark.parametrize(("code", "status"), [*((one, 2) for one in FOR_GOOD), *((one, 1) for one in FOR_NOW)])
def test_each_refusal_is_one_clear_line_and_a_busy_collector_is_no_reason_to_throw_a_token_away(
    setting, capsys, code, status
):
    setting.collector.refuse = code
    assert enrol(capsys, setting, "--token", setting.token()) == (status, f"fairwatch-agent enrol: {code.sentence}\n")


def test_what_has_expired_by_this_clock_may_be_tried_again(pilot, setting, capsys):
    setting.collector.publication = pilot.publish(now() - timedelta(days=3))
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert (code, "expired, or this device's clock is ahead" in said) == (1, True)
    assert setting.collector.asked == 0
    setting.collector.publication = pilot.publish()
    assert enrol(capsys, setting, "--token", setting.token())[0] == 0


def test_a_full_disk_may_be_tried_again(setting, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "here")

    with monkeypatch.context() as patched:
        patched.setattr(keys, "save", full)
        assert enrol(capsys, setting, "--token", setting.token()) == (
            1,
            "fairwatch-agent enrol: here: No space left on device\n",
        )
    assert enrol(capsys, setting, "--token", setting.token())[0] == 0


@pytest.mark.parametrize("text", ["", "fw1", "fw1.e30.e30", "fw2.a.b", "x" * 10_000, "fw1.\u00e9.x"])
def test_what_is_no_token_is_said_to_be_none(setting, capsys, text):
    assert enrol(capsys, setting, "--token", text) == (
        2,
        "fairwatch-agent enrol: This is not an enrolment token; copy it whole.\n",
    )
    assert setting.collector.asked == 0


def test_a_token_that_is_no_text_or_not_there_is_one_clear_line(setting, capsys, tmp_path):
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    assert enrol(capsys, setting, "--token-file", str(tmp_path / "token"))[0] == 2
    code, said = enrol(capsys, setting, "--token-file", str(tmp_path / "missing"))
    assert (code, said) == (2, f"fairwatch-agent enrol: {tmp_path / 'missing'}: No such file or directory\n")


def test_a_root_that_the_token_does_not_name_is_refused_before_anything_is_sent(setting, capsys):
    code, said = enrol(capsys, setting, "--token", setting.token(root="0" * 64))
    assert code == 2
    assert "not the one that the enrolment token names" in said
    assert setting.collector.asked == 0


def test_a_token_that_it_did_not_sign_is_refused_before_anything_is_sent(setting, capsys):
    code, said = enrol(capsys, setting, "--token", setting.token(key=new_key()))
    assert (code, said) == (2, f"fairwatch-agent enrol: {Code.TOKEN_BAD_SIGNATURE.sentence}\n")
    assert setting.collector.asked == 0


@pytest.mark.parametrize("address", ["http://collector.example", "https://a.example/path", "nonsense"])
def test_an_address_that_cannot_be_used_is_refused(setting, capsys, address):
    code, said = enrol(capsys, setting, "--token", setting.token(collector=address))
    assert code == 2
    assert "ask IT for another" in said


def test_a_collector_that_is_not_there_may_be_tried_again(setting, capsys):
    setting.collector.close()
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert code == 1
    assert said.endswith("try again\n")


def test_keys_that_others_can_read_are_not_used(setting, capsys):
    keys.make_keys(setting.folder)
    (setting.folder / "keys").chmod(0o755)
    code, said = enrol(capsys, setting, "--token", setting.token())
    assert code == 2
    assert "chmod 700" in said


def test_a_token_and_a_file_together_are_bad_usage(setting, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["enrol", "--token", "a", "--token-file", "b"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
