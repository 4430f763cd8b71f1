"""Renders a kept summary as a page that stands alone, an accessible PDF, CSV or JSON: the same figures in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from django.template.loader import render_to_string

from server.disclosure import TOGETHER
from server.summary_document import Counted, Figure, Incidents, Named, Phones, Summary, Visits
from server.summary_scope import of_group
from server.summary_words import FEWER, shown

STYLES = Path(__file__).parent / "web" / "static" / "web" / "paper.css"
"""How everything on paper looks."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(summary: Summary, form: str, group: str | None = None) -> bytes:
    """Return the summary in that format (`html`, `pdf`, `csv` or `json`), of one group alone where `group` is given.

    Raises NotThere for a group that the summary does not have.
    """
    return FORMATS[form](summary if group is None else of_group(summary, group))


def as_json(summary: Summary) -> bytes:
    """The document itself, easy to read."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def as_csv(summary: Summary) -> bytes:
    """One figure a line, for spreadsheets: UTF-8 with a mark, and nothing that a spreadsheet would run."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(
        ["month", "version", "about", "group", "kind", "category", "name", "value", "month before", "year before"]
    )
    for line in _lines(summary):
        table.writerow([summary.month, summary.revision, *map(_cell, line)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_html(summary: Summary) -> bytes:
    """One file that needs no other."""
    context = {
        "shown": shown(summary),
        "styles": STYLES.read_text("utf-8"),
        "organisation": summary.organisation,
    }
    return render_to_string("web/summary_paper.html", context).encode()


def as_pdf(summary: Summary) -> bytes:
    """The same as PDF/UA: tagged, with a title and a language, so that screen readers can read it."""
    return pdf_of(as_html(summary).decode())


def pdf_of(page: str) -> bytes:
    """Return a page that stands alone as PDF/UA; it may fetch nothing."""
    from weasyprint import HTML  # late: it takes a quarter of a second and 40 MB

    made = HTML(string=page, url_fetcher=_fetch_nothing)
    return bytes(made.write_pdf(pdf_variant="pdf/ua-1"))


FORMATS: dict[str, Callable[[Summary], bytes]] = {
    "html": as_html,
    "pdf": as_pdf,
    "csv": as_csv,
    "json": as_json,
}


def _fetch_nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"a report fetches nothing, and this asked for {url.partition(':')[0]}")


def _lines(summary: Summary) -> list[list[object]]:
    lines: list[list[object]] = []
    for group, enrolled in summary.coverage.enrolled.items():
        lines.append(["devices enrolled", group, "", "", "", enrolled, "", ""])
        lines.append(["devices that reported", group, "", "", "", summary.coverage.reported.get(group, 0), "", ""])
    for one in summary.groups:
        if one.suppressed:
            lines.append(["hours", one.group, "", "", "", "withheld", "", ""])
        lines += [_figure("hours", one.group, figure) for figure in one.figures]
        lines += [_figure("hours by category", one.group, figure) for figure in one.categories]
    lines += [_figure("hours of several groups together", TOGETHER, figure) for figure in summary.together]
    lines += [_figure("hours in all that is shown", TOGETHER, figure) for figure in summary.totals]
    lines += [_figure("hours of background traffic", TOGETHER, figure) for figure in summary.background]
    lines += _of_phones(summary.phones) if summary.phones is not None else []
    if summary.incidents is not None:
        lines += _counts("cases received, by urgency", summary.incidents.urgency)
        lines += _response(summary.incidents)
    if summary.sealed is not None:
        for which, counts in summary.sealed.categories.items():
            about = "cases by category" if which == "all" else f"{which} cases by category"
            lines += _named(about, counts)
        lines += _named("cases by what came of them", summary.sealed.outcomes)
    return lines


def _of_phones(phones: Phones) -> list[list[object]]:
    lines: list[list[object]] = [
        ["phones enrolled", group, "", "", "", number, "", ""] for group, number in phones.enrolled.items()
    ]
    for one in phones.groups:
        if one.suppressed:
            lines.append(["likely visits by phone", one.group, "", "", "", "withheld", "", ""])
        lines += [_visits("likely visits by phone", one.group, figure) for figure in one.figures]
    lines += [_visits("likely visits by phones of several groups together", TOGETHER, one) for one in phones.together]
    return lines + [_visits("likely visits by phone in all that is shown", TOGETHER, one) for one in phones.totals]


def _visits(about: str, group: str, one: Visits) -> list[object]:
    return [about, group, one.kind, one.category, one.name, one.visits, one.before, one.year_before]


def _figure(about: str, group: str, figure: Figure) -> list[object]:
    return [about, group, figure.kind, figure.category, figure.name, figure.hours, figure.before, figure.year_before]


def _response(incidents: Incidents) -> list[list[object]]:
    lines: list[list[object]] = []
    for kind, response in (("urgent", incidents.urgent_response), ("all", incidents.response)):
        for share, minutes in (("half", response.median_minutes), ("19 of 20", response.p95_minutes)):
            value = "too few to say" if minutes is None else minutes
            lines.append([f"minutes to the first opening, {share} within", "", "", kind, "", value, "", ""])
    late = "withheld" if incidents.opened_late is None else incidents.opened_late
    return [*lines, ["cases opened late or not yet", "", "", "all", "", late, "", ""]]


def _counts(about: str, counted: Counted) -> list[list[object]]:
    parts = {**counted.parts, "all": counted.total}
    return [[about, "", "", part, "", FEWER if count is None else count, "", ""] for part, count in parts.items()]


def _named(about: str, counts: Named) -> list[list[object]]:
    parts: dict[str, object] = {**counts.parts, **({"all others together": counts.rest} if counts.rest else {})}
    parts["all"] = FEWER if counts.total is None else counts.total
    return [[about, "", "", part, "", count, "", ""] for part, count in parts.items()]


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
