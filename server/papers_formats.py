"""Renders the papers as pages that stand alone or accessible PDF, and writes them into a folder with a README."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_noop

from rules.responses import day_words
from server import papers_words, policy_words, report_file
from server.errors import NotThere
from server.papers import Facts
from server.summary_formats import STYLES, pdf_of

Form = Literal["html", "pdf"]


@dataclass(frozen=True)
class Paper:
    """One paper: its id, which is its file's name and its template's, its title, and what it is for."""

    id: str
    title: str
    purpose: str


PAPERS: Final = (
    Paper(
        "dpia",
        gettext_noop("Data protection impact assessment"),
        gettext_noop("what is done, what could go wrong for people, and the decision"),
    ),
    Paper(
        "notice",
        gettext_noop("How this organisation watches its devices"),
        gettext_noop("the notice to give to staff and learners"),
    ),
    Paper(
        "interests",
        gettext_noop("Legitimate-interests assessment"),
        gettext_noop("whether the organisation may do it on that ground"),
    ),
    Paper(
        "record",
        gettext_noop("Record of processing"),
        gettext_noop("the entry for the organisation’s record of processing activities"),
    ),
    Paper(
        "assessment",
        gettext_noop("Self-assessment against monitoring guidance"),
        gettext_noop("what is met, partly met and not met, and how"),
    ),
    Paper(
        "blind",
        gettext_noop("What can’t be seen"),
        gettext_noop("where monitoring is blind, for everybody who relies on it"),
    ),
)
"""In the order in which somebody reads them."""


def render(facts: Facts, paper_id: str, form: str) -> bytes:
    """Return one paper as `html` or `pdf`; raises NotThere for a paper or form that there is not."""
    paper = next((one for one in PAPERS if one.id == paper_id), None)
    if paper is None:
        raise NotThere(gettext("there is no paper called ‘%(paper)s’") % {"paper": paper_id})
    if form not in ("html", "pdf"):
        raise NotThere(gettext("papers are made as html or pdf, not as ‘%(form)s’") % {"form": form})
    page = render_to_string(f"papers/{paper.id}.html", context(facts, paper))
    return page.encode() if form == "html" else pdf_of(page)


def write_all(facts: Facts, folder: Path, forms: Iterable[Form]) -> list[Path]:
    """Write every paper in these forms, and the README; each whole or not at all; raises SetUpError on a full disk."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = tuple(forms)
    written = []
    for paper in PAPERS:
        for form in chosen:
            written.append(folder / f"{paper.id}.{form}")
            report_file.write(written[-1], render(facts, paper.id, form))
    written.append(folder / "README.md")
    report_file.write(written[-1], readme(facts, chosen).encode())
    return written


def readme(facts: Facts, forms: Iterable[Form]) -> str:
    """Return what the folder's README says."""
    chosen = tuple(forms)
    whose = f"of {facts.organisation}" if facts.organisation else "for the settings that Fairwatch comes with"
    links = {paper: " ".join(f"[{form}]({paper.id}.{form})" for form in chosen) for paper in PAPERS}
    rows = "\n".join(f"| {paper.title} | {paper.purpose} | {links[paper]} |" for paper in PAPERS)
    return (
        f"# Papers {whose}\n"
        "Made by `fairwatch-server papers -o DIR` from the configuration in force: policy, retention, who may open "
        "cases, messages and lists. Make them anew when that changes. What is coloured is for the organisation to fill "
        "in. They are drafts for the data protection officer, and no legal advice.\n\n"
        f"| paper | for | file |\n|---|---|---|\n{rows}\n"
    )


def context(facts: Facts, paper: Paper) -> dict[str, object]:
    """Return what every paper's template may use."""
    policy = facts.policy
    return {
        "facts": facts,
        "paper": paper,
        "styles": STYLES.read_text("utf-8"),
        "made_on": day_words(facts.made_on) if facts.made_on is not None else "",
        "signed_on": day_words(facts.signed.on) if facts.signed is not None else "",
        "start": day_words(policy.start),
        "groups": policy_words.groups(policy),
        "responses": papers_words.responses(policy),
        "excluded": sorted(policy.excluded_hosts),
        "kept": papers_words.kept(facts),
        "kept_of_persons": papers_words.kept_of_persons(facts),
        "kept_for_good": papers_words.kept_for_good(),
        "month_days": papers_words.days("usage", facts),
        "case_days": papers_words.days("cases", facts),
        "rules_page": f"{facts.config.url.rstrip('/')}/rules/",
        "acting": facts.acting_packs,
        "content": papers_words.content(facts),
        "features": papers_words.features(facts),
        "standards": papers_words.standards(facts),
        "blind_spots": papers_words.blind_spots(facts),
    }
