"""Lists become packs: what can't be an entry is refused with a reason, protected sites enter no harmful pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.compiler import compile_shipped
from rules.curated import CuratedPack, categorised
from rules.errors import ListError
from rules.formats import FORMATS
from rules.index import Index
from rules.model import Taxonomy
from rules.report import BuildReport

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
