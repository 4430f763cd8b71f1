"""Charts that people can read: every bar with its label and number, well-formed, and nothing by colour alone."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from server.charts import BEFORE, NARROW, NOW, Bar, bars, number

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines, **more):
    return Tree.fromstring(bars("Hours by category", lines, unit="h", now="October", **more))


def texts(svg):
    return [one.text for one in svg.iter(f"{SVG}text")]


def test_every_bar_has_its_label_and_its_number_beside_it():
    said = texts(drawn(Bar("Streaming", 12.0), Bar("Games", 3.25)))
    assert said == ["Streaming", "12 h", "Games", "3.2 h"]


def test_it_says_what_it_shows_to_who_cannot_see_it():
    svg = drawn(Bar("Games", 3.0))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == svg.find(f"{SVG}title").text == "Hours by category"


def test_bars_are_as_long_as_their_numbers_are_large():
    wide = [float(one.get("width")) for one in drawn(Bar("a", 10), Bar("b", 5), Bar("c", 0)).iter(f"{SVG}rect")]
    assert wide[0] == 2 * wide[1]
    assert 0 < wide[2] < 2  # nothing is still a line that can be seen


def test_two_months_are_told_apart_by_colour_and_by_a_key_and_a_missing_one_is_said():
    svg = drawn(Bar("a", 10, 8), Bar("b", 5), before="September")
    assert "no figure" in texts(svg)
    assert {"October", "September"} <= set(texts(svg))
    colours = [one.get("fill") for one in svg.iter(f"{SVG}rect")]
    assert colours == [NOW, BEFORE, NOW, BEFORE, NOW]


def test_words_from_elsewhere_stay_words():
    svg = drawn(Bar("<script>&", 1))
    assert "<script>&" in texts(svg)


def test_a_long_label_is_cut_and_an_empty_chart_is_none():
    assert max(len(words) for words in texts(drawn(Bar("x" * 80, 1)))) == 30
    assert bars("t", [], unit="h", now="n") == ""


def test_numbers_are_as_fine_as_they_are_small():
    assert [number(value) for value in (0.04, 9.96, 10.2, 12345.6)] == ["0.0", "10.0", "10", "12,346"]


def test_on_a_phone_labels_stand_above_their_bars_and_nothing_leaves_the_picture():
    svg = drawn(Bar("Social media and chat (sites)", 1234.5, 900), before="September", layout=NARROW)
    label, bar = svg.findall(f"{SVG}text")[2], svg.findall(f"{SVG}rect")[2]
    assert float(label.get("y")) < float(bar.get("y"))
    assert all(
        float(one.get("x")) + float(one.get("width")) < NARROW.width - 70
        for one in svg.iter(f"{SVG}rect")
        if one.get("rx") == "3"
    )
