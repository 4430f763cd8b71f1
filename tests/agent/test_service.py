"""The service puts the parts together: nothing is collected before the notice, and everything ends in order."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from agent import config, keys, service, updates
from agent.errors import NotEnrolledError
from agent.health import HealthReport
from agent.session.messages import Front
from protocol.messages import Heartbeat, decode_body

ME = pwd.getpwuid(os.getuid()).pw_name


def enrolled(folder: Path) -> Path:
    """A device that is enrolled at a collector which is not there."""
    own = keys.make_keys(folder)
    identity = keys.Identity(
        device=uuid4(), group="learners", collector="http://127.0.0.1:9", certificate="", root="0" * 64,
        root_version=1, minimum={}, enrolled_at=datetime.now(UTC), key=own.key, spool_key=own.spool_key,
    )  # fmt: skip
    keys.save(identity, folder)
    return folder


@pytest.fixture
def running(tmp_path):
    made = service.Service(enrolled(tmp_path), config.Config(update_seconds=3600, heartbeat_seconds=3600))
    yield made
    if made._scheduler.running:
        made.stop()
    else:
        made._spool.close()


def until(look: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_a_device_that_is_not_enrolled_does_not_start(tmp_path):
    with pytest.raises(NotEnrolledError):
        service.Service(tmp_path, config.Config())


def test_without_signed_rules_it_runs_shows_the_notice_and_observes_nothing(running):
    running.start()
    settings = running._settings(ME)
    assert settings.observe is False
    assert settings.notice_is_new is True
    running._notices.shown(ME, settings.notice.version, datetime.now(UTC))
    assert running._collect_from(ME) is None
    running._take_front(ME, Front(identity="linux:xterm", started=datetime.now(UTC), seconds=5.0))
    assert json.loads(running._answer(ME, "own_totals")) == []


def test_status_tells_each_source_and_why_it_does_not_see(running):
    running.start()
    report = json.loads(running._answer(ME, "status"))
    states = {one["name"]: one for one in report["sources"]}
    assert {"browser_history", "processes", "foreground", "rules"} <= set(states)
    assert states["rules"]["reason"] == "There are no signed rules yet."
    assert report["spool"] == "normal"
    assert set(report) == set(HealthReport.__struct_fields__)


def test_only_the_newest_heartbeat_waits_in_the_spool(running):
    running._beat()
    running._beat()
    (parcel,) = running._spool.peek(1_000_000, 10)
    beat = decode_body(parcel)
    assert isinstance(beat, Heartbeat)
    assert beat.notice_shown is False
    assert (beat.recipients_version, beat.policy_version) == (0, 0)


def test_nothing_that_another_account_can_see_of_the_spool_changes_with_a_record(running, tmp_path):
    (place,) = tmp_path.rglob("spool.sqlite3")
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert place.parent != tmp_path


def test_a_heartbeat_is_sent_by_its_own_beat_and_waits_for_no_alert(running):
    running._spool.alert_waits.clear()
    running._beat()
    assert running._spool.alert_waits.is_set()


def test_a_job_that_fails_is_tried_again_and_stops_nothing_else(running):
    calls = []

    def breaks() -> None:
        calls.append(1)
        raise RuntimeError("a fault")

    running._every(0.05, breaks, first=datetime.now(UTC))
    running._scheduler.start()
    until(lambda: len(calls) > 2)


def test_the_command_ends_on_a_signal_and_says_what_is_wrong_when_it_can_not_start(tmp_path):
    agent = Path(sys.executable).with_name("fairwatch-agent")
    refused = subprocess.run(
        [agent, "run", "--data-dir", tmp_path / "nothing"], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    folder = enrolled(tmp_path / "device")
    child = subprocess.Popen([agent, "run", "--data-dir", folder], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: (folder / "session.sock").exists() or child.poll() is not None)
        child.terminate()
        _, said = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, said
    assert not (folder / "session.sock").exists()


def test_old_rules_stay_in_force_and_their_age_is_told(running, monkeypatch):
    running._bundle = object()
    monkeypatch.setattr(type(running._pipeline), "observing", True)
    state = updates.State(fresh_at=datetime.now(UTC) - timedelta(days=9))
    monkeypatch.setattr(updates, "read_state", lambda _folder: state)
    told = running._rules_health()
    assert (told.state, told.reason) == ("failing", "The signed rules in force were last confirmed 9 days ago.")
    state = updates.State(fresh_at=datetime.now(UTC) - timedelta(days=1))
    assert running._rules_health().state == "working"
