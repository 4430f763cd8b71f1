"""What is taken in bites is exactly what reading line by line would give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.errors import HostRefused
from rules.formats import FORMATS
from rules.hosts import normalise_host
from rules.plain import BITE_LINES, PLAIN_FORMATS, bites, plain_hosts

LINE = st.one_of(
    st.lists(st.text("ab1-_", min_size=1, max_size=5), min_size=1, max_size=4).map(".".join),
    st.text("ab.X-_ #/*:\r\x00\u00e4", max_size=8),
    st.just("a" * 60 + ".com"),
    st.just("xn--bcher-kva.example"),
    st.just("x.co1"),
)


@given(st.lists(LINE, max_size=5))
def test_lines_are_plain_only_where_each_is_itself_in_every_such_format(lines: list[str]) -> None:
    raw: list[bytes | None] = [line.encode() for line in lines]
    plain = plain_hosts(raw)
    if plain is None:
        return
    assert plain.names == raw
    assert {name.decode() for name in plain.parents} == {line.partition(".")[2] for line in lines}
    assert plain.deep == any(line.count(".") > 1 for line in lines)
    for line in lines:
        assert normalise_host(line) == line
        assert "." in line
        assert all(list(FORMATS[name]()(line)) == [line] for name in PLAIN_FORMATS)


def test_plain_names_are_taken_and_a_single_other_line_is_not() -> None:
    names: list[bytes | None] = [b"a.example", b"www.b-c.example", b"_d.e_f.co"]
    assert plain_hosts(names) == (names, {b"example", b"b-c.example", b"e_f.co"}, True)
    assert plain_hosts([b"a.example", b"e_f.co"]) == ([b"a.example", b"e_f.co"], {b"example", b"co"}, False)
    others = (
        None,
        b"",
        b"com",
        b"A.example",
        b"a.example\r",
        b"# a.b",
        b".a.b",
        b"a..b",
        b"a.b.",
        b"1.2.3.4",
        b"a.b c.d",
    )
    for other in others:
        assert plain_hosts([*names, other]) is None


def test_a_label_or_a_name_that_is_too_long_is_left_to_the_careful_way() -> None:
    assert plain_hosts([b"a" * 64 + b".com"]) is None
    try:
        normalise_host("a" * 64 + ".com")
    except HostRefused:
        return
    raise AssertionError


def test_bites_hold_every_line_in_order() -> None:
    lines = [b"%d" % number for number in range(2 * BITE_LINES + 3)]
    taken = list(bites(iter(lines)))
    assert [line for bite in taken for line in bite] == lines
    assert max(map(len, taken)) == BITE_LINES
