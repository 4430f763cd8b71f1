"""`fairwatch-server devices` lists laptops and changes one, and refuses in a sentence what it can't."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta

import pytest

from server import devices_command
from server.errors import SetUpError, WrongState
from server.store.models import AuditDetail, AuditEntry, Device


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setattr(devices_command, "require", lambda _folder: None)

    def called(*words):
        parser = argparse.ArgumentParser()
        devices_command.add_arguments(parser)
        return devices_command.run(argparse.Namespace(**vars(parser.parse_args(words)), data_dir=None))

    return called


def test_it_lists_each_device_with_what_it_noticed(database, device, run, capsys):
    Device.objects.filter(pk=device.id).update(health={"notices": ["clock_moved"], "agent_version": "1.2"})
    assert run("--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["lost"], row["notices"], row["agent"]) == (str(device.id), False, ["clock_moved"], "1.2")
    assert run() == 0
    assert "noticed: clock_moved" in capsys.readouterr().out


def test_a_device_is_lost_found_and_retired_by_name_or_id_each_on_the_log(database, device, run, capsys):
    name = Device.objects.get().name
    run("lost", name)
    assert Device.objects.get().lost_since is not None
    with pytest.raises(WrongState, match="lost already"):
        run("lost", str(device.id))
    run("found", str(device.id))
    run("retire", name)
    assert Device.objects.get().status == "revoked"
    actions = AuditEntry.objects.order_by("seq").values_list("action", "actor")
    assert [row for row in actions if row[0].startswith("device_")][-3:] == [
        ("device_lost", "command"), ("device_found", "command"), ("device_revoked", "command"),
    ]  # fmt: skip
    with pytest.raises(WrongState, match="withdrawn"):
        run("lost", name)


def test_one_is_handed_on_and_set_up_anew_with_a_reason(database, device, other_device, run, capsys):
    name = Device.objects.get(pk=device.id).name
    with pytest.raises(WrongState, match="account of their own"):
        run("hand-on", name)
    run("hand-on", name, "--own-account", "--reason", "a new colleague")
    assert "handed on" in capsys.readouterr().out
    with pytest.raises(SetUpError, match="re-image needs --as"):
        run("re-image", name)
    run("re-image", name, "--as", str(other_device.id))
    (row,) = [one for one in json.loads(_listed(run, capsys)) if one["id"] == str(other_device.id)]
    assert (row["status"], row["handed_on"]) == ("active", None)
    assert str(device.id) not in _listed(run, capsys)
    assert AuditDetail.objects.get(entry__action="device_handed_on").text == "a new colleague"


def test_a_stolen_one_is_retired_at_once(database, device, run, capsys):
    run("retire", str(device.id), "--at-once")
    assert "nothing of it is taken any more" in capsys.readouterr().out
    assert device.send(device.totals()).code == "revoked_device"


def test_it_lists_what_needs_a_look_and_mutes_one_until_a_day(database, device, run, capsys):
    device.send(device.heartbeat(notices=("clock_moved",)))
    assert run("look", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["id"], row["about"]) == ("clock_moved", str(device.id), "")
    run("look")
    assert "Its clock was moved by more than two minutes. See that it takes" in capsys.readouterr().out
    until = (datetime.now(UTC) + timedelta(days=9)).date()
    with pytest.raises(SetUpError, match="mute needs --until"):
        run("mute", str(device.id))
    run("mute", str(device.id), "--until", f"{until}")
    capsys.readouterr()
    run("look")
    assert capsys.readouterr().out == "nothing needs a look\n"
    run("unmute", str(device.id))
    with pytest.raises(SetUpError, match="look takes no name"):
        run("look", "x")


def _listed(run, capsys):
    capsys.readouterr()
    run("--json")
    return capsys.readouterr().out


def test_what_is_not_there_or_not_clear_is_refused_in_a_sentence(database, device, run):
    with pytest.raises(SetUpError, match="no device is called 'nobody'"):
        run("lost", "nobody")
    with pytest.raises(SetUpError, match="lost needs a name"):
        run("lost")
    with pytest.raises(SetUpError, match="list takes no name"):
        run("list", "x")
