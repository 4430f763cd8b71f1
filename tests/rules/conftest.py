"""What several tests of the rules need: the compiled shipped folder, and a quick way to make a pack."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rules.compiler import compile_lists, compile_shipped
from rules.curated import CuratedPack, shipped_packs
from rules.engine import Rules
from rules.known import Known, read_popular
from rules.model import Taxonomy
from rules.report import BuildReport
from rules.sources import ListSource
from rules.suffixes import PublicSuffixes

MakePack = Callable[..., tuple[Path, BuildReport]]


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy.shipped()


@pytest.fixture(scope="session")
def packs(taxonomy: Taxonomy) -> tuple[CuratedPack, ...]:
    return shipped_packs(taxonomy)


@pytest.fixture(scope="session")
def suffix_list() -> PublicSuffixes:
    return PublicSuffixes.shipped()


@pytest.fixture(scope="session")
def shipped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    compile_shipped(folder)
    return folder


@pytest.fixture(scope="session")
def rules(shipped_folder: Path) -> Iterator[Rules]:
    opened = Rules.open(shipped_folder)
    yield opened
    opened.close()


@pytest.fixture
def make_pack(
    tmp_path: Path, taxonomy: Taxonomy, packs: tuple[CuratedPack, ...], suffix_list: PublicSuffixes
) -> MakePack:
    """Builds a pack from (format, category, bytes) lists; a list's id is `list` and its number."""
    known = Known.of(packs, taxonomy, read_popular())

    def make(*lists: tuple[str, str, bytes], packed: bool = False, name: str = "made.pack") -> tuple[Path, BuildReport]:
        sources = []
        for number, (list_format, category, content) in enumerate(lists):
            path = tmp_path / f"list{number}"
            path.write_bytes(gzip.compress(content) if packed else content)
            sources.append(ListSource(list_format, category, path, path.name))
        pack = tmp_path / name
        return pack, compile_lists(sources, pack, suffix_list, known, taxonomy)

    return make
