"""The sample is made by the real ingest, is marked as a sample everywhere, and opens with the lead's key only."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from protocol import sealing
from protocol.messages import Heading, decode
from server import audit, queue, sample, simulate
from server.errors import SetUpError
from server.store.models import Device, Incident, Organisation, PersonMonth, Usage, User
from tests.server.conftest import NOW

SERVER = Path(sys.executable).with_name("fairwatch-server")


def test_the_history_is_stored_once_sealed_and_marked(database, people, lead_key):
    told = []
    simulate.write_history(NOW, told.append, signing={"lead": lead_key.private})
    assert Organisation.objects.get().sample
    assert Device.objects.filter(sample=True).count() == 40
    assert set(Device.objects.values_list("group", flat=True)) == set(sample.GROUPS)
    assert Incident.objects.filter(sample=True).count() == sample.CASES == 60
    assert PersonMonth.objects.values("month").distinct().count() >= 3
    assert Usage.objects.count() > 10_000
    closed = Incident.objects.filter(state="closed")
    assert 40 < closed.count() < 60
    assert all(incident.notes.filter(closing=True).count() == 1 for incident in closed)
    assert audit.verify() is None
    assert "60 of 60" in told[-1]
    row = queue.page(people.lead, sealed=True).rows[0]
    place = sealing.Place(purpose="heading", subject=row.device, record=row.record, header=row.header)
    heading = decode(sealing.open_envelope(row.heading, lead_key.private, place), Heading)
    assert heading.person.startswith("sample-")


@pytest.mark.django_db
def test_without_a_leads_own_key_nobody_signs_an_outcome_so_sample_cases_stay_open(people, lead_key):
    simulate.write_history(NOW, lambda _line: None)
    assert Incident.objects.filter(sample=True).count() == Incident.objects.filter(state="open").count() == 60


def test_without_anybody_who_could_open_it_no_history_is_written(database, organisation):
    with pytest.raises(SetUpError, match="nobody can open cases"):
        simulate.write_history(NOW, lambda _line: None)
    assert Device.objects.count() == 0


@pytest.mark.django_db
def test_every_lead_without_a_key_gets_one_with_words(people):
    words, private = simulate.make_lead_keys()
    assert set(words) == set(private)
    assert set(words) == {"lead", "deputy", "partner"}
    assert all(len(each.split()) == 6 for each in words.values())
    assert simulate.make_lead_keys() == ({}, {})
    assert User.objects.get(username="it").lead_keys.count() == 0


def test_the_command_makes_a_collector_where_there_is_none_and_never_writes_twice(tmp_path):
    def command():
        words = [SERVER, "simulate", "--data-dir", tmp_path / "made"]
        return subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)

    first = command()
    assert first.returncode == 0, first.stderr
    assert "60 sealed cases" in first.stdout
    again = command()
    assert again.returncode == 2
    assert "holds the sample already" in again.stderr
    assert len(again.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "http://127.0.0.1:9"], "needs --token-file"),
        (["--to", "http://127.0.0.1:9", "--token-file", "none"], "can't be read"),
        (["--to", "http://127.0.0.1:9", "--token-file", "token", "--devices", "0"], "--devices is 1 to 40"),
        (["--to", "ftp://127.0.0.1", "--token-file", "token"], "starts with https://"),
        (["--to", "http://127.0.0.1:9", "--token-file", "token"], "can't be reached"),
    ],
)
def test_live_traffic_asked_for_wrongly_is_refused_in_one_line(words, told, tmp_path):
    (tmp_path / "token").write_text("fw1.x.y")
    done = subprocess.run(
        [SERVER, "simulate", *words], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_cases_lie_within_the_last_three_months_and_never_in_the_future():
    import random

    fleet = sample.devices()
    for seed in range(20):
        cases = sample.cases(fleet, NOW, random.Random(seed))
        assert all(NOW - timedelta(days=93) < case.started < NOW for case in cases)
