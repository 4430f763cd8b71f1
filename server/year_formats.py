"""Renders the yearly review as a page that stands alone, an accessible PDF or JSON, and the pack for an inspection."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext

from server import papers, papers_formats, papers_words, yearly_review
from server.errors import NotThere
from server.papers_formats import Paper
from server.summary_formats import STYLES, pdf_of
from server.year_document import Review
from server.year_words import shown

FORMATS: Final = ("html", "pdf", "json")
PACK: Final = Paper("inspection", "Monitoring: pack for an inspection", "what an inspector asks to see, in one file")


def review_as(review: Review, form: str) -> bytes:
    """Return the review as `html`, `pdf` or `json`; raises NotThere for another form."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(review), indent=2) + b"\n"
    if form not in FORMATS:
        raise NotThere(gettext("there is no form %(form)s") % {"form": repr(form)})
    context = {"shown": shown(review), "styles": STYLES.read_text("utf-8"), "organisation": review.organisation}
    page = render_to_string("papers/review.html", context)
    return page.encode() if form == "html" else pdf_of(page)


def inspection(now: datetime) -> bytes:
    """Return the pack as PDF, with the figures of the twelve months up to now, as far as there are any.

    Raises SetUpError before the first policy, or where rules were altered by hand.
    """
    facts = papers.of_collector(Path(settings.DATA_DIR), settings.CONFIG, now)
    return pdf_of(pack_page(facts, yearly_review.gather("", now)))


def pack_page(facts: papers.Facts, review: Review) -> str:
    """Return the pack as one page."""
    context = {
        **papers_formats.context(facts, PACK),
        "shown": shown(review),
        "self_assessment": (
            (gettext("Content, by the headings of the guide to monitoring"), papers_words.content(facts)),
            (gettext("The system, by the same guide"), papers_words.features(facts)),
            (gettext("The standards on filtering and monitoring"), papers_words.standards(facts)),
        ),
    }
    return render_to_string("papers/inspection.html", context)
