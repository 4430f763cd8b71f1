"""UT1 files: `domains` holds bare names, `urls` holds names with paths; a URL that names only a host counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.errors import EntryRefused

# UT1's folders that mean the same as a category here. Those about taste, trade or technique are left out; so are those
# that name much that is harmless (`mixed_adult`, `sexual_education`, `download`, `strong_redirector`).
FOLDERS = {
    "adult": "pornography",
    "agressif": "violence",
    "ai": "generative_ai",
    "audio-video": "streaming",
    "chat": "social_networking",
    "cryptojacking": "malware",
    "dating": "dating",
    "ddos": "illegal",
    "drogue": "drugs",
    "gambling": "gambling",
    "games": "games",
    "hacking": "illegal",
    "jobsearch": "job_search",
    "malware": "malware",
    "phishing": "phishing",
    "redirector": "anonymisers",
    "remote-control": "remote_control",
    "shopping": "shopping",
    "social_networks": "social_networking",
    "stalkerware": "malware",
    "vpn": "anonymisers",
    "warez": "file_sharing",
}


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one `domains` or `urls` file."""
    return parse_line


def parse_line(line: str) -> Sequence[str]:
    """The host on this line; raises EntryRefused for a path, which host names alone can't match."""
    entry = line.strip()
    if not entry or entry.startswith("#"):
        return ()
    if "/" not in entry:
        return (entry,)
    entry = entry.removeprefix("http://").removeprefix("https://")
    host, slash, path = entry.partition("/")
    if slash and path:
        raise EntryRefused("a path: not matchable by host name")
    return (host,)
