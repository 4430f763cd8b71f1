"""The sample is made by the real ingest, is marked as a sample everywhere, and opens with the lead's key only."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol import sealing
from protocol.messages import Heading, decode
from server import audit, queue, sample, simulate, summary
from server.errors import SetUpError
from server.figures import shifted
from server.store.models import Device, Incident, MonthlySummary, Organisation, PersonMonth, Usage, User
from tests.server.conftest import NOW

pytestmark = pytest.mark.more

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
    kept = MonthlySummary.objects.order_by("month").values_list("month", flat=True)
    assert list(kept) == ["2026-08", "2026-09", "2026-10"]
    assert not any(group.suppressed for group in summary.newest("2026-10").groups)
    closed = Incident.objects.filter(state="closed")
    assert all(one.received_at < one.first_opened_at < one.closed_at for one in closed)
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


@pytest.mark.more
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


def told_by(*words):
    done = subprocess.run([SERVER, *map(str, words)], capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.more
def test_months_of_groups_of_set_sizes_can_be_told_in_every_format(tmp_path):
    made = tmp_path / "made"
    code, said, bar = told_by("simulate", "--data-dir", made, "--groups", "20,30,7,3", "--months", "2")
    assert code == 0, bar
    assert "60 sample devices, 2 months and 60 sealed cases" in said
    assert bar.splitlines()[-1].startswith("100%")
    last = shifted(datetime.now(UTC).date().replace(day=1), -1)
    month = f"{last:%Y-%m}"
    for form in ("html", "pdf", "csv", "json"):
        file = tmp_path / f"summary.{form}"
        code, _, problem = told_by("summary", "--data-dir", made, "--month", month, "--format", form, "-o", file)
        assert (code, problem) == (0, "")
    told = json.loads((tmp_path / "summary.json").read_bytes())
    assert {one["group"]: one["suppressed"] for one in told["groups"]} == {
        "learners": False,
        "apprentices": False,
        "staff": False,
        "tutors": True,
    }
    assert told["incidents"]["urgency"]["total"] >= 5
    assert told["incidents"]["response"]["median_minutes"] > 0
    assert told["coverage"]["reported"] == {"learners": 20, "apprentices": 30, "staff": 7, "tutors": 3}
    assert all(figure["before"] for figure in told["totals"])
    assert (tmp_path / "summary.pdf").read_bytes().startswith(b"%PDF")
    assert "Apprentices" in (tmp_path / "summary.html").read_text()
    assert f"{month},1,hours,tutors,,,,withheld" in (tmp_path / "summary.csv").read_text("utf-8-sig")


@pytest.mark.more
@pytest.mark.parametrize(
    ("month", "group", "told"),
    [
        ("2026-13", "learners", "is not a month"),
        ("2999-01", "learners", "is not over yet"),
        (f"{datetime.now(UTC):%Y-%m}", "learners", "is not over yet"),
        ("2019-01", "learners", "no device was enrolled yet"),
        (None, "nobody", "there is no group 'nobody'"),
    ],
)
def test_a_month_or_group_that_isnt_is_refused_in_one_line_and_leaves_the_file_that_was_there(
    month, group, told, small_history, tmp_path
):
    month = month or f"{shifted(datetime.now(UTC).date().replace(day=1), -1):%Y-%m}"
    file = tmp_path / "earlier.html"
    file.write_text("earlier")
    code, said, problem = told_by(
        "summary", "--data-dir", small_history, "--month", month, "--group", group, "-o", file
    )
    assert (code, said) == (2, "")
    assert told in problem
    assert len(problem.splitlines()) == 1
    assert file.read_text() == "earlier"


@pytest.fixture(scope="module")
def small_history(tmp_path_factory):
    made = tmp_path_factory.mktemp("simulated") / "made"
    assert told_by("simulate", "--data-dir", made, "--devices", "6", "--months", "1")[0] == 0
    return made


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "http://127.0.0.1:9"], "needs --token-file"),
        (["--to", "http://127.0.0.1:9", "--token-file", "token", "--months", "3"], "choose one"),
        (["--data-dir", "new", "--months", "3"], "--months needs --groups or --devices"),
        (["--data-dir", "new", "--groups", "20;30"], "is a list of sizes like 20,30,7,3"),
        (["--to", "http://127.0.0.1:9", "--token-file", "none"], "can't be read"),
        (["--to", "http://127.0.0.1:9", "--token-file", "token", "--devices", "0"], "--devices is 1 to 40"),
        (["--to", "ftp://127.0.0.1", "--token-file", "token"], "starts with https://"),
        (["--to", "http://127.0.0.1:9", "--token-file", "token"], "can't be reached"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_in_one_line_and_makes_nothing(words, told, tmp_path):
    (tmp_path / "token").write_text("fw1.x.y")
    done = subprocess.run(
        [SERVER, "simulate", *words], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_cases_lie_within_the_last_three_months_and_never_in_the_future():
    import random

    fleet = sample.devices()
    for seed in range(20):
        cases = sample.cases(fleet, NOW, random.Random(seed))
        assert all(NOW - timedelta(days=93) < case.started < NOW for case in cases)
