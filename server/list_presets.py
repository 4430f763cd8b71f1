"""Lists that are known by name: where they are, how they are written, what they are about, and their licence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.formats.ut1 import FOLDERS

_UT1 = "https://dsi.ut-capitole.fr/blacklists/download"
_BLOCK_LIST_PROJECT = "https://blocklistproject.github.io/Lists/alt-version"
_STEVEN_BLACK = "https://raw.githubusercontent.com/StevenBlack/hosts/master/alternates"
_LARGE_UT1 = {"adult": 256, "malware": 128, "phishing": 128}  # their largest are tens of MB packed

_BLOCK_LIST_PROJECT_CATEGORIES = {
    "drugs": "drugs",
    "facebook": "social_networking",
    "fortnite": "games",
    "fraud": "phishing",
    "gambling": "gambling",
    "malware": "malware",
    "phishing": "phishing",
    "piracy": "file_sharing",
    "porn": "pornography",
    "ransomware": "malware",
    "scam": "phishing",
    "tiktok": "social_networking",
    "torrent": "file_sharing",
    "twitter": "social_networking",
    "whatsapp": "social_networking",
    "youtube": "streaming",
}
_STEVEN_BLACK_CATEGORIES = {"gambling": "gambling", "porn": "pornography", "social": "social_networking"}


@dataclass(frozen=True)
class Preset:
    """A list as its makers publish it. `checksum_url` is a file of checksums as md5sum and sha256sum write it."""

    url: str
    format: str
    category: str
    licence: str
    checksum_url: str = ""
    refresh_hours: int = 24
    max_megabytes: int = 32


def _every() -> Iterator[tuple[str, Preset]]:
    for folder, category in FOLDERS.items():
        if category:
            yield (
                f"ut1:{folder}",
                Preset(
                    url=f"{_UT1}/{folder}.tar.gz",
                    format="ut1",
                    category=category,
                    licence="Creative Commons BY-SA; Université Toulouse Capitole",
                    checksum_url=f"{_UT1}/MD5SUM.LST",
                    max_megabytes=_LARGE_UT1.get(folder, 32),
                ),
            )
    for name, category in _BLOCK_LIST_PROJECT_CATEGORIES.items():
        yield (
            f"blocklistproject:{name}",
            Preset(
                url=f"{_BLOCK_LIST_PROJECT}/{name}-nl.txt",
                format="domains",
                category=category,
                licence="The Unlicense; The Block List Project",
            ),
        )
    for name, category in _STEVEN_BLACK_CATEGORIES.items():
        yield (
            f"stevenblack:{name}",
            Preset(
                url=f"{_STEVEN_BLACK}/{name}-only/hosts",
                format="hosts",
                category=category,
                licence="MIT; Steven Black, and the licences of the lists it unites",
            ),
        )


PRESETS: dict[str, Preset] = dict(_every())
