"""Lists become packs: what can't be an entry is refused with a reason, protected sites enter no harmful pack."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.compiler import compile_lists, compile_shipped
from rules.curated import CuratedPack, categorised
from rules.errors import ListError
from rules.formats import FORMATS
from rules.index import Index
from rules.known import Known
from rules.model import Taxonomy
from rules.report import BuildReport, printed
from rules.sources import ListSource
from rules.suffixes import PublicSuffixes

MakePack = Callable[..., tuple[Path, BuildReport]]


def _categories(pack: Path, host: str) -> set[str]:
    index = Index.open(pack)
    found = {category for _, set_id in index.find_host(host) for category, _ in index.pairs(set_id)}
    index.close()
    return found


def test_lists_of_several_formats_make_one_pack_that_knows_which_list_named_what(make_pack: MakePack) -> None:
    pack, report = make_pack(
        ("domains", "gambling", b"casino.example\nboth.example\n"),
        ("hosts", "malware", b"0.0.0.0 bad.example\n0.0.0.0 both.example\n"),
    )
    assert (report.read, report.kept, report.merged) == (4, 3, 1)
    assert report.overlaps == (("list0", "list1", 1),)
    assert report.kept_by_list == {"list0": 2, "list1": 2}
    assert _categories(pack, "www.both.example") == {"gambling", "malware"}
    assert _categories(pack, "casino.example") == {"gambling"}


@pytest.mark.parametrize("list_format", ["domains", "hosts", "adblock", "ut1", "rpz", "csv"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_reads_the_same_site_plain_or_gzip(list_format: str, packed: bool, make_pack: MakePack) -> None:
    content = {
        "domains": b"Site.example\n",
        "hosts": b"127.0.0.1 site.example\n",
        "adblock": b"||site.example^\n",
        "ut1": b"site.example\n",
        "rpz": b"$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\nsite.example CNAME .\n",
        "csv": b"domain,note\nsite.example,x\n",
    }[list_format]
    pack, report = make_pack((list_format, "drugs", content), packed=packed)
    assert report.kept == 1
    assert _categories(pack, "www.site.example") == {"drugs"}


def test_what_is_no_site_is_refused_and_counted_by_reason(make_pack: MakePack) -> None:
    lines = [
        b"good.example", b"co.uk", b"blogspot.com", b"com", b"192.0.2.1", b"[2001:db8::1]", b"a.example:8080",
        b"a.example/path", b"*.b.example", b"two words.example", b"nul\0.example", b"a..b.example",
        b"x" * 300 + b".example", b"y" * 5000, b"\xff\xfe.example", b"xn--.example", b"# comment", b"",
    ]  # fmt: skip
    pack, report = make_pack(("domains", "drugs", b"\n".join(lines)))
    assert (report.read, report.kept) == (16, 1)
    assert sum(report.refused.values()) == 15
    assert report.refused["a public suffix, which is no one site"] == 3
    for words in ("address", "IPv6", "port", "path", "wildcard", "space", "control", "empty label", "punycode", "UTF-8",
                  "line longer"):  # fmt: skip
        assert any(words in reason for reason in report.refused), words
    assert all(samples for samples in report.samples.values())
    assert _categories(pack, "good.example") == {"drugs"}


def test_protected_sites_are_refused_from_every_harmful_list_and_said_so(
    make_pack: MakePack, packs: tuple[CuratedPack, ...], taxonomy: Taxonomy
) -> None:
    """Promise 6, where lists are built."""
    held = [pack for pack in categorised(packs) if taxonomy.get(pack.category).protected]
    hosts = sorted({host for pack in held for host in pack.hosts})
    lines = [line for host in hosts for line in (host, f"www.{host}")]
    pack, report = make_pack(("domains", "suicide", "\n".join([*lines, "harm.example"]).encode()))
    assert report.kept == 1
    index = Index.open(pack)
    assert all(not index.find_host(line) for line in lines)
    index.close()
    assert sum(count for reason, count in report.refused.items() if "protected" in reason) > len(hosts)


def test_a_list_of_help_itself_may_name_help(make_pack: MakePack) -> None:
    pack, _ = make_pack(("domains", "help_seeking", b"samaritans.org\n"))
    assert _categories(pack, "www.samaritans.org") == {"help_seeking"}


def test_the_order_of_the_lists_changes_nothing(make_pack: MakePack, tmp_path: Path) -> None:
    first, _ = make_pack(("domains", "drugs", b"a.example\nb.example\n"), name="first.pack")
    second, _ = make_pack(("domains", "drugs", b"b.example\na.example\n"), name="second.pack")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("content", [b"\x89PNH\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", b"192.0.2.1\n192.0.2.2\n", b"x" * 9000])
def test_a_list_with_lines_but_nothing_usable_is_refused_and_the_old_pack_stays(
    content: bytes, make_pack: MakePack
) -> None:
    pack, _ = make_pack(("domains", "drugs", b"old.example\n"))
    before = pack.read_bytes()
    with pytest.raises(ListError, match=r"not one usable entry in [0-9]+ lines, mostly: "):
        make_pack(("domains", "drugs", content))
    assert pack.read_bytes() == before
    assert [entry.name for entry in pack.parent.iterdir() if entry.name.startswith(".")] == []


def test_lists_that_are_all_empty_write_no_pack(make_pack: MakePack, tmp_path: Path) -> None:
    with pytest.raises(ListError, match="no usable entry in any list"):
        make_pack(("domains", "drugs", b"# nothing\n"))
    assert not (tmp_path / "made.pack").exists()


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_name(make_pack: MakePack) -> None:
    pack, report = make_pack(("domains", "drugs", b"\xef\xbb\xbfone.example\r\ntwo.example\r\n"))
    assert report.kept == 2
    assert _categories(pack, "one.example") == {"drugs"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FORMATS)), st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(
    [b"a.example", b"0.0.0.0 a.example", b"||a.example^$all", b"$ORIGIN x.", b"a 60 IN CNAME .", b'"a', b"(", b"@"]
)), max_size=8))  # fmt: skip
def test_no_content_makes_a_build_fail_but_by_a_plain_refusal(
    make_pack: MakePack, list_format: str, lines: list[bytes]
) -> None:
    try:
        _, report = make_pack((list_format, "drugs", b"\n".join(lines)))
    except ListError as refused:
        assert "\n" not in str(refused)  # noqa: PT017 (both ways out are right)
        return
    assert report.kept >= 1
    assert report.read == report.kept + report.merged + report.covered + sum(report.refused.values())


def test_the_shipped_folder_is_the_same_bytes_each_time(shipped_folder: Path, tmp_path: Path) -> None:
    compile_shipped(tmp_path)
    for name in ("categories.toml", "protected.pack", "nameable.pack", "packs/curated.pack"):
        assert (tmp_path / name).read_bytes() == (shipped_folder / name).read_bytes()


def test_a_popular_site_that_a_raw_list_would_flag_is_named_whether_it_was_refused_or_not(make_pack: MakePack) -> None:
    lines = b"archive.org\nwww.trustpilot.com\ndrugs.com\nrottentomatoes.com\nreddit.com\nco.uk\nevil.example\n"
    _, report = make_pack(("domains", "malware", lines), ("domains", "social_networking", b"facebook.com\n"))
    told = {hit.site: hit for hit in report.popular if hit.entry != "co.uk"}
    assert set(told) == {
        "archive.org", "trustpilot.com", "drugs.com", "rottentomatoes.com", "reddit.com", "facebook.com"
    }  # fmt: skip
    assert told["trustpilot.com"].entry == "www.trustpilot.com"
    assert "allowed" in (told["archive.org"].refused or "")
    assert "protected (health)" in (told["drugs.com"].refused or "")
    assert not told["facebook.com"].would_flag
    assert {hit.site for hit in report.false_alarms} == {"reddit.com"}
    of_suffix = {hit.site for hit in report.popular if hit.entry == "co.uk"}
    assert {"bbc.co.uk", "amazon.co.uk"} <= of_suffix
    text = "\n".join(printed(report, Path("made.pack")))
    assert "would have flagged" in text
    assert "reddit.com: malware by reddit.com in list0; STILL IN THE PACK" in text


def test_what_is_below_an_allowed_site_is_refused_and_what_is_above_it_is_not(make_pack: MakePack) -> None:
    pack, report = make_pack(("domains", "phishing", b"ads.nasa.gov\nsky.com\n"))
    assert report.kept == 1
    assert _categories(pack, "www.news.sky.com") == {
        "phishing"
    }  # where rules are opened, the allowed list speaks first


def test_a_list_that_contradicts_a_curated_pack_or_another_list_is_told(make_pack: MakePack) -> None:
    _, report = make_pack(
        ("domains", "malware", b"steampowered.com\nboth.example\nbet365.com\n"),
        ("domains", "shopping", b"both.example\nbet365.com\n"),
    )
    told = {(clash.list_id, clash.category, clash.other_category, clash.entries) for clash in report.contradictions}
    assert told == {
        ("list0", "malware", "games", 1),
        ("list1", "shopping", "gambling", 1),
        ("list0", "malware", "shopping", 2),
    }
    assert any("contradict" in line for line in printed(report, Path("made.pack")))


def _archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_the_members_of_an_archive_become_entries_of_their_own_categories(
    tmp_path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes
) -> None:
    path = tmp_path / "lists.tar.gz"
    path.write_bytes(_archive(adult=b"one.example\n", bets=b"two.example\n", about=b"two words\n"))
    sources = [
        ListSource("domains", "gambling", path, "bets", "bets"),
        ListSource("domains", "pornography", path, "adult", "adult"),
        ListSource("domains", "malware", path, "again", "bets"),
    ]
    report = compile_lists(sources, tmp_path / "made.pack", suffix_list, Known(), taxonomy)
    assert report.kept_by_list == {"bets": 1, "adult": 1, "again": 1}
    assert _categories(tmp_path / "made.pack", "two.example") == {"gambling", "malware"}


def test_a_fault_in_an_archive_names_the_file_in_it_and_leaves_the_old_pack(
    tmp_path: Path, make_pack: MakePack, taxonomy: Taxonomy, suffix_list: PublicSuffixes
) -> None:
    pack, _ = make_pack(("domains", "drugs", b"old.example\n"))
    before = pack.read_bytes()
    path = tmp_path / "lists.tar.gz"
    path.write_bytes(_archive(bad=b"1.2.3.4\n"))
    source = ListSource("domains", "drugs", path, "bad", "bad")
    with pytest.raises(ListError, match=r"lists\.tar\.gz \(bad\): not one usable entry"):
        compile_lists([source], pack, suffix_list, Known(), taxonomy)
    assert pack.read_bytes() == before


def test_a_binary_file_is_no_list_even_where_a_line_of_it_looks_like_a_host(make_pack: MakePack) -> None:
    chance = random.Random(3)
    content = b"\n".join([bytes([chance.randrange(128, 256) for _ in range(40)]) for _ in range(200)] + [b"ab.example"])
    with pytest.raises(ListError, match="not a list: 200 of its 201 lines are no text"):
        make_pack(("domains", "drugs", content))


_ONE_LINE = """
import resource, sys
from pathlib import Path
from rules.compiler import build
from rules.errors import ListError
from rules.sources import ListSource
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    build([ListSource("domains", "drugs", folder / name, name) for name in sys.argv[2:]], folder / "made.pack")
except ListError as refused:
    print(refused)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("also", [b"", b"\nafter.example\n"])
def test_a_list_of_one_endless_line_is_read_in_little_memory(also: bytes, tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.write(b"first.example\n" if also else b"")
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
        file.write(also)
    command = [sys.executable, "-c", _ONE_LINE, str(tmp_path), "endless"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert int(told[-1]) < 24 * 1024  # KiB; the public suffix list is most of it
    assert (tmp_path / "made.pack").exists() is bool(also)
    if not also:
        assert told[0].endswith("not one usable entry in 1 lines, mostly: a line longer than 4096 bytes")
