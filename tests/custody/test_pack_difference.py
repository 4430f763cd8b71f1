"""Holds what is said of a pack to its entries, and what can't be shown to an honest sentence."""

from __future__ import annotations

import json

import pytest

from custody.errors import CustodyError
from custody.pack_difference import check_pack, of_pack, of_report
from rules.__main__ import main
from rules.model import Taxonomy
from rules.writer import PackWriter

TAXONOMY = Taxonomy.shipped()


def pack(folder, *, named=False, **lists):
    """Return a pack's bytes; each list is named category__list."""
    names = list(lists)
    with PackWriter([tuple(name.split("__")) for name in names], folder, named=named) as writer:
        for number, name in enumerate(names):
            for host in lists[name]:
                writer.add(host, number)
        writer.write(folder / "made.pack")
    return (folder / "made.pack").read_bytes()


def said(old, new, acts_with=None):
    return [str(line).strip() for line in of_pack("made.pack", old, new, TAXONOMY, acts_with)]


def test_entries_are_counted_for_each_list_and_category(tmp_path):
    old = pack(tmp_path, gambling__one=[f"a{n}.example" for n in range(50)], drugs__two=["b.example"])
    new = pack(tmp_path, gambling__one=[f"a{n}.example" for n in range(3, 51)], drugs__two=["b.example", "a7.example"])
    lines = said(old, new)
    assert lines[0] == "49 entries; before: 51 (-3.9%)."
    assert "Gambling, list one: 1 added, 3 removed" in lines
    assert "Drugs, list two: 1 added, 0 removed" in lines
    assert any("holds no names" in line for line in lines)
    assert "No entry is added or removed." in said(new, new)


def test_a_pack_that_holds_its_names_says_which_came_and_went(tmp_path):
    old = pack(tmp_path, named=True, help_seeking__help=["childline.org.uk", "samaritans.org"])
    new = pack(tmp_path, named=True, help_seeking__help=["samaritans.org", "shout.example"])
    lines = said(old, new)
    assert lines.index("added: shout.example") < lines.index("removed: childline.org.uk")
    assert not any("samaritans" in line or "holds no names" in line for line in lines)
    assert not any("shout.example" in line for line in said(None, new)), "a first one is counted, not told whole"
    many = pack(tmp_path, named=True, help_seeking__help=[f"a{n}.example" for n in range(250)])
    assert "and 52 more names" in said(old, many)


def test_a_published_pack_that_cant_be_read_keeps_nobody_from_signing_the_next(tmp_path):
    new = pack(tmp_path, gambling__one=["a.example"])
    old = new[:8] + b"\1" + new[9:]
    lines = said(old, new)
    assert "What is published now can't be read, so nothing is compared with it." in lines
    assert "Gambling, list one: 1 added, 0 removed" in lines


def test_the_command_to_ask_for_a_name_can_be_run_as_it_is_told(tmp_path, capsys):
    new = pack(tmp_path, gambling__one=["a.example"])
    told = next(line for line in said(None, new) if "holds no names" in line)
    program, *words = told.partition("«")[2].partition("»")[0].split()
    places = {"PACK": str(tmp_path / "made.pack"), "HOST": "www.a.example"}
    assert program == "fairwatch-rules"
    assert main([places.get(word, word) for word in words]) == 0
    assert capsys.readouterr().out == "www.a.example: gambling by a.example (1 list: one)\n"


def test_sharp_growth_is_warned_of(tmp_path):
    old = pack(tmp_path, gambling__one=[f"a{n}.example" for n in range(100)])
    slow = pack(tmp_path, gambling__one=[f"a{n}.example" for n in range(108)])
    fast = pack(tmp_path, gambling__one=[f"a{n}.example" for n in range(130)])
    assert not any("sharply" in line for line in said(old, slow))
    assert any("grows sharply, from 100 to 130" in line for line in said(old, fast))


def test_whether_it_acts_follows_from_the_policy_in_force(tmp_path):
    new = pack(tmp_path, gambling__one=["a.example", "b.example"])
    assert any("On trial: the policy in force does not name this pack" in line for line in said(None, new))
    assert any("On trial after this" in line for line in said(None, new, acts_with=1))
    assert any(line.startswith("It acts") for line in said(None, new, acts_with=2))


def test_popular_and_protected_sites_are_named_when_newly_touched(tmp_path):
    old = pack(tmp_path, gambling__one=["a.example"], games__two=["c.example"])
    new = pack(tmp_path, gambling__one=["samaritans.org", "bbc.co.uk"], games__two=["wikipedia.org"])
    lines = said(old, new)
    assert "NEW: the protected site samaritans.org in Gambling" in lines
    assert "NEW: the popular site bbc.co.uk in Gambling" in lines
    assert not any("wikipedia" in line for line in lines), "games are not flagged"
    assert any("No popular or protected site" in line for line in said(new, new))


def test_what_is_no_pack_is_refused(tmp_path):
    good = pack(tmp_path, gambling__one=["a.example"])
    check_pack("good.pack", good)
    for wrong in (b"", b"other", good[:-1], good[:-9] + bytes([good[-9] ^ 1]) + good[-8:]):
        with pytest.raises(CustodyError, match="nothing was signed"):
            check_pack("wrong.pack", wrong)


def test_a_build_report_beside_the_pack_is_told(tmp_path):
    path = tmp_path / "made.pack"
    assert "no build report" in str(next(of_report(path)))
    report = {
        "read": 1200,
        "kept": 1000,
        "refused": {"an IP address": 150, "a public suffix": 50},
    }
    (tmp_path / "made.report.json").write_text(json.dumps(report))
    lines = [str(line).strip() for line in of_report(path)]
    assert lines[0] == "Its build report (made.report.json): 1,200 entries read, 1,000 kept, 200 refused."
    assert "refused, an IP address: 150" in lines
    (tmp_path / "made.report.json").write_text("[]")
    assert "can't be understood" in str(next(of_report(path)))
