"""A source names one list, a UT1 tree or an archive, and one that can't be understood is refused in one line."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from rules.errors import RulesError
from rules.formats.ut1 import FOLDERS
from rules.model import Taxonomy
from rules.sources import find_lists

TREE = {
    "README": b"about\n",
    "blacklists/adult/domains": b"adult.example\n",
    "blacklists/adult/urls": b"more.example/\nx.example/path\n",
    "blacklists/gambling/domains": b"casino.example\n",
    "blacklists/bank/domains": b"bank.example\n",
    "blacklists/adult/usage": b"black\n",
}


def _tree(folder: Path) -> Path:
    for name, content in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "blacklists" / "porn").symlink_to("adult")
    return folder


def _archive(folder: Path) -> Path:
    path = folder / "blacklists.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in TREE.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("blacklists/porn")
        link.type, link.linkname = tarfile.SYMTYPE, "adult"
        archive.addfile(link)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_ut1_tree_gives_each_folder_in_its_own_category(packed: bool, tmp_path: Path, taxonomy: Taxonomy) -> None:
    place = _archive(tmp_path) if packed else _tree(tmp_path)
    found = find_lists([f"ut1:*:{place}"], taxonomy)
    assert sorted((source.category, source.list_id) for source in found.sources) == [
        ("gambling", "gambling"),
        ("pornography", "adult"),
        ("pornography", "adult"),
    ]
    assert found.left_out == ("bank",)


@pytest.mark.parametrize("packed", [False, True])
def test_a_category_named_for_a_ut1_tree_takes_its_folders_alone(
    packed: bool, tmp_path: Path, taxonomy: Taxonomy
) -> None:
    place = _archive(tmp_path) if packed else _tree(tmp_path)
    (source,) = find_lists([f"ut1:gambling:{place}"], taxonomy).sources
    assert (source.list_id, source.category) == ("gambling", "gambling")
    with pytest.raises(RulesError, match="no folder of weapons among adult, bank, gambling"):
        find_lists([f"ut1:weapons:{place}"], taxonomy)


def test_one_ut1_folder_is_taken_in_the_category_named_whatever_it_is_called(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    folder = _tree(tmp_path) / "blacklists" / "bank"
    (source,) = find_lists([f"ut1:phishing:{folder}"], taxonomy).sources
    assert (source.path.name, source.category) == ("domains", "phishing")


def test_every_ut1_folder_leads_to_a_category_that_there_is(taxonomy: Taxonomy) -> None:
    assert set(FOLDERS.values()) <= set(taxonomy.by_id)
    assert not any(taxonomy.get(category).protected for category in FOLDERS.values())


def test_an_archive_of_other_lists_gives_each_of_its_lists(tmp_path: Path, taxonomy: Taxonomy) -> None:
    found = find_lists([f"domains:drugs:{_archive(tmp_path)}"], taxonomy)
    assert [source.member for source in found.sources] == [
        name for name in TREE if not name.endswith(("README", "usage"))
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "FORMAT:CATEGORY:PATH"),
        ("domains:drugs:", "FORMAT:CATEGORY:PATH"),
        ("domains:*:{here}/one", "no category is called"),
        ("ut1:*:{here}/one", "one file has one category"),
        ("ut1:drugs:{here}", "no folder in it holds domains or urls"),
        ("host:drugs:{here}/one", "did you mean 'hosts'"),
        ("domains:drugs:{here}", "a folder; expected a file"),
        ("domains:drugs:{here}/none", "can't be read"),
    ],
)
def test_a_source_that_means_nothing_is_refused(text: str, says: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    (tmp_path / "one").write_text("a.example\n")
    with pytest.raises(RulesError, match=says) as refused:
        find_lists([text.replace("{here}", str(tmp_path))], taxonomy)
    assert "\n" not in str(refused.value)


def test_an_archive_without_a_list_is_refused(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("README.md"))
    with pytest.raises(RulesError, match="holds no list"):
        find_lists([f"domains:drugs:{path}"], taxonomy)
