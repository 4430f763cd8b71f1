"""An explanation is in plain words, names the line, and refuses what it does not understand with the nearest known."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rules import explain
from rules.__main__ import main
from rules.errors import RulesError
from rules.model import Match, Taxonomy, TrialMatch, Verdict
from rules.policy import Policy

POLICY = Path(explain.__file__).with_name("policy.toml").read_text("utf-8")
EVENING = ["--group", "learners", "--at", "2026-11-22 21:30"]
NOON = ["--group", "staff", "--at", "2026-11-23 12:00"]


def line_of(words: str) -> int:
    return next(number for number, line in enumerate(POLICY.splitlines(), start=1) if line.startswith(words))


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_a_routine_site_in_a_learners_private_time_leads_to_nothing_and_the_lines_say_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = explained(capsys, "www.bet365.com", *EVENING)
    assert "Learners, Sunday 22 November 2026 at 21:30 (Europe/London)" in out
    assert "Nothing happens: it is private time (working hours: Monday to Friday, 08:00 to 18:00)" in out
    private = line_of('private_time = "urgent_only"')
    assert f"policy.toml line {private}: private_time" in out
    assert "In working hours: It is flagged: a routine incident (Gambling)" in out
    assert f"policy.toml line {line_of('gambling =')}: gambling" in out
    assert "by the entry bet365.com, which 1 list names: gambling" in out


def test_an_urgent_site_in_private_time_is_flagged_for_learners_and_dropped_for_staff(taxonomy: Taxonomy) -> None:
    policy = Policy.parse(POLICY, "policy.toml", taxonomy)
    matches = (Match("suicide", "made.example", ("one", "two")),)
    verdict = Verdict("host", "made.example", ("suicide",), "made.example", matches)
    at = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    lines = "\n".join(explain.as_lines(verdict, policy, ("staff", "learners"), at, ()))
    staff, learners = lines.split("\n\n")[1:]
    assert "Nothing happens" in staff
    assert "everything is dropped then" in staff
    assert "but this is urgent. It is flagged: an urgent incident (Suicide)" in learners
    assert "which 2 lists agree on: one, two" in lines


def test_help_is_said_to_be_protected(capsys: pytest.CaptureFixture[str]) -> None:
    out = explained(capsys, "samaritans.org", *NOON)
    assert "It is protected: never flagged" in out
    assert "incident" not in out


def test_an_app_is_explained_like_a_site(capsys: pytest.CaptureFixture[str]) -> None:
    out = explained(capsys, "linux:steam", *NOON)
    assert "Games (games) by the entry linux:steam" in out
    assert "The person is told once 30 minutes of Games are used up that day" in out


def test_what_is_in_no_category_is_only_part_of_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert "only part of “other”" in explained(capsys, "nobody-lists-this.example", *NOON)


def test_every_group_is_explained_where_none_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(explained(capsys, "bet365.com", "--at", "2026-11-22 21:30", "--json"))
    assert list(data["groups"]) == ["staff", "learners", "partners"]
    assert {group["effect"] for group in data["groups"].values()} == {"nothing"}
    assert data["at"] == "2026-11-22T21:30:00+00:00"


def test_the_policy_in_the_rules_folder_is_the_one_that_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shipped", str(tmp_path)]) == 0
    (tmp_path / "policy.toml").write_text(POLICY.replace('gambling = "flag"', 'gambling = "total"'))
    capsys.readouterr()
    own = explained(capsys, "bet365.com", *NOON, "--rules", str(tmp_path))
    assert "Only minutes are counted (Gambling), as part of “other”" in own
    shipped = str(Path(explain.__file__).with_name("policy.toml"))
    again = explained(capsys, "bet365.com", *NOON, "--rules", str(tmp_path), "--policy", shipped)
    assert "It is flagged" in again


def test_a_pack_that_the_policy_does_not_name_or_that_has_grown_is_said_to_be_on_trial(taxonomy: Taxonomy) -> None:
    policy = Policy.parse(POLICY, "policy.toml", taxonomy)
    line = line_of("curated =")
    assert explain.pack_state(policy, "curated", 2000).acts
    grown = explain.pack_state(policy, "curated", 2001)
    assert (grown.acts, grown.why) == (
        False,
        f"it has grown past the 2,000 entries that policy.toml line {line} allows",
    )
    unnamed = explain.pack_state(policy, "ut1_gambling", 5)
    assert (unnamed.acts, unnamed.why) == (False, "[packs] of policy.toml does not name it")
    trial = (TrialMatch("gambling", "tried.example", ("ut1",), "ut1_gambling"),)
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    verdict = Verdict("host", "tried.example", trial=trial)
    said = "\n".join(explain.as_lines(verdict, policy, ("staff",), at, (grown, unnamed)))
    assert "On trial: Gambling (gambling) by the entry tried.example" in said
    assert "ut1_gambling (5 entries): [packs] of policy.toml does not name it" in said


def test_an_imported_pack_is_on_trial_until_the_policy_names_it_and_again_when_it_has_grown(
    make_pack: Callable[..., tuple[Path, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shipped", str(tmp_path)]) == 0
    pack, _ = make_pack(("domains", "gambling", b"tried.example\nother.example\n"), name="ut1_gambling.pack")
    pack.rename(tmp_path / "packs" / "ut1_gambling.pack")
    capsys.readouterr()
    for promoted, effect in (("", "other"), ("ut1_gambling = 2\n", "incident"), ("ut1_gambling = 1\n", "other")):
        text = POLICY.replace("[packs]\n", f"[packs]\n{promoted}")
        (tmp_path / "policy.toml").write_text(text)
        data = json.loads(explained(capsys, "www.tried.example", *NOON, "--rules", str(tmp_path), "--json"))
        assert data["groups"]["staff"]["effect"] == effect
        assert [match["pack"] for match in data["trial"]] == ([] if effect == "incident" else ["ut1_gambling"])
        (state,) = (pack for pack in data["packs"] if pack["id"] == "ut1_gambling")
        assert (state["acts"], state["entries"]) == (effect == "incident", 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://www.bet365.com/casino?x", "did you mean 'www.bet365.com'?"),
        ("bet365.com:443", "a port, not only a host name"),
        ("bet365.com/casino", "did you mean 'bet365.com'?"),
        ("linx:steam", "did you mean 'linux:steam'?"),
        ("linux:", "not as linux identities are written"),
        ("windows:anydesk.exe", "not as windows identities are written"),
        ("10.0.0.1", "an address or a number"),
        ("[::1]", "an IPv6 address"),
        ("*.bet365.com", "a wildcard"),
        ("", "the name is empty"),
        ("two words", "a space in the name"),
    ],
)
def test_what_is_no_name_is_refused_with_what_would_be(text: str, says: str) -> None:
    with pytest.raises(RulesError) as refused:
        explain.name_asked(text)
    assert says in str(refused.value)
    assert "as in" in str(refused.value)


def test_a_group_nobody_knows_is_refused_with_the_nearest(taxonomy: Taxonomy) -> None:
    policy = Policy.parse(POLICY, "policy.toml", taxonomy)
    with pytest.raises(RulesError, match="did you mean 'learners'") as refused:
        explain.groups_asked(policy, "Learner")
    assert "known: staff, learners, partners" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("noon", "expected a time"),
        ("2026-11-22", "expected a time of day too"),
        ("20261122", "expected a time of day too"),
        ("2026-13-01 10:00", "expected a time"),
        ("2026-03-29 01:30", "the clocks of Europe/London skip 01:30"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(RulesError, match=says):
        explain.instant_asked(text, "Europe/London", datetime.now(UTC))


def test_a_time_is_the_policys_own_unless_it_says_an_offset() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert explain.instant_asked("2026-07-01 18:30", "Europe/London", now) == datetime(2026, 7, 1, 17, 30, tzinfo=UTC)
    assert explain.instant_asked("2026-07-01T18:30Z", "Europe/London", now) == datetime(2026, 7, 1, 18, 30, tzinfo=UTC)
    # The clocks show 01:30 twice on that night; the first is still summer time.
    assert explain.instant_asked("2026-10-25 01:30", "Europe/London", now) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert explain.instant_asked(None, "Europe/London", now) == now


def test_a_span_is_said_in_hours_and_minutes() -> None:
    assert [explain.span(seconds) for seconds in (0, 60, 3600, 5400)] == [
        "no time",
        "1 minute",
        "1 hour",
        "1 hour 30 minutes",
    ]
