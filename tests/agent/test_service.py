"""The service puts the parts together: nothing is collected before the notice, and everything ends in order."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest

from agent import config, keys, service
from agent.errors import NotEnrolledError, SpoolDamagedError
from agent.health import HealthReport
from agent.limits import Decision
from agent.notice import as_text
from agent.session.address import socket_path
from agent.session.link import Link
from agent.session.messages import Acknowledged, DocumentShown, Front, HostVisited, NoticeShown, Settings
from agent.sources.browser_history import HANGS
from agent.sources.browsers import Profile
from agent.sources.profile_reader import ProfileReader
from agent.watchdog import ANEW_MOST_A_DAY, BEGIN_ANEW_STATUS
from rules import policy as policy_module
from rules.policy import Document, Policy, Programs
from tests.agent.devices import damage, enrolled, until, with_rules
from tests.agent.sources.conftest import MadeChromium
from tests.agent.sources.hanging import Hanging

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def running(tmp_path):
    made = service.Service(enrolled(tmp_path), config.Config(update_seconds=3600, heartbeat_seconds=3600))
    yield made
    if made._core.scheduler.running:
        made.stop()
    else:
        made._core.spool.close()


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


def test_the_notice_tells_each_person_the_private_time_of_their_own_group(running):
    text = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
    text = text.replace('name = "Staff"', 'name = "Staff"\naccounts = ["s-*"]')
    running._core.rules.bundle = SimpleNamespace(policy=Policy.parse(text, "policy.toml"))
    staff, learner = (as_text(running._notice(person)) for person in ("S-Sam", "anna"))
    assert "Staff: outside" in staff
    assert "Learners: outside" in learner
    assert "Staff:" not in learner


def test_status_tells_each_source_and_why_it_does_not_see(running):
    running.start()
    report = json.loads(running._answer(ME, "status"))
    states = {one["name"]: one for one in report["sources"]}
    assert {"browser_history", "processes", "foreground", "rules"} <= set(states)
    assert states["rules"]["reason"] == "There are no signed rules yet."
    assert report["spool"] == "normal"
    assert set(report) == set(HealthReport.__struct_fields__)


def test_nothing_that_another_account_can_see_of_the_spool_changes_with_a_record(running, tmp_path):
    (place,) = tmp_path.rglob("spool.sqlite3")
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert place.parent != tmp_path


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


@pytest.fixture
def observing(custodians, serving_collector, tmp_path):
    """A service with signed rules in force."""
    folder = with_rules(tmp_path / "device", custodians, serving_collector.address)
    made = service.Service(folder, config.Config(update_seconds=3600, heartbeat_seconds=3600))
    made._core.rules.load()
    yield made
    made._core.halt()
    made._core.end()


def test_a_person_is_told_the_signed_rules_for_them_and_who_signed(observing):
    made = observing
    told = json.loads(made._answer(ME, "held"))
    assert (told["account"], told["watched"], told["collected_from"], told["sums"]) == (ME, True, None, [])
    assert (told["rules"]["group"], told["rules"]["policy_version"]) == ("Learners", made._bundle.policy_version)
    assert len(told["rules"]["signed_by"]) == 2
    assert told["rules"]["signed_at"] is not None


def test_documents_of_the_signed_policy_are_asked_for_and_acknowledged_once_through_the_spool(observing):
    made = observing
    assert made._settings(ME).documents == ()
    document = Document(id="code", title="Code", version="3", date=date(2026, 11, 1), text="Be kind.")
    policy = msgspec.structs.replace(made._bundle.policy, documents=(document,))
    made._core.rules.bundle = replace(made._bundle, policy=policy)
    (asked,) = made._settings(ME).documents
    for message in (DocumentShown, Acknowledged, Acknowledged):
        made._take_reading(ME, message(document="code", shown=asked.shown))
    assert made._settings(ME).documents == ()
    assert [parcel.kind for parcel in made._core.spool.peek(10**6, 9)] == ["acknowledgement"]
    told = json.loads(made._answer(ME, "documents"))
    assert [(one["title"], one["version"]) for one in told["acknowledged"]] == [("Code", "3")]


def test_after_damage_to_the_spool_watching_goes_on_once_the_session_part_says_again_that_it_showed_the_notice(
    observing, tmp_path
):
    made = observing
    made._sessions.start()
    part, heard = Link(socket_path(tmp_path / "device")), []

    def told():
        heard.extend(message for message in part.turn() if isinstance(message, Settings))
        return heard

    def says_that_it_showed_the_notice():
        asked = heard.pop()
        assert asked.notice_is_new
        part.send(NoticeShown(at=datetime.now(UTC), notice_version=asked.notice.version))
        until(lambda: made._collect_from(ME) is not None)

    try:
        until(told)
        says_that_it_showed_the_notice()
        heard.clear()
        since = made._core.collect_from()
        damage(made._core.spool)
        with pytest.raises(SpoolDamagedError):
            made._core.collect_from()
        assert made._collect_from(ME) is None
        made._core.tick()
        until(told)
        says_that_it_showed_the_notice()
        assert made._core.collect_from() == since
    finally:
        part.close()
        made._sessions.stop()


def test_names_that_programs_look_up_are_heard_only_while_the_signed_policy_has_them_watched(observing):
    made = observing

    def told():
        return {one["name"]: one["state"] for one in json.loads(made._answer(ME, "status"))["sources"]}

    def follow(looked_up_names):
        programs = Programs(looked_up_names)
        bundle = replace(made._bundle, policy=msgspec.structs.replace(made._bundle.policy, programs=programs))
        made._core.rules.bundle = bundle
        made._follow(bundle)

    assert "resolved" not in told()
    follow("watched")
    until(lambda: "resolved" in told())
    assert "any program on this device looks up" in as_text(made._notice(ME))
    follow("left_out")
    assert "resolved" not in told()


def test_a_hearing_of_names_that_has_ended_by_itself_begins_anew_when_the_service_looks_after_itself(observing):
    made = observing
    policy = msgspec.structs.replace(made._bundle.policy, programs=Programs("watched"))
    made._core.rules.bundle = replace(made._bundle, policy=policy)
    made._follow(made._bundle)
    made._resolved._stopping.set()
    made._resolved._wake[1].send(b".")
    until(lambda: not made._resolved._thread.is_alive())
    made._look_after_itself()
    until(lambda: made._resolved._thread.is_alive())
    made._resolved.want(False)


def test_a_visit_that_a_browser_told_is_no_lookup_of_its_own(observing, monkeypatch):
    made, kept = observing, []
    monkeypatch.setattr(made._lookups, "_emit", kept.append)
    monkeypatch.setattr(made._lookups, "_people", lambda: {ME})
    monkeypatch.setattr("agent.lookups.HOLD_SECONDS", 0.0)
    monkeypatch.setattr("agent.bursts.QUIET_SECONDS", 0.0)
    made._core.spool.save("service observing since", datetime(2026, 1, 1, tzinfo=UTC).isoformat().encode())
    monkeypatch.setattr(made, "_collect_from", lambda _person: datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(made._lookups, "_collect_from", made._collect_from)
    made._take_host(ME, "Firefox", HostVisited(host="bet365.com", at=datetime.now(UTC), private=False))
    for name in ("bet365.com", "pokerstars.com"):
        made._lookups.note(name, 1)
        until(lambda: made._lookups.turn() is None)
    assert [one.name for batch in kept for one in batch.observations] == ["pokerstars.com"]


def test_where_the_service_must_spare_programs_are_not_looked_at_and_that_is_said(running):
    running._watchdog._decision = Decision(pace=2)
    running._sweep_processes()
    health = running._processes.health()
    assert (health.state, "uses more than it may" in health.reason) == ("unknown", True)


@pytest.mark.more
def test_a_service_that_goes_wild_ends_in_order_for_the_system_to_start_it_again(tmp_path):
    """With limits that any service is beyond; all else is as it is."""
    folder = enrolled(tmp_path)
    wild = (
        "import sys; from agent import limits, service; from agent.__main__ import main\n"
        "limits.MEMORY_MOST_BYTES = limits.HARD_READINGS = 1; service.READING_SECONDS = 0.2\n"
        f"sys.exit(main(['run', '--data-dir', {str(folder)!r}]))"
    )

    def ends():
        return subprocess.run([sys.executable, "-c", wild], capture_output=True, text=True, timeout=60, check=False)

    for _ in range(ANEW_MOST_A_DAY):
        done = ends()
        assert done.returncode == BEGIN_ANEW_STATUS, done.stderr
        assert "service.stopped" in done.stderr
        assert "stopped_badly" not in done.stderr
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", wild], capture_output=True, timeout=4, check=False)


@pytest.mark.more
def test_a_service_that_was_killed_is_told_by_status_after_its_next_start(tmp_path):
    folder = enrolled(tmp_path)
    agent = Path(sys.executable).with_name("fairwatch-agent")

    def started():
        child = subprocess.Popen([agent, "run", "--data-dir", folder], stderr=subprocess.DEVNULL)
        until(lambda: asked("--json"))
        return child

    def asked(*words):
        done = subprocess.run(
            [agent, "status", "--data-dir", folder, *words], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    first = started()
    first.kill()
    first.wait()
    second = started()
    try:
        assert json.loads(asked("--json"))["notices"] == ["stopped_badly"]
        assert "Within the last day the service was killed" in asked()
    finally:
        second.terminate()
        second.wait(30)


@pytest.mark.more
def test_a_home_that_hangs_keeps_the_service_from_nothing_and_it_still_stops(tmp_path):
    folder = enrolled(tmp_path / "device")
    agent = Path(sys.executable).with_name("fairwatch-agent")
    home = tmp_path / "home"
    home.mkdir()
    (folder / "agent.toml").write_text(f'profiles = ["{home}"]\nheartbeat_seconds = 1\n')
    slow = Hanging(home)
    child = subprocess.Popen([agent, "run", "--data-dir", folder], stderr=subprocess.DEVNULL)
    try:

        def status():
            done = subprocess.run(
                [agent, "status", "--data-dir", folder, "--json"], capture_output=True, timeout=60, check=False
            )
            return json.loads(done.stdout or "{}")

        until(lambda: HANGS in [one["reason"] for one in status().get("sources", ())], seconds=40)
        child.terminate()
        assert child.wait(30) == 0
    finally:
        slow.answer()
        child.kill()
        child.wait()


@pytest.mark.more
def test_a_clock_that_was_ahead_at_enrolment_and_notice_and_is_put_right_keeps_nothing_unwatched(
    custodians, serving_collector, tmp_path
):
    """What was before it was put right is not collected: it may have been before the notice."""
    by = [timedelta(days=365)]

    def clock():
        return datetime.now(UTC) + by[0]

    folder = with_rules(tmp_path / "device", custodians, serving_collector.address)
    keys.save(replace(keys.load(folder), enrolled_at=clock()), folder)
    first = service.Service(folder, config.Config(), clock=clock)
    first._core.rules.load()
    first._notices.shown(ME, "these words", clock())
    assert abs(first._collect_from(ME) - clock()) < timedelta(minutes=1)
    (tmp_path / "profile").mkdir()
    history, told = MadeChromium(tmp_path / "profile" / "History"), []
    history.add("https://before.test/", datetime.now(UTC) - timedelta(seconds=1))
    history.add("https://ahead.test/", clock())
    by[0] = timedelta()
    put_right = first._collect_from(ME)
    assert abs(put_right - clock()) < timedelta(minutes=1)
    profile = Profile("Chromium", ME, history.file.parent)
    reader = ProfileReader(uuid4(), profile, lambda _key: None, lambda batch: told.extend(batch.observations), clock)
    reader.read(put_right)
    history.add("https://after.test/", clock())
    reader.read(first._collect_from(ME))
    assert [one.name for one in told] == ["after.test"]
    history.close()
    first._core.spool.close()
    again = service.Service(folder, config.Config(), clock=clock)
    again._core.rules.load()
    again._notices.shown(ME, "other words", clock())
    assert again._collect_from(ME) == put_right
    by[0] = timedelta(days=400)
    assert again._collect_from(ME) > put_right + timedelta(days=364)
    again._core.spool.close()


@pytest.mark.more
def test_a_clock_that_was_behind_at_enrolment_and_notice_and_is_put_right_lets_nothing_in_from_before_the_notice(
    custodians, serving_collector, tmp_path
):
    by = [timedelta(days=-365)]

    def clock():
        return datetime.now(UTC) + by[0]

    folder = with_rules(tmp_path / "device", custodians, serving_collector.address)
    keys.save(replace(keys.load(folder), enrolled_at=clock()), folder)
    made = service.Service(folder, config.Config(), clock=clock)
    made._core.rules.load()
    (tmp_path / "profile").mkdir()
    history = MadeChromium(tmp_path / "profile" / "History")
    history.add("https://before.test/", datetime.now(UTC) - timedelta(days=10))
    shown = datetime.now(UTC)
    for words in ("these words", "other words"):
        made._take_notice(ME, words, clock())
    by[0] = timedelta()
    history.add("https://after.test/", clock())
    told = []
    profile = Profile("Chromium", ME, history.file.parent)
    reader = ProfileReader(uuid4(), profile, lambda _key: None, lambda batch: told.extend(batch.observations), clock)
    reader.read(made._collect_from(ME))
    assert [one.name for one in told] == ["after.test"]
    assert abs(made._collect_from(ME) - shown) < timedelta(minutes=1)
    history.close()
    made._core.spool.close()
