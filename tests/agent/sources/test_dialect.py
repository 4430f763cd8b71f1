"""The one query: what it can ever fetch, and how a host is cut from an address."""

from __future__ import annotations

import pytest

from agent.sources.dialect import URL_BYTES, host_of_stored
from agent.sources.history_file import DIALECTS


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.family)
def test_the_query_never_fetches_a_title_and_the_address_only_into_the_host_function(dialect):
    query = dialect.select(frozenset({"visits.originator_cache_guid", "visit_source.source", "moz_places.hidden"}))
    assert "title" not in query
    assert "*" not in query.replace("visit_time * 1000000", "")
    assert query.count("url") == query.count("u.url") + query.count("v.url") + query.count("urls u")
    assert query.count("u.url") == 1
    assert f"host(CAST(substr(u.url, 1, {URL_BYTES}) AS BLOB))" in query


@pytest.mark.parametrize(
    ("stored", "host"),
    [
        (b"https://one.test/path?q=1#f", "one.test"),
        (b"HTTP://One.Test./", "one.test"),
        (b"https://user:secret@one.test:8443/", "one.test"),
        ("https://b\u00fccher.test/".encode(), "xn--bcher-kva.test"),
        (b"https://one.test/\xff\xfe", "one.test"),
        (b"https://one.test/" + b"x" * URL_BYTES, "one.test"),
        ((b"https://" + b"user" * URL_BYTES + b"@one.test/")[:URL_BYTES], None),
        ((b"https://" + b"a" * URL_BYTES)[:URL_BYTES], None),
        (b"https://\xff\xfe/", None),
        (b"file:///etc/passwd", None),
        (b"", None),
        (None, None),
        (17, None),
    ],
)
def test_a_host_is_cut_from_whatever_is_stored(stored, host):
    assert host_of_stored(stored) == host
