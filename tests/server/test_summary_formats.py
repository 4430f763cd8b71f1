"""The same figures as page, PDF, CSV and JSON, readable by people, spreadsheets and screen readers."""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
from datetime import UTC, datetime

import msgspec
import pytest
from django.conf import settings

from server import summary_document as doc
from server.__main__ import main
from server.errors import NotThere
from server.files import save
from server.store.models import MonthlySummary
from server.summary_formats import render
from server.summary_words import shown

AT = datetime(2026, 10, 6, 8, 30, tzinfo=UTC)


def figure(category, hours, name="", **more):
    return doc.Figure("host", category, name, hours, **more)


LEARNERS_STREAMING = figure("streaming", 412.4, before=380.0, year_before=12.0)
SUMMARY = doc.Summary(
    format=doc.FORMAT,
    organisation="Sample & Sons <Training>",
    zone="Europe/London",
    pilot=False,
    sample=True,
    month="2026-10",
    revision=2,
    made_at=datetime(2026, 11, 2, 7, tzinfo=UTC),
    coverage=doc.Coverage(
        {"learners": 14, "staff": 8},
        {"learners": 13, "staff": 8},
        (doc.Gap("staff", "foreground", "The session uses Wayland.", 2, AT, lasting=True),),
        unlisted=True,
        impossible=True,
    ),
    groups=(
        doc.Group("learners", "Learners", False, (LEARNERS_STREAMING, figure("news", 9.5, "bbc.co.uk"))),
        doc.Group("staff", "Staff", True, ()),
    ),
    together=(figure("games", 7.0),),
    totals=(figure("streaming", 412.4, before=380.0), figure("news", 9.5), figure("games", 7.0)),
    top=(doc.Top("host", "bbc.co.uk", "news", 9.5, ("learners",)),),
    incidents=doc.Incidents(
        doc.Counted(12, {"urgent": None, "routine": None}), doc.Response(42.0, 300.5), doc.Response(None, None), None
    ),
    sealed=doc.Sealed(
        {"all": doc.Named(12, {"drugs": 7, "gambling": 5}, 0)}, doc.Named(12, {"false_alarm": 6}, 6), AT
    ),
    rule_changes=(doc.RuleChange(AT, "policy", 3),),
    tests=(doc.EndToEnd("learners", AT, True, 11.2),),
    words="Streaming (sites) rose most.",
    phones=doc.Phones(
        {"learners": 9, "staff": 3},
        (
            doc.PhoneGroup(
                "learners",
                "Learners",
                False,
                (
                    doc.Visits("host", "social_networking", "", 1240, 1100, 900),
                    doc.Visits("app", "social_networking", "service:tiktok", 310),
                ),
            ),
            doc.PhoneGroup("staff", "Staff", True, ()),
        ),
        totals=(
            doc.Visits("host", "social_networking", "", 1240, 1100, 900),
            doc.Visits("app", "social_networking", "", 310),
        ),
    ),
)  # fmt: skip


def test_json_is_the_document_with_every_group_and_whether_it_is_suppressed():
    told = json.loads(render(SUMMARY, "json"))
    assert [(one["group"], one["suppressed"]) for one in told["groups"]] == [("learners", False), ("staff", True)]
    assert doc.read(render(SUMMARY, "json")) == SUMMARY


def test_csv_has_one_figure_a_line_and_opens_in_a_spreadsheet():
    data = render(SUMMARY, "csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert {(row["group"], row["category"], row["name"], row["value"]) for row in rows if row["about"] == "hours"} == {
        ("learners", "streaming", "", "412.4"),
        ("learners", "news", "bbc.co.uk", "9.5"),
        ("staff", "", "", "withheld"),
    }
    assert {row["value"] for row in rows if row["about"] == "cases received, by urgency"} == {"fewer than five", "12"}


def test_nothing_in_csv_is_a_formula():
    named = msgspec.structs.replace(SUMMARY, together=(figure("games", 7.0, "=1+1"),))
    assert "'=1+1" in render(named, "csv").decode("utf-8-sig")


def test_the_page_stands_alone_and_keeps_words_as_words():
    page = render(SUMMARY, "html").decode()
    assert "Sample &amp; Sons &lt;Training&gt;" in page
    assert 'lang="en-GB"' in page
    for elsewhere in ("http://", "https://", "<script", "<link", "url("):
        assert elsewhere not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "412 h" in page  # the chart
    assert "6 October 2026, 09:30" in page  # British Summer Time


def test_the_pdf_is_tagged_has_a_title_and_says_the_same(tmp_path):
    path = tmp_path / "summary.pdf"
    save(path, render(SUMMARY, "pdf"))
    about = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True).stdout
    assert "Tagged:          yes" in about
    assert "Use and safeguarding in October 2026" in about
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    for said in (
        "TikTok",
        "1,240",
        "Likely visits by phone",
        "Learners",
        "412",
        "fewer than five",
        "42 minutes",
        "50% of the cases were found to be false alarms",
    ):
        assert said in text


@pytest.mark.parametrize("form", ["html", "pdf", "csv", "json"])
def test_one_group_alone_has_no_figure_of_another(form):
    assert b"games" not in render(SUMMARY, form, "learners").lower()


def test_a_group_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(NotThere, match="there are learners, staff"):
        render(SUMMARY, "json", "tutors")


def test_a_summary_without_the_leads_totals_says_what_it_awaits():
    waiting = msgspec.structs.replace(SUMMARY, sealed=None)
    assert shown(waiting).awaiting
    assert "Awaiting the lead" in render(waiting, "html").decode()


def test_on_a_full_disk_the_earlier_report_stays(tmp_path, monkeypatch):
    path = tmp_path / "summary.csv"
    save(path, b"earlier")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _no_space)
        with pytest.raises(OSError, match="No space left"):
            save(path, b"later")
    assert path.read_bytes() == b"earlier"
    assert [one.name for one in tmp_path.iterdir()] == ["summary.csv"]


def _no_space(_handle):
    raise OSError(28, "No space left on device")


@pytest.mark.django_db
def test_the_command_says_in_a_line_that_there_is_no_room_and_the_earlier_report_stays(
    organisation, data_dir, tmp_path, capsys, request
):
    keep(SUMMARY)
    (data_dir / "keys").mkdir(exist_ok=True)
    (data_dir / "keys" / "django").write_text("secret")
    path = tmp_path / "october.json"
    path.write_bytes(b"earlier")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))  # as a file system with no more room than this
    words = ["summary", "--data-dir", str(data_dir), "--month", "2026-10", "--format", "json", "-o", str(path)]
    assert main(words) == 2
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = capsys.readouterr().err
    assert told.endswith("october.json could not be written (File too large); the earlier report is still there\n")
    assert path.read_bytes() == b"earlier"
    assert [one.name for one in tmp_path.iterdir()] == ["october.json"]


@pytest.mark.django_db
def test_the_command_writes_the_file_whole_and_refuses_what_is_no_month_or_group(organisation, tmp_path, capsysbinary):
    keep(SUMMARY)
    folder = settings.DATA_DIR
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "django").write_text("secret")
    path = tmp_path / "october.json"
    words = ["summary", "--data-dir", str(folder), "--month"]
    assert main([*words, "2026-10", "--format", "json", "-o", str(path)]) == 0
    assert doc.read(path.read_bytes()) == SUMMARY
    assert main([*words, "2026-10", "--group", "nobody"]) == 2
    assert b"there are learners, staff" in capsysbinary.readouterr().err
    assert main([*words, "2026-13"]) == 2
    assert b"is not a month; write it like 2026-10" in capsysbinary.readouterr().err
    assert main([*words, "2026-10", "-o", str(tmp_path / "nowhere" / "x.html")]) == 2
    assert b"No such file" in capsysbinary.readouterr().err


def keep(made):
    MonthlySummary.objects.create(
        month=made.month, revision=made.revision, made_at=made.made_at, document=doc.write(made)
    )
