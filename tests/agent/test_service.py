"""The service puts the parts together: nothing is collected before the notice, and everything ends in order."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest

from agent import config, keys, service, updates
from agent.errors import NotEnrolledError
from agent.health import HealthReport
from agent.http import Collector
from agent.notice import as_text
from agent.session.messages import Acknowledged, DocumentShown, Front
from protocol.messages import GroupingAnswer, Heartbeat, decode_body, encode
from rules import policy as policy_module
from rules.policy import Document, Policy
from rules.versions import PACK_FORMATS, POLICY_FORMATS

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


def test_the_notice_tells_each_person_the_private_time_of_their_own_group(running):
    text = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
    text = text.replace('name = "Staff"', 'name = "Staff"\naccounts = ["s-*"]')
    running._bundle = SimpleNamespace(policy=Policy.parse(text, "policy.toml"))
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


def test_only_the_newest_heartbeat_waits_in_the_spool(running):
    running._beat()
    running._beat()
    (parcel,) = running._spool.peek(1_000_000, 10)
    beat = decode_body(parcel)
    assert isinstance(beat, Heartbeat)
    assert beat.notice_shown is False
    assert (beat.recipients_version, beat.policy_version) == (0, 0)
    assert (beat.pack_formats, beat.policy_formats) == (PACK_FORMATS, POLICY_FORMATS)


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


# --- rules on this disk -----------------------------------------------------------------------------------------


@pytest.fixture
def collector(custodians):
    """A real collector over HTTP that serves what the custodians signed, and answers nothing while it is `away`."""
    publication = custodians.publish()

    class Handler(BaseHTTPRequestHandler):
        away = False

        def do_GET(self):
            data = publication.read(self.path.removeprefix("/publication/"))
            tag = f'"{hashlib.sha256(data or b"").hexdigest()[:32]}"'
            same = self.headers.get("If-None-Match") == tag
            self.send_response(503 if self.away else 404 if data is None else 304 if same else 200)
            self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(b"" if same or self.away else data or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    Handler.address = f"http://127.0.0.1:{server.server_port}"
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def observing(custodians, collector, tmp_path):
    """A service with signed rules in force; returns it and the folder of the set in force."""
    folder = tmp_path / "device"
    anchor = (custodians.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    own = keys.make_keys(folder)
    identity = keys.Identity(
        device=uuid4(), group="learners", collector=collector.address, certificate="", root=sha256(anchor),
        root_version=1, minimum={}, enrolled_at=datetime.now(UTC), key=own.key, spool_key=own.spool_key,
    )  # fmt: skip
    keys.save(identity, folder)
    (folder / "rules").mkdir()
    (folder / "rules" / "anchor.json").write_bytes(anchor)
    asked = Collector(collector.address)
    assert updates.check(folder, asked, root=identity.root, minimum={}, now=datetime.now(UTC)).state == "new"
    asked.close()
    made = service.Service(folder, config.Config(update_seconds=3600, heartbeat_seconds=3600))
    made._load_rules()
    yield made, folder / "rules" / "current"
    made._watch.stop()
    made._sender._collector.close()
    made._questions.close()
    made._spool.close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def rules_state(made: service.Service) -> tuple[str, str]:
    one = made._rules_health()
    return one.state, one.reason


def test_a_person_is_told_the_signed_rules_for_them_and_who_signed(observing):
    made, _ = observing
    told = json.loads(made._answer(ME, "held"))
    assert (told["account"], told["watched"], told["collected_from"], told["sums"]) == (ME, True, None, [])
    assert (told["rules"]["group"], told["rules"]["policy_version"]) == ("Learners", made._bundle.policy_version)
    assert len(told["rules"]["signed_by"]) == 2
    assert told["rules"]["signed_at"] is not None


def cut_short(current: Path) -> None:
    with (current / "rules" / "packs" / "curated.pack").open("r+b") as file:
        file.truncate(0)


def overwrite(current: Path) -> None:
    with (current / "rules" / "packs" / "curated.pack").open("r+b") as file:
        file.write(bytes(10_000))


def edit_the_policy(current: Path) -> None:
    path = current / "policy.toml"
    path.write_text(path.read_text().replace("08:00", "07:00"))


def add_a_pack(current: Path) -> None:
    packs = current / "rules" / "packs"
    (packs / "more.pack").write_bytes((packs / "curated.pack").read_bytes())


def remove_a_pack(current: Path) -> None:
    (current / "rules" / "packs" / "curated.pack").unlink()


def remove_the_link(current: Path) -> None:
    current.unlink()


@pytest.mark.parametrize("edit", [cut_short, overwrite, edit_the_policy, add_a_pack, remove_a_pack, remove_the_link])
def test_an_edited_rule_is_refused_within_a_second_told_and_put_right_at_once(observing, edit):
    made, current = observing
    before = made._bundle
    signed = {path: path.read_bytes() for path in (current / "policy.toml", current / "rules/packs/curated.pack")}
    assert rules_state(made) == ("working", "")
    made._watch.start()
    begun = time.monotonic()
    edit(current)
    until(lambda: rules_state(made)[0] == "failing", 5.0)
    assert time.monotonic() - begun < 1.0
    assert rules_state(made)[1] == service._EDITED
    assert made._bundle is before
    assert made._bundle.rules.classify("host", "www.bet365.com").categories == ("gambling",)
    until(lambda: rules_state(made) == ("working", ""))
    assert {path: path.read_bytes() for path in signed} == signed
    assert not (current / "rules" / "packs" / "more.pack").exists()
    assert made._bundle.rules.classify("host", "x.bet365.com").categories == ("gambling",)


def test_while_the_collector_is_away_an_edit_stays_refused_and_told(observing, collector):
    made, current = observing
    collector.away = True
    before = made._bundle
    edit_the_policy(current)
    made._rules_changed()
    assert rules_state(made) == ("failing", service._EDITED)
    assert made._bundle is before
    collector.away = False
    made._update()
    assert rules_state(made) == ("working", "")


def test_rules_that_were_edited_before_the_start_are_not_loaded(observing):
    made, current = observing
    edit_the_policy(current)
    made._bundle = None
    made._load_rules()
    assert rules_state(made) == ("failing", service._EDITED_AND_NOTHING_LOADED)
    assert made._bundle is None


def test_new_rules_that_another_process_fetched_are_taken_up_without_waiting(custodians, observing):
    made, _ = observing
    made._watch.start()
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    command = [*service.own_command(), "update", "--data-dir", made._data_dir]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    until(lambda: made._bundle.recipients_version == 3, 5.0)
    assert rules_state(made) == ("working", "")


def test_documents_of_the_signed_policy_are_asked_for_and_acknowledged_once_through_the_spool(observing):
    made, _ = observing
    assert made._settings(ME).documents == ()
    document = Document(id="code", title="Code", version="3", date=date(2026, 11, 1), text="Be kind.")
    policy = msgspec.structs.replace(made._bundle.policy, documents=(document,))
    made._bundle = replace(made._bundle, policy=policy)
    (asked,) = made._settings(ME).documents
    for message in (DocumentShown, Acknowledged, Acknowledged):
        made._take_reading(ME, message(document="code", shown=asked.shown))
    assert made._settings(ME).documents == ()
    assert [parcel.kind for parcel in made._spool.peek(10**6, 9)] == ["acknowledgement"]
    told = json.loads(made._answer(ME, "documents"))
    assert [(one["title"], one["version"]) for one in told["acknowledged"]] == [("Code", "3")]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.more
def test_twenty_checks_do_not_make_the_service_larger(observing):
    made, _ = observing
    for _ in range(2):
        made._update()
    before = resident_bytes()
    for _ in range(20):
        made._update()
    assert resident_bytes() - before < 1024 * 1024


def test_the_key_of_tags_is_asked_for_once_a_start_kept_and_missed_by_nothing(running, tmp_path):
    running._ask_grouping()  # nobody is there
    assert running._grouping_key is None
    asked = []

    def post(path, body, sign):
        asked.append((path, json.loads(body)))
        return encode(GroupingAnswer(bytes(range(32))))

    running._questions = SimpleNamespace(post=post, close=lambda: None)
    running._ask_grouping()
    running._ask_grouping()
    assert asked == [("/v1/grouping", {"version": 1})]
    assert running._pipeline._grouping_key() == bytes(range(32))
    running._spool.close()
    again = service.Service(tmp_path, config.Config())
    assert again._grouping_key == bytes(range(32))
    again._spool.close()
