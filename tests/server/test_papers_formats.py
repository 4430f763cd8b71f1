"""The papers as files: pages that stand alone, PDF for screen readers, and those in docs/papers are the same."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from server.config import Config
from server.errors import NotThere, SetUpError
from server.files import save
from server.papers import Reader, Signed, of_defaults
from server.papers_formats import PAPERS, readme, render, write_all
from server.phone_settings import PhoneSettings

DOCS = Path(__file__).parents[2] / "docs" / "papers"


@pytest.fixture
def facts():
    return replace(
        of_defaults(),
        organisation="Bright & Path <Training>",
        signed=Signed(7, date(2026, 9, 1), 2, 3),
        readers=(Reader("Sam <b>Okafor</b>", "lead", ("Staff",)),),
        officers=("Ada Reid",),
        made_on=date(2026, 11, 26),
    )


def test_the_papers_in_docs_are_what_the_command_makes_of_the_defaults(tmp_path):
    write_all(of_defaults(), tmp_path, ("html",))
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    there = {path.name: path.read_text("utf-8") for path in DOCS.iterdir()}
    assert there == made, "make them anew: fairwatch-server papers --defaults --format html -o docs/papers"


@pytest.mark.parametrize("paper", [paper.id for paper in PAPERS])
def test_each_says_whose_it_is_from_which_policy_and_what_is_still_to_be_filled_in(facts, paper):
    page = render(facts, paper, "html").decode()
    assert "Bright &amp; Path &lt;Training&gt;" in page
    assert "version 7, signed on 1 September 2026" in page
    assert "<mark>" in page
    assert "<b>" not in page
    assert '<html lang="en-GB">' in page
    assert not re.search(r"(src|href)=", page)  # it fetches nothing
    assert re.findall(r"<h([1-6])", page)[:2] == ["1", "2"]


def test_names_that_are_known_are_filled_in(facts):
    page = render(facts, "record", "html").decode()
    assert "Ada Reid" in page
    assert "2 of 3 custodians signed" in page
    assert "Sam &lt;b&gt;Okafor" in page
    assert "Name</mark>" in render(of_defaults(), "record", "html").decode()


def test_a_paper_as_pdf_is_tagged_and_has_a_title(facts, tmp_path):
    path = tmp_path / "blind.pdf"
    save(path, render(facts, "blind", "pdf"))
    about = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True).stdout
    assert "Tagged:          yes" in about
    assert re.search("Title:.*What can’t be seen – Bright & Path", about)


def test_a_paper_or_form_that_there_is_not_is_refused_by_name(facts):
    with pytest.raises(NotThere, match="‘novel’"):
        render(facts, "novel", "html")
    with pytest.raises(NotThere, match="‘docx’"):
        render(facts, "dpia", "docx")


def test_the_readme_links_every_file(facts):
    text = readme(facts, ("html", "pdf"))
    for paper in PAPERS:
        assert f"({paper.id}.html)" in text
        assert f"({paper.id}.pdf)" in text


@pytest.mark.parametrize("paper", ["notice", "dpia", "record", "blind", "interests"])
def test_papers_speak_of_phones_only_where_phones_are_watched(facts, paper):
    used = replace(facts, config=Config(phones=PhoneSettings(gateway="dns.example.org")))
    with_phones, without = (render(one, paper, "html").decode() for one in (used, facts))
    for said in (
        "Whoever administers the gateway",
        "iOS lets nobody export",
        "if phones are used",
        "If phones are used",
    ):
        assert said not in without
    assert with_phones != without
    assert "if phones are used" not in with_phones.lower()
    assert "phones are used" in render(of_defaults(), paper, "html").decode() or paper == "interests"
    if paper in ("notice", "dpia"):
        assert "not on the phone" in with_phones
        assert "Whoever administers the gateway could see names" in with_phones
        assert "iOS lets nobody export" in with_phones
        assert "identity unproven" in with_phones


def test_on_a_full_disk_it_names_the_paper_and_the_earlier_one_stays(tmp_path, monkeypatch):
    write_all(of_defaults(), tmp_path, ("html",))
    earlier = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    first = tmp_path / f"{PAPERS[0].id}.html"
    with pytest.raises(SetUpError, match=r"No space left on device\); the earlier report is still there") as refused:
        write_all(of_defaults(), tmp_path, ("html",))
    assert str(first) in str(refused.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == earlier
