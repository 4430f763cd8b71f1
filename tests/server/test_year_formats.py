"""The review as page, PDF and JSON, by command too, and the pack for an inspection: readable, tagged, and soon made."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import time
from datetime import UTC, date, datetime

import msgspec
import pytest
from django.conf import settings

from server import board, papers, year_formats, yearly_review
from server import year_document as doc
from server.__main__ import main
from server.errors import NotThere, SetUpError
from server.files import save
from server.store.models import MonthlySummary
from server.summary_document import write
from server.year_words import shown
from tests.server.months import incidents, month, year

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def kept(people):
    for one in [month("2025-11", incidents=incidents(None, None), sealed=None), *year()[1:]]:
        MonthlySummary.objects.create(month=one.month, revision=2, made_at=NOW, document=write(one))


@pytest.fixture
def collector(data_dir):
    """The settings' own folder, as `init` would have made it."""
    (data_dir / "keys").mkdir(exist_ok=True)
    (data_dir / "keys" / "django").write_text("secret")
    return str(data_dir)


def text_of(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


def test_the_page_says_the_year_in_short_and_what_asks_for_a_decision(kept, people):
    board.name(people.manager, board.Kind.GOVERNOR, "Jo <b>Lane", NOW)
    board.decide(people.manager, board.Decision(date(2026, 11, 20), "Go on.\nOne more deputy.", "All", "2026-10"), NOW)
    page = year_formats.review_as(yearly_review.of("", NOW), "html")
    said = text_of(page)
    assert "Yearly review, November 2025 to October 2026" in said
    assert "154 cases in the 11 months in which five or more came; fewer than five in each of the other 1." in said
    assert "50% of the cases of the 11 months of which it can be told." in said
    assert "Five or more cases were opened later than the policy asks, or not yet, in 11 months." in said
    assert "In 1 month no lead has counted the sealed cases." in said
    assert "No senior leader is recorded as responsible." in said
    assert "No governor" not in said
    assert "Nov 2025 fewer than five – – –" in said
    assert "The board’s decision of 20 November 2026 on this review" in said
    assert "<b>" not in page.decode()
    assert "Bright &amp; Path" not in page.decode()  # the organisation of today, not that of a document
    assert not re.search(r"(src|href)=\"(?!#)", page.decode())  # it fetches nothing
    headings = [int(level) for level in re.findall(r"<h([1-6])", page.decode())]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def test_json_is_the_document(kept):
    made = yearly_review.of("", NOW)
    data = year_formats.review_as(made, "json")
    assert msgspec.json.decode(data, type=doc.Review) == made
    assert json.loads(data)["until"] == "2026-10"
    with pytest.raises(NotThere, match="docx"):
        year_formats.review_as(made, "docx")


def test_what_changed_in_a_policy_is_told_and_what_can_not_be_is_said(kept):
    def policy(version, changes, **more):
        usual = {"first": False, "earlier": False, **more}
        return doc.SignedPolicy(version, date(2026, 9, version), ("Ada", "Tom"), changes=changes, **usual)

    one = doc.PolicyChange("Drugs", "counted", "flagged")
    special = (policy(2, (one,), first=True), policy(1, (one,), earlier=True))
    policies = (policy(5, (one,)), policy(4, ()), policy(3, None), *special)
    told = shown(msgspec.structs.replace(yearly_review.of("", NOW), policies=policies)).policies
    assert told[0].title == "Version 5, signed on 5 September 2026 by Ada and Tom"
    assert told[0].changes.rows == (("Drugs", "counted", "flagged"),)
    assert [one.sentence[:20] for one in told[1:]] == [
        "It says what the one", "What it changed can’", "The first policy: al", "In force when the tw"
    ]  # fmt: skip


def test_everything_that_is_late_asks_for_a_decision(kept):
    calm = msgspec.structs.replace(yearly_review.of("", NOW), pilot=False)
    loud = msgspec.structs.replace(
        calm,
        pilot=True,
        ended_exceptions=2,
        on_trial=("games_list",),
        untested=("staff",),
        duties=(doc.Duty("The policy", "3", "staff", 9, 4),),
        training=(doc.Training("Prevent", "staff", 1, 2, 0, 5),),
        partners=(doc.PartnerStanding("North", "", None, None, None, None, "missing"),),
        tests=(doc.GroupTests("learners", 3, 2, 9.0, NOW, last_arrived=False, failed=(NOW,)),),
        assessed_on=date(2025, 1, 1),
        due_on=date(2026, 11, 1),
        due="overdue",
    )
    said = " ".join(shown(loud).asks)
    for words in (
        "pilot with one custodian",
        "2 exceptions of the policy have ended",
        "games_list",
        "No test was run in the twelve months: Staff",
        "5 acknowledgements are still",
        "3 training dates are overdue or not known",
        "lack something: North",
        "The last test did not arrive: Learners",
        "more than a year ago",
        "The review was due on 1 November 2026",
    ):
        assert words in said
        assert words not in " ".join(shown(calm).asks)


def test_the_pdf_is_tagged_titled_and_soon_made(kept, tmp_path):
    made = yearly_review.of("", NOW)
    year_formats.review_as(made, "pdf")  # the first loads the library
    begin = time.process_time()
    save(tmp_path / "review.pdf", year_formats.review_as(made, "pdf"))
    assert time.process_time() - begin < 5
    about = subprocess.run(["pdfinfo", tmp_path / "review.pdf"], capture_output=True, text=True, check=True).stdout
    assert "Tagged:          yes" in about
    assert "Yearly review, November 2025 to October 2026" in about


def test_the_pack_has_all_that_an_inspector_asks_in_one_file(kept, people, custodians, monkeypatch, tmp_path):
    with pytest.raises(SetUpError, match="no policy is published"):
        year_formats.inspection(NOW)
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    board.name(people.dpo, board.Kind.SENIOR_LEADER, "Ada Reid", NOW)
    facts = papers.of_collector(custodians.collector, settings.CONFIG, NOW)
    page = year_formats.pack_page(facts, yearly_review.gather("", NOW))
    for anchor in re.findall(r'href="#(\w+)"', page):
        assert f'id="{anchor}"' in page
    said = text_of(page.encode())
    for words in (
        "Ada Reid",
        "Self-assessment",
        "Cases, month by month",
        "What can’t be seen",
        "Tests of the whole way",
    ):
        assert words in said
    empty = year_formats.pack_page(facts, yearly_review.gather("2020-01", NOW))
    assert "No monthly summary is kept yet" in text_of(empty.encode())
    for anchor in re.findall(r'href="#(\w+)"', empty):
        assert f'id="{anchor}"' in empty


@pytest.mark.parametrize("form", ["html", "pdf", "json"])
def test_the_command_writes_a_file_and_a_full_disk_leaves_the_earlier_one(
    kept, collector, tmp_path, capsys, form, monkeypatch
):
    path = tmp_path / f"review.{form}"
    words = ["review", "--data-dir", collector, "--until", "2026-10", "--format", form, "-o", str(path)]
    assert main(words) == 0
    before = path.read_bytes()
    assert len(before) > 1000

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main(words) == 2
    assert "the earlier report is still there" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["review", "--until", "2026-13"], "is not a month"),
        (["review", "--until", "2999-01"], "is not over yet"),
        (["review", "--until", "2020-01"], "nothing to review"),
        (["inspection", "-o", "x.pdf"], "no policy is published here yet"),
    ],
)
def test_the_commands_refuse_in_one_line(kept, collector, capsys, words, said):
    assert main([words[0], "--data-dir", collector, *words[1:]]) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1
