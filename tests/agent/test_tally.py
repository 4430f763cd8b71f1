"""Totals: never more than wall time, never a name that may not be named, and nothing lost or handed on twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.judge import decide
from agent.observation import Observation
from agent.spans import instant, length, merged, milliseconds
from agent.tally import (
    FLUSH_SECONDS,
    OWN_DAYS_LEAST,
    VISIT_MAX_SECONDS,
    WAITING_MAX_VISITS,
    Label,
    Tally,
    kept_until,
    label_of,
)
from protocol.limits import TOTALS_MAX_ROWS
from rules.model import Verdict

DEVICE = UUID(int=1)
PERSON = "sam"
MONTHLY = UUID(int=77)
LONDON = ZoneInfo("Europe/London")
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NEWS = Label("news", "bbc.co.uk")
GAMES = Label("games", None)
OTHER = Label("other", None)
LATER = timedelta(hours=2)


class Disk:
    """A spool's memory that forgets what was not committed."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def save(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = value


def seen(kind, name, started, seconds=None, *, person=PERSON, source=None):
    return Observation(
        device=DEVICE,
        kind=kind,
        name=name,
        started=started,
        seconds=seconds,
        person=person,
        source=source or ("browser_history" if kind == "host" else "foreground"),
    )


def label_in(verdict, rules, policy, group="staff"):
    judged = decide(verdict, policy, group, NOON)
    category, response = (judged.category, judged.decision.response) if judged is not None else (None, None)
    return label_of(verdict, category, response, rules.taxonomy.by_id)


class Bench:
    """A tally over a disk, with the steps of a transaction in one."""

    def __init__(self, disk: Disk | None = None, zone: ZoneInfo = LONDON) -> None:
        self.disk = disk or Disk()
        self.zone = zone
        self.tally = Tally(self.disk.load, lambda _device, _person: "staff")

    def commit(self) -> None:
        self.tally.write(self.disk.save)
        self.tally.committed()

    def visit(self, at, label=NEWS, *, seconds=None, counted=600.0, person=PERSON, source=None, remind=None, now=None):
        one = seen("host", "a.example", at, seconds, person=person, source=source)
        self.tally.add(one, label, counted_seconds=counted, remind=remind, now=now or at, zone=self.zone)
        self.commit()

    def front(self, at, seconds, label=OTHER, *, name="linux:firefox", person=PERSON, source=None, remind=None):
        one = seen("app", name, at, seconds, person=person, source=source)
        self.tally.add(one, label, counted_seconds=seconds, remind=remind, now=at, zone=self.zone)
        self.commit()

    def settle(self, now):
        self.tally.settle(now, self.zone)
        self.commit()

    def flush(self, now, ids=None):
        months = {day.strftime("%Y-%m") for day in self.tally.memory.live.days}
        found = self.tally.flush({(month, PERSON): MONTHLY for month in months} if ids is None else ids, now)
        self.commit()
        return found

    def rows(self, person=PERSON):
        return [
            (str(row.day), row.kind, row.category, row.name, row.seconds, row.visits)
            for row in self.tally.own_totals(person, date(2000, 1, 1))
        ]


@pytest.fixture
def bench():
    return Bench()


# --- what a row may say (promise 7) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("www.theguardian.com", ("other", None)),  # this policy ignores news
        ("en.wikipedia.org", ("reference", "wikipedia.org")),
        ("samantha-jones.wikipedia.org", ("reference", "wikipedia.org")),
        ("linux:libreoffice-writer", ("work_tools", "linux:libreoffice-writer")),
        ("store.steampowered.com", ("games", "steampowered.com")),
        ("gog.com", ("games", None)),
        ("www.itisatrap.org", ("phishing", None)),
        ("bet365.com", ("other", None)),
        ("tinder.com", ("other", None)),
        ("indeed.co.uk", ("other", None)),
        ("samaritans.org", ("other", None)),
        ("www.nhs.uk", ("other", None)),
        ("unison.org.uk", ("other", None)),
        ("unheard-of.example", ("other", None)),
        ("linux:exe:nobody-knows", ("other", None)),
    ],
)
def test_a_total_names_only_the_common_and_harmless_and_tells_nothing_sensitive_apart(name, label, rules, policy):
    verdict = rules.classify("app" if ":" in name else "host", name)
    assert label_in(verdict, rules, policy) == label


def test_a_nameable_site_that_is_flagged_is_not_named(rules, policy):
    verdict = rules.classify("host", "amazon.co.uk")
    assert verdict.nameable
    labels = [label_in(verdict, rules, policy, group) for group in ("staff", "learners")]
    assert labels == [("shopping", "amazon.co.uk"), ("shopping", None)]


@pytest.mark.parametrize("category", ["gambling", "help_seeking", "no_such_category"])
def test_a_name_is_not_told_apart_where_any_of_its_categories_may_not_be(rules, category):
    """The rules never call such a verdict nameable; the totals do not rely on it."""
    verdict = Verdict("host", "a.example", ("news", category), nameable=True, nameable_as="a.example")
    assert label_of(verdict, "news", "total", rules.taxonomy.by_id) == ("other", None)


@pytest.mark.parametrize("name", ["download.windowsupdate.com", "rr4.googlevideo.com", "linux:update-manager"])
def test_background_traffic_is_nobodys_use_whatever_its_category_and_has_no_name(name, rules, policy):
    verdict = rules.classify("app" if ":" in name else "host", name)
    assert label_in(verdict, rules, policy) == ("background", None)


def test_what_is_flagged_or_may_not_be_told_apart_is_never_background(rules):
    def label(*categories, response):
        verdict = Verdict("host", "a.example", categories, background=True)
        return label_of(verdict, categories[0], response, rules.taxonomy.by_id)

    assert label("phishing", response="flag") == ("phishing", None)
    assert label("gambling", response="total") == ("other", None)
    assert label("health", response="ignore") == ("other", None)
    assert label("news", "pornography", response="total") == ("other", None)
    assert label("news", response="ignore") == ("background", None)


def test_all_that_is_not_told_apart_is_one_row(bench, rules, policy):
    for number, name in enumerate(["bet365.com", "samaritans.org", "unheard-of.example", "tinder.com"]):
        verdict = rules.classify("host", name)
        label = label_in(verdict, rules, policy)
        bench.visit(NOON + timedelta(seconds=number * 10), label)
    bench.settle(NOON + LATER)
    assert bench.rows() == [("2026-03-04", "host", "other", None, 30 + VISIT_MAX_SECONDS, 4)]


# --- how long ------------------------------------------------------------------------------------------------------


def test_a_visit_counts_until_the_next_one(bench):
    bench.visit(NOON, NEWS)
    bench.visit(NOON + timedelta(seconds=40), GAMES)
    bench.settle(NOON + LATER)
    assert bench.rows() == [
        ("2026-03-04", "host", "games", None, VISIT_MAX_SECONDS, 1),
        ("2026-03-04", "host", "news", "bbc.co.uk", 40, 1),
    ]


def test_a_visit_that_was_read_late_takes_its_place_between_the_others(bench):
    bench.visit(NOON, NEWS)
    bench.visit(NOON + timedelta(seconds=100), NEWS)
    bench.visit(NOON + timedelta(seconds=60), GAMES)
    bench.settle(NOON + LATER)
    assert ("2026-03-04", "host", "games", None, 40, 1) in bench.rows()


def test_a_visit_waits_until_it_is_known_how_long_it_may_count(bench):
    bench.visit(NOON)
    bench.settle(NOON + timedelta(seconds=VISIT_MAX_SECONDS + 100))
    assert bench.rows() == []
    bench.settle(NOON + timedelta(seconds=VISIT_MAX_SECONDS + 200))
    assert len(bench.rows()) == 1


def test_where_the_app_in_front_is_known_a_visit_counts_only_behind_a_browser(bench):
    bench.visit(NOON)
    bench.front(NOON - timedelta(seconds=10), 30)
    bench.front(NOON + timedelta(seconds=20), 60, name="linux:libreoffice-writer")
    bench.front(NOON + timedelta(seconds=80), 15)
    bench.settle(NOON + LATER)
    assert ("2026-03-04", "host", "news", "bbc.co.uk", 20 + 15, 1) in bench.rows()


def test_where_nobody_was_in_front_a_visit_counts_but_no_time_does(bench):
    bench.front(NOON - timedelta(hours=1), 60, name="linux:libreoffice-writer")
    bench.visit(NOON)
    bench.settle(NOON + LATER)
    assert ("2026-03-04", "host", "news", "bbc.co.uk", 0, 1) in bench.rows()


def test_an_app_counts_while_it_was_in_front_and_overlapping_sources_count_once(bench):
    bench.front(NOON, 60, NEWS)
    bench.front(NOON + timedelta(seconds=30), 60, GAMES, name="linux:game")
    bench.front(NOON, 60, NEWS)
    assert sum(row[4] for row in bench.rows()) == 90


def test_an_app_that_stays_in_front_was_opened_once(bench):
    for minute in range(3):
        bench.front(NOON + timedelta(minutes=minute), 60, NEWS)
    bench.front(NOON + timedelta(minutes=30), 60, NEWS)
    assert bench.rows() == [("2026-03-04", "app", "news", "bbc.co.uk", 240, 2)]


@pytest.mark.parametrize(
    ("kind", "source"), [("app", "processes"), ("host", "resolver"), ("host", "gateway"), ("app", "something_new")]
)
def test_what_only_ran_or_was_only_looked_up_adds_no_time_and_no_visit(bench, kind, source):
    one = seen(kind, "a.example", NOON, 60.0, source=source)
    bench.tally.add(one, NEWS, counted_seconds=60, remind=None, now=NOON, zone=LONDON)
    bench.settle(NOON + LATER)
    assert bench.rows() == []


def test_time_never_reaches_into_private_time(bench):
    bench.visit(NOON, counted=12.0)
    bench.settle(NOON + LATER)
    assert bench.rows()[0][4] == 12


def test_midnight_splits_a_visit_between_two_days(bench):
    bench.visit(datetime(2026, 6, 1, 22, 58, tzinfo=UTC))
    bench.settle(datetime(2026, 6, 2, tzinfo=UTC))
    assert bench.rows() == [
        ("2026-06-01", "host", "news", "bbc.co.uk", 120, 1),
        ("2026-06-02", "host", "news", "bbc.co.uk", 180, 0),
    ]


def test_people_are_counted_apart(bench):
    bench.front(NOON, 60)
    bench.front(NOON, 60, person="ali")
    assert [row[4] for row in bench.rows()] == [60]
    assert [row[4] for row in bench.rows("ali")] == [60]


def test_a_clock_set_back_by_months_does_not_keep_visits_waiting_for_months(bench):
    bench.visit(NOON + timedelta(days=90))
    bench.settle(NOON)
    assert [row[5] for row in bench.rows()] == [1]


def test_a_clock_set_days_ahead_and_back_loses_no_time_and_counts_none_twice(bench):
    ahead = timedelta(days=2)
    handed_on = []
    for at, by_clock in ((0, timedelta()), (10, ahead), (20, timedelta()), (30, timedelta())):
        now = NOON + timedelta(minutes=at) + by_clock
        bench.visit(now)
        bench.front(now, 600)
        bench.settle(now + timedelta(minutes=10))
        handed_on += [row for one in bench.flush(now + timedelta(minutes=10)) for row in one.rows]
    bench.settle(NOON + LATER)
    handed_on += [row for one in bench.flush(NOON + LATER) for row in one.rows]
    apps = [(row[0], row[4]) for row in bench.rows() if row[1] == "app"]
    assert sorted(apps) == [("2026-03-04", 1800), ("2026-03-06", 600)]
    assert sum(row.seconds for row in handed_on if row.kind == "app") == 2400
    assert sum(row.visits for row in handed_on if row.kind == "host") == 4


def test_a_clock_set_back_over_time_that_was_counted_makes_no_more_of_it(bench):
    bench.front(NOON, 600)
    bench.front(NOON + timedelta(minutes=5), 600)
    assert [row[4] for row in bench.rows()] == [900]


def test_a_flood_of_visits_is_counted_and_kept_small(bench):
    for at in range(WAITING_MAX_VISITS + 50):
        one = seen("host", "a.example", NOON + timedelta(milliseconds=at))
        bench.tally.add(one, NEWS, counted_seconds=600, remind=None, now=NOON, zone=LONDON)
    assert bench.tally.crowded
    bench.settle(NOON)
    assert sum(len(visits) for visits in bench.tally.memory.live.waiting.values()) == WAITING_MAX_VISITS
    bench.settle(NOON + LATER)
    assert bench.rows()[0][5] == WAITING_MAX_VISITS + 50


# --- never more than wall time -------------------------------------------------------------------------------------

CHANGES = [
    datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
    datetime(2026, 10, 24, 22, 0, tzinfo=UTC),
    datetime(2026, 6, 30, 22, 0, tzinfo=UTC),
]
"""Evenings before London's clock changes, and one before a month's end."""

LABELS = [NEWS, GAMES, OTHER]
APPS = ["linux:firefox", "linux:game"]
_SPAN_SECONDS = 8 * 3600

steps = st.lists(
    st.tuples(
        st.sampled_from(["visit", "front", "front twice", "step", "suspend", "tick", "crash", "flush"]),
        st.integers(0, 900),
        st.floats(0, 700, allow_nan=False),
        st.sampled_from(LABELS),
        st.sampled_from(APPS),
    ),
    max_size=60,
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(CHANGES), steps)
def test_totals_never_exceed_the_wall_time_covered(start, made):
    """Over midnight, clock changes, suspend, stepped clocks, overlapping sources, crashes: at most what was covered."""
    bench, now, sent = Bench(), start, []
    covered = {"host": [], "app": []}
    for what, gap, seconds, label, app in made:
        at = milliseconds(now)
        match what:
            case "visit":
                bench.visit(now, label, now=now)
                covered["host"].append((at, at + VISIT_MAX_SECONDS * 1000))
            case "front" | "front twice":
                for offset in (0,) if what == "front" else (0, -200):
                    bench.front(now + timedelta(seconds=offset), seconds, label, name=app)
                    covered["app"].append((at + offset * 1000, at + offset * 1000 + int(seconds * 1000)))
            case "step":
                now -= timedelta(seconds=gap * 4)
            case "suspend":
                now += timedelta(seconds=gap * 20)
            case "tick":
                bench.settle(now)
            case "crash":
                bench = Bench(bench.disk)
            case "flush":
                sent += bench.flush(now)
        now += timedelta(seconds=gap)
    end = max(now, start) + timedelta(days=2)
    bench.settle(end)
    sent += bench.flush(end)
    for kind in ("host", "app"):
        own = [row for row in bench.tally.own_totals(PERSON, date(2000, 1, 1)) if row.kind == kind]
        handed_on = [row for totals in sent for row in totals.rows if row.kind == kind]
        wall_ms = length(merged(covered[kind]))
        assert sum(row.seconds for row in own) * 1000 <= wall_ms
        assert all(row.seconds >= 0 and row.visits >= 0 for row in own + handed_on)
        assert sum(row.seconds for row in handed_on) == sum(row.seconds for row in own)
        assert sum(row.visits for row in handed_on) == sum(row.visits for row in own)
        for day in {row.day for row in own}:
            midnights = [datetime.combine(day + timedelta(days=more), datetime.min.time(), LONDON) for more in (0, 1)]
            first, last = (milliseconds(at.astimezone(UTC)) for at in midnights)
            day_ms = length(merged((max(a, first), min(b, last)) for a, b in covered[kind]))
            assert sum(row.seconds for row in own if row.day == day) * 1000 <= day_ms


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 250_000), min_size=1, max_size=40))
def test_visits_that_follow_each_other_lose_no_time(gaps_ms):
    """The other side of the bound: what nobody disputes is counted whole."""
    bench, at = Bench(), [milliseconds(NOON)]
    for gap in gaps_ms:
        at.append(at[-1] + gap)
    for one in at:
        bench.visit(instant(one), OTHER)
    bench.settle(NOON + timedelta(days=1))
    whole = sum(after - before for before, after in pairwise(at)) + VISIT_MAX_SECONDS * 1000
    assert sum(row[4] for row in bench.rows()) == whole // 1000


# --- handing on ----------------------------------------------------------------------------------------------------


def test_what_is_handed_on_is_what_was_added_since(bench):
    bench.front(NOON, 60.7)
    (first,) = bench.flush(NOON)
    bench.front(NOON + timedelta(minutes=5), 60.7)
    (second,) = bench.flush(NOON)
    assert [(row.person, row.seconds) for row in (*first.rows, *second.rows)] == [(MONTHLY, 60), (MONTHLY, 61)]
    assert (first.device, first.group) == (DEVICE, "staff")
    assert bench.flush(NOON) == []


def test_totals_wait_until_the_monthly_id_is_known(bench):
    bench.front(NOON, 60)
    assert bench.flush(NOON, {}) == []
    assert bench.tally.unsent_people() == {"2026-03": {PERSON}}
    (totals,) = Bench(bench.disk).flush(NOON)
    assert totals.rows[0].seconds == 60


def test_a_month_has_its_own_id(bench):
    bench.front(datetime(2026, 3, 31, 22, 59, 30, tzinfo=UTC), 60)
    assert bench.tally.unsent_people() == {"2026-03": {PERSON}, "2026-04": {PERSON}}
    (totals,) = bench.flush(NOON, {("2026-04", PERSON): MONTHLY})
    assert [(str(row.day), row.seconds) for row in totals.rows] == [("2026-04-01", 30)]
    assert bench.tally.unsent_people() == {"2026-03": {PERSON}}


def test_a_message_never_holds_more_rows_than_it_may(bench):
    for number in range(TOTALS_MAX_ROWS + 7):
        bench.front(NOON + timedelta(seconds=number), 1, Label("news", f"n{number}.example"))
    found = bench.flush(NOON)
    assert [len(totals.rows) for totals in found] == [TOTALS_MAX_ROWS, 7]


def test_totals_are_due_every_quarter_of_an_hour_and_after_a_clock_set_back(bench):
    assert bench.tally.flush_is_due(NOON)
    bench.flush(NOON)
    assert not bench.tally.flush_is_due(NOON + timedelta(seconds=FLUSH_SECONDS - 1))
    assert bench.tally.flush_is_due(NOON + timedelta(seconds=FLUSH_SECONDS))
    assert bench.tally.flush_is_due(NOON - timedelta(seconds=1))


# --- remembering ---------------------------------------------------------------------------------------------------


def test_what_was_not_committed_was_never_counted(bench):
    bench.front(NOON, 60, NEWS)
    bench.visit(NOON)
    before = (bench.rows(), dict(bench.disk.kept))
    one = seen("app", "linux:game", NOON + timedelta(minutes=5), 60.0)
    bench.tally.add(one, GAMES, counted_seconds=60, remind="games", now=NOON, zone=LONDON)
    bench.tally.settle(NOON + LATER, LONDON)
    bench.tally.flush({("2026-03", PERSON): MONTHLY}, NOON)
    bench.tally.rolled_back()
    assert (bench.rows(), bench.disk.kept, bench.tally.take_spent()) == (*before, [])
    bench.settle(NOON + LATER)
    assert ("2026-03-04", "host", "news", "bbc.co.uk", 60, 1) in bench.rows()


def test_a_new_disk_is_given_all_that_is_known(bench):
    bench.front(NOON, 60)
    bench.visit(NOON)
    lost, bench.disk.kept = bench.disk.kept, {}
    bench.tally.rolled_back(disk_lost=True)
    bench.commit()
    assert bench.disk.kept == lost


def test_a_state_that_is_not_understood_begins_anew_rather_than_stopping_the_agent(caplog):
    disk = Disk()
    disk.kept = {"tally": b"\xc1", "tally 2026-03-04": b"\xc1"}
    bench = Bench(disk)
    bench.front(NOON, 60)
    assert [row[4] for row in bench.rows()] == [60]
    assert "tally.state_not_understood" in caplog.text


def test_nothing_on_disk_says_which_host_was_visited(bench):
    bench.visit(NOON, OTHER)
    assert b"a.example" not in b"".join(bench.disk.kept.values())


@pytest.mark.parametrize(
    ("day", "last"), [((2026, 1, 1), (2026, 3, 17)), ((2026, 1, 31), (2026, 3, 17)), ((2025, 12, 31), (2026, 2, 14))]
)
def test_a_days_totals_are_kept_until_45_days_after_their_month(day, last):
    assert kept_until(date(*day)) == date(*last)


@pytest.mark.parametrize("sent", [True, False])
def test_own_totals_stay_as_long_as_the_collector_keeps_them_and_no_day_longer(bench, sent):
    bench.front(NOON, 60)
    if sent:
        bench.flush(NOON)
    for today, left in ((date(2026, 5, 15), ["2026-03-04"]), (date(2026, 5, 16), [])):
        bench.tally.forget_before(today)
        bench.commit()
        assert [row[0] for row in bench.rows()] == left
        assert [row[0] for row in Bench(bench.disk).rows()] == left
    assert list(bench.disk.kept) == ["tally"]


def test_where_the_spool_fills_old_days_that_were_handed_on_go_sooner_and_others_stay(bench):
    old = NOON - timedelta(days=OWN_DAYS_LEAST + 1)
    bench.front(old, 60)
    bench.flush(NOON)
    bench.front(old - timedelta(days=1), 60)
    bench.front(NOON, 60)
    bench.tally.forget_before(NOON.date(), crowded=True)
    assert [row[0] for row in bench.rows()] == [str((old - timedelta(days=1)).date()), "2026-03-04"]


def test_own_totals_say_what_of_them_was_handed_on(bench):
    bench.front(NOON, 60)
    bench.flush(NOON)
    bench.front(NOON + timedelta(minutes=5), 30)
    (own,) = bench.tally.own_totals(PERSON, date.min)
    assert (own.seconds, own.handed_on_seconds) == (90, 60)


def test_what_was_used_of_a_category_with_reminders_is_told_with_the_sum_of_the_day(bench):
    bench.front(NOON, 60, GAMES, remind="games")
    bench.front(NOON + timedelta(minutes=1), 60, NEWS)
    again = Bench(bench.disk)
    again.front(NOON + timedelta(minutes=2), 60, GAMES, remind="games")
    assert [(one.person, one.category, one.seconds) for one in again.tally.take_spent()] == [(PERSON, "games", 120)]
    assert again.tally.take_spent() == []
