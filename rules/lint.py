"""fairwatch-rules lint: finds what would go wrong later, such as contradictions and forgotten exceptions."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rules import explain
from rules.compiler import NAMEABLE_PACK, PROTECTED_PACK
from rules.curated import CuratedPack, categorised, contradictions, load_pack
from rules.errors import RulesError
from rules.index import Index
from rules.known import Known, read_popular
from rules.model import Taxonomy
from rules.policy import Policy
from rules.suffixes import PublicSuffixes

LEAST_FLAGGING = 3  # fewer in a level, and the level alone would tell what was flagged
OWN_PACKS = (PROTECTED_PACK, NAMEABLE_PACK)  # these may hold what no list may
_HERE = Path(__file__).parent
_BAD_INPUT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `lint` takes."""
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="a policy (.toml) or a compiled pack (.pack)"
    )
    parser.add_argument(
        "--packs", type=Path, metavar="DIR", help="a folder of curated packs; without it, the shipped ones"
    )
    parser.add_argument("--at", metavar="TIME", help="the instant at which exceptions must hold; without it, now")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Checks curated packs, policies and compiled packs; exit 2 where something is wrong."""
    taxonomy = Taxonomy.shipped()
    problems = lint_taxonomy(taxonomy)
    packs, found = lint_packs(arguments.packs if arguments.packs is not None else _HERE / "packs", taxonomy)
    problems += found
    files = arguments.files or [_HERE / "policy.toml"]
    for path in files:
        try:
            problems += _lint_file(path, taxonomy, packs, arguments.at)
        except RulesError as error:
            problems.append(str(error))
    if arguments.json:
        notes = notes_on_packs(taxonomy, packs)
        print(json.dumps({"ok": not problems, "problems": problems, "notes": notes}))
    else:
        print("\n".join(problems) if problems else f"all is well: {len(packs)} curated packs, {len(files)} files")
    if problems:
        print(
            f"fairwatch-rules lint: {len(problems)} {'thing' if len(problems) == 1 else 'things'} to put right",
            file=sys.stderr,
        )
    return _BAD_INPUT if problems else 0


def lint_packs(folder: Path, taxonomy: Taxonomy) -> tuple[tuple[CuratedPack, ...], list[str]]:
    """The curated packs of a folder that can be read, and everything that is wrong with them, not only the first."""
    suffix_list = PublicSuffixes.shipped()
    packs, problems = [], []
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        problems.append(f"{folder}: no curated packs there")
    for path in paths:
        try:
            packs.append(load_pack(path, taxonomy, suffix_list))
        except RulesError as error:
            problems.append(str(error))
    return tuple(packs), problems + contradictions(packs, taxonomy)


def lint_compiled(path: Path, taxonomy: Taxonomy, packs: Iterable[CuratedPack]) -> list[str]:
    """What a compiled pack should not hold: unknown or protected categories, protected, allowed or popular sites.

    Raises PackError where the pack is damaged.
    """
    every = tuple(packs)
    known = Known.of(every, taxonomy, read_popular())
    index = Index.open(path)
    try:
        index.verify()
        if path.name in OWN_PACKS:
            return []
        problems = []
        for category in sorted({category for pairs in index.sets for category, _ in pairs}):
            if category not in taxonomy.by_id:
                problems.append(f"{path.name}: no category is called {category!r}")
            elif taxonomy.by_id[category].protected:
                problems.append(f"{path.name}: {category} is protected; a list may not put sites there")
        if not problems:
            problems = [*_held(path, index, known, taxonomy)]
    finally:
        index.close()
    return problems


def _held(path: Path, index: Index, known: Known, taxonomy: Taxonomy) -> Iterable[str]:
    for host in sorted(known.names):
        entries = [(entry, index.pairs(set_id)) for entry, set_id in index.find_host(host) if entry == host]
        for category, list_id in (pair for _, pairs in entries for pair in pairs):
            said = f"{path.name}: {list_id} puts {host} in {category}"
            if host in known.protected:
                yield f"{said}, and it is protected ({known.protected[host]})"
            elif host in known.allowed:
                yield f"{said}, and it is an allowed site"
            elif taxonomy.get(category).response == "flag" and host in known.popular:
                yield f"{said}, which is flagged, and it matches a popular site"


def lint_policy(policy: Policy, packs: Iterable[CuratedPack], at: datetime) -> list[str]:
    """What is wrong or forgotten in a policy, each as a sentence; nothing where all is well."""
    flagged = {group: _flagged(policy, group, at) for group in policy.group_names}
    problems = [
        f"{policy.file_name} line {exception.line}: the exception for {exception.category} ended on {exception.until}"
        for exception in policy.exceptions
        if exception.until < policy.local_day(at)
    ]
    for group, categories in flagged.items():
        for urgent, level in ((True, "urgent"), (False, "routine")):
            count = sum(policy.decide(category, group, at).urgent == urgent for category in categories)
            if 0 < count < LEAST_FLAGGING:
                named = f"{count} {level} {'category' if count == 1 else 'categories'}"
                problems.append(
                    f"{policy.file_name}: group {group} flags only {named}, so that the level alone would tell which; "
                    f"{LEAST_FLAGGING} are needed"
                )
    return problems + _needless_exceptions(policy, packs)


def lint_taxonomy(taxonomy: Taxonomy) -> list[str]:
    """Levels of the taxonomy in which, by default, too few categories flag."""
    problems = []
    for urgent, level in ((True, "urgent"), (False, "routine")):
        count = sum(category.response == "flag" and category.urgent == urgent for category in taxonomy.categories)
        if count < LEAST_FLAGGING:
            problems.append(f"categories.toml: only {count} {level} categories flag; {LEAST_FLAGGING} are needed")
    return problems


def notes_on_packs(taxonomy: Taxonomy, packs: Iterable[CuratedPack]) -> list[str]:
    """Categories that no curated pack fills: worth knowing, not wrong, since a list may fill them."""
    filled = {pack.category for pack in categorised(packs)}
    return [f"{category.id}: no curated pack" for category in taxonomy.categories if category.id not in filled]


def _flagged(policy: Policy, group: str, at: datetime) -> list[str]:
    ids = [category.id for category in policy.taxonomy.categories]
    return [category for category in ids if policy.decide(category, group, at).response == "flag"]


def _needless_exceptions(policy: Policy, packs: Iterable[CuratedPack]) -> list[str]:
    """Sites of exceptions that the protected packs hold anyway: a sign that somebody misread what is flagged."""
    protected = [pack for pack in categorised(packs) if policy.taxonomy.get(pack.category).protected]
    return [
        f"{policy.file_name} line {exception.line}: {exception.site} is protected; the exception changes nothing"
        for exception in policy.exceptions
        if exception.site is not None and any(pack.names(exception.site) for pack in protected)
    ]


def _lint_file(path: Path, taxonomy: Taxonomy, packs: Iterable[CuratedPack], at: str | None) -> list[str]:
    if path.suffix == ".pack":
        return lint_compiled(path, taxonomy, packs)
    try:
        policy = Policy.parse(path.read_text("utf-8"), path.name, taxonomy)
    except UnicodeDecodeError:
        raise RulesError(f"{path.name}: not UTF-8 text") from None
    return lint_policy(policy, packs, explain.instant_asked(at, policy.timezone, datetime.now(UTC)))
