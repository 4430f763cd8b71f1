"""The pages come in British English, and in each language that has a catalogue."""

from __future__ import annotations

import pytest

from server import languages


def test_without_catalogues_there_is_british_english(tmp_path):
    assert languages.offered(tmp_path / "none") == [("en-gb", "British English")]


@pytest.mark.parametrize(
    ("folder", "offered"), [("cy", ("cy", "Cymraeg")), ("pt_BR", ("pt-br", "Português Brasileiro"))]
)
def test_a_catalogue_adds_its_language_by_its_own_name(tmp_path, folder, offered):
    place = tmp_path / folder / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "djangojs.po").touch()
    assert languages.offered(tmp_path) == [("en-gb", "British English")], "not before its pages are compiled"
    (place / "django.mo").touch()
    assert languages.offered(tmp_path) == [("en-gb", "British English"), offered]
