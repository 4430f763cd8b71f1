"""Which languages the pages come in: British English, and each that somebody has put a catalogue of here."""

from __future__ import annotations

from pathlib import Path

from django.conf.locale import LANG_INFO

BRITISH_ENGLISH = "en-gb"


def offered(folder: Path) -> list[tuple[str, str]]:
    """Return each language's code and name: a browser gets the first that it asks for, else British English.

    A language is a folder as gettext has it: `cy/LC_MESSAGES/` with `django.mo` for pages, `djangojs.mo` for scripts.
    """
    codes = sorted(made.parent.parent.name.lower().replace("_", "-") for made in folder.glob("*/LC_MESSAGES/django.mo"))
    others = [code for code in codes if code != BRITISH_ENGLISH]
    return [(code, LANG_INFO.get(code, {}).get("name_local", code)) for code in (BRITISH_ENGLISH, *others)]
