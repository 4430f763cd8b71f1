"""Finds the lists that `FORMAT:CATEGORY:PATH` means: one file, a UT1 tree, or the members of a tar archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from rules.errors import ListError, RulesError, nearest_known
from rules.formats import FORMATS
from rules.formats.ut1 import FOLDERS
from rules.model import Taxonomy
from rules.reading import is_archive, member_names

EVERY_CATEGORY = "*"  # of a UT1 tree: each folder in the category that formats/ut1.py gives it
_UT1_FILES = ("domains", "urls")
_NO_LISTS = ("readme", "license", "licence", "copying", "changelog", "usage", "notice", "global_usage")


class ListSource(msgspec.Struct, frozen=True):
    """A list to be read: format, category of all its entries, where it is, and the id it is known by.

    `member` is the file's name within an archive.
    """

    format: str
    category: str
    path: Path
    list_id: str
    member: str | None = None


class Found(msgspec.Struct, frozen=True):
    """The lists that some sources mean, and the UT1 folders that no category here is for."""

    sources: tuple[ListSource, ...]
    left_out: tuple[str, ...] = ()


class _Text(msgspec.Struct, frozen=True):
    """What one `FORMAT:CATEGORY:PATH` says."""

    format: str
    category: str
    path: Path


def find_lists(texts: Iterable[str], taxonomy: Taxonomy) -> Found:
    """Every list of every source; raises RulesError for a source that can't be understood or holds none."""
    parsed = [_parse(text, taxonomy) for text in texts]
    names = {text.path: _list_name(text.path) for text in parsed}
    sources: list[ListSource] = []
    left_out: list[str] = []
    for text in parsed:
        same = [path for path, name in names.items() if name == names[text.path]]
        list_id = names[text.path] if len(same) == 1 else str(text.path)
        found = _lists_of(text, list_id)
        sources += found.sources
        left_out += found.left_out
    return Found(tuple(sources), tuple(left_out))


def _parse(text: str, taxonomy: Taxonomy) -> _Text:
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise RulesError(f"{text!r}: a source is FORMAT:CATEGORY:PATH")
    list_format, category, path = parts
    if list_format not in FORMATS:
        nearest = nearest_known(list_format, FORMATS)
        hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
        raise RulesError(f"no format is called {list_format!r}{hint}; known: {', '.join(FORMATS)}")
    if category != EVERY_CATEGORY or list_format != "ut1":
        taxonomy.get(category)
    return _Text(list_format, category, Path(path))


def _list_name(path: Path) -> str:
    """UT1 names every file alike, so its folder belongs to the name."""
    return f"{path.parent.name}/{path.name}" if path.name.partition(".")[0] in _UT1_FILES else path.name


def _lists_of(text: _Text, list_id: str) -> Found:
    if text.path.is_dir():
        if text.format != "ut1":
            raise RulesError(f"{text.path}: a folder; expected a file, or for ut1 a folder that holds domains or urls")
        return _ut1_tree(text, list_id)
    if not is_archive(text.path):
        if text.category == EVERY_CATEGORY:
            raise RulesError(f"{text.path}: one file has one category; '*' is for a UT1 tree")
        return Found((ListSource(text.format, text.category, text.path, list_id),))
    members = member_names(text.path)
    if text.format == "ut1":
        return _ut1_archive(text, members, list_id)
    lists = [name for name in members if not _is_about(name)]
    if not lists:
        raise ListError(f"{text.path}: the archive holds no list")
    return Found(tuple(ListSource(text.format, text.category, text.path, list_id, name) for name in lists))


def _is_about(name: str) -> bool:
    """Whether a file of an archive speaks about the lists and is none."""
    last = PurePosixPath(name).name.lower()
    return last.startswith((".", *_NO_LISTS)) or last.endswith((".md", ".html"))


def _ut1_tree(text: _Text, list_id: str) -> Found:
    own = _ut1_files(text.path)
    if own and text.category != EVERY_CATEGORY:
        return Found(tuple(ListSource("ut1", text.category, path, list_id) for path in own))
    folders = {text.path.name: own} if own else {}
    below = sorted(path for pattern in ("*", "*/*") for path in text.path.glob(pattern) if not path.is_symlink())
    folders |= {path.name: files for path in below if path.is_dir() and (files := _ut1_files(path))}
    chosen, left_out = _choose(text, folders)
    return Found(
        tuple(ListSource("ut1", category, path, name) for name, category in chosen.items() for path in folders[name]),
        left_out,
    )


def _ut1_archive(text: _Text, members: list[str], list_id: str) -> Found:
    folders: dict[str, list[str]] = {}
    for member in members:
        place = PurePosixPath(member)
        if place.name in _UT1_FILES:
            folders.setdefault(place.parent.name or list_id, []).append(member)
    chosen, left_out = _choose(text, folders)
    return Found(
        tuple(
            ListSource("ut1", category, text.path, name, member)
            for name, category in chosen.items()
            for member in folders[name]
        ),
        left_out,
    )


def _ut1_files(folder: Path) -> list[Path]:
    names = [f"{name}{packed}" for name in _UT1_FILES for packed in ("", ".gz")]
    return [folder / name for name in names if (folder / name).is_file()]


def _choose(text: _Text, folders: Mapping[str, object]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The category of each folder that is read, and the folders that are not."""
    if not folders:
        raise RulesError(f"{text.path}: no folder in it holds domains or urls, as UT1's do")
    if text.category == EVERY_CATEGORY:
        chosen = {name: FOLDERS[name] for name in sorted(folders) if FOLDERS.get(name)}
    elif len(folders) == 1:
        chosen = dict.fromkeys(folders, text.category)
    else:
        chosen = {name: text.category for name in sorted(folders) if FOLDERS.get(name, name) == text.category}
    if not chosen:
        wanted = "that a category here is for" if text.category == EVERY_CATEGORY else f"of {text.category}"
        raise RulesError(f"{text.path}: no folder {wanted} among {', '.join(sorted(folders)[:10])}")
    return chosen, tuple(sorted(set(folders) - set(chosen))) if text.category == EVERY_CATEGORY else ()
