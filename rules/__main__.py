"""fairwatch-rules: builds packs from lists, and says what packs and policies mean."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec

from rules.compiler import BuildReport, ListSource, compile_lists, compile_shipped, protected_hosts
from rules.curated import APP_PLATFORMS, CuratedPack, load_packs, shipped_packs
from rules.engine import Rules
from rules.errors import HostRefused, RulesError, nearest_known
from rules.formats import FORMATS
from rules.hosts import normalise_host, suffixes
from rules.index import Index
from rules.lint import lint_policy, lint_taxonomy, notes_on_packs
from rules.model import Kind, Match, Taxonomy, Verdict
from rules.policy import Policy
from rules.suffixes import PublicSuffixes

DONE, BAD_INPUT = 0, 2
POLICY_FILE = "policy.toml"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One clear line and exit 2, where argparse would print its usage too."""
        self.exit(BAD_INPUT, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns 0 for done, 2 for bad usage or bad input (one line on stderr)."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except (RulesError, OSError) as error:
        what = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(f"fairwatch-rules: {' '.join(what.split())}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fairwatch-rules", description="Builds packs from lists, and says what packs and policies mean."
    )
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="build | shipped | check | explain | lint"
    )

    build = commands.add_parser("build", help="read lists and write one pack", description=_build.__doc__)
    build.add_argument(
        "sources", nargs="+", metavar="SOURCE", help=f"FORMAT:CATEGORY:PATH; formats: {', '.join(FORMATS)}"
    )
    build.add_argument("-o", "--output", required=True, type=Path, metavar="PACK", help="the pack to write")
    build.add_argument(
        "--allow-suffix", action="append", default=[], metavar="NAME", help="a public suffix that may be an entry"
    )
    build.add_argument("--json", action="store_true", help="print the report as one JSON object")
    build.set_defaults(run=_build)

    shipped = commands.add_parser(
        "shipped", help="write the rules that come with Fairwatch", description=_shipped.__doc__
    )
    shipped.add_argument("folder", type=Path, metavar="FOLDER", help="where to, such as rules")
    shipped.set_defaults(run=_shipped)

    check = commands.add_parser("check", help="say what a pack holds of some names", description=_check.__doc__)
    check.add_argument("pack", type=Path, metavar="PACK")
    check.add_argument("names", nargs="*", metavar="HOST", help="host names or app identities; without any, from stdin")
    check.add_argument("--json", action="store_true", help="print one JSON object a line")
    check.set_defaults(run=_check)

    explain = commands.add_parser("explain", help="say what would happen, and why", description=_explain.__doc__)
    explain.add_argument("name", metavar="NAME", help="a host name or an app identity")
    explain.add_argument("--rules", type=Path, metavar="DIR", help="a rules folder; without it, the shipped rules")
    explain.add_argument("--pack", type=Path, action="append", default=[], metavar="PACK", help="a further pack to try")
    explain.add_argument("--policy", type=Path, metavar="FILE", help="a policy; without it, the shipped one")
    explain.add_argument("--group", metavar="GROUP", help="a group of the policy; without it, each")
    explain.add_argument("--at", metavar="TIME", help='as in "2026-11-22 21:30", in the policy\'s time zone')
    explain.add_argument("--json", action="store_true", help="print one JSON object")
    explain.set_defaults(run=_explain)

    lint = commands.add_parser("lint", help="find mistakes in packs and policies", description=_lint.__doc__)
    lint.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a policy (.toml) or a compiled pack (.pack)")
    lint.add_argument(
        "--packs", type=Path, metavar="DIR", help="a folder of curated packs; without it, the shipped ones"
    )
    lint.add_argument("--at", metavar="TIME", help="the instant at which exceptions must hold; without it, now")
    lint.add_argument("--json", action="store_true", help="print one JSON object")
    lint.set_defaults(run=_lint)
    return parser


def _build(arguments: argparse.Namespace) -> int:
    """Reads every list, drops what can't be an entry and says why, and writes one pack, or leaves the old one."""
    taxonomy = Taxonomy.shipped()
    sources = _sources(arguments.sources, taxonomy)
    if not arguments.output.parent.is_dir():
        raise RulesError(f"{arguments.output.parent}: no such folder")
    named = frozenset(normalise_host(name) for name in arguments.allow_suffix)
    report = compile_lists(
        sources,
        arguments.output,
        PublicSuffixes.shipped(named),
        protected_hosts(shipped_packs(taxonomy), taxonomy),
        taxonomy,
        _show_progress if sys.stderr.isatty() else None,
    )
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(report)))
    else:
        _print_report(report, arguments.output)
    return DONE


def _shipped(arguments: argparse.Namespace) -> int:
    """Writes the taxonomy, the packs and a policy to begin with into a folder; a policy that is there stays."""
    compile_shipped(arguments.folder)
    policy = arguments.folder / POLICY_FILE
    if not policy.exists():
        policy.write_bytes(Path(__file__).with_name(POLICY_FILE).read_bytes())
    print(f"{arguments.folder}: the rules that come with Fairwatch; make {policy} your own before it is signed")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    """Says for each name which categories and entry of the pack match it; one line a name, in order."""
    index = Index.open(arguments.pack)
    try:
        index.verify()
        taxonomy = Taxonomy.shipped()
        protected = protected_hosts(shipped_packs(taxonomy), taxonomy)
        for name in arguments.names or _lines_of_stdin():
            found = _checked(index, name, protected)
            print(json.dumps(found) if arguments.json else _plain_line(found))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
    finally:
        index.close()
    return DONE


def _explain(arguments: argparse.Namespace) -> int:
    """Says what a name is, by which entry of which lists, and what the policy does about it, by which line."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.rules
        if folder is None:
            folder = Path(scratch)
            compile_shipped(folder)
        rules = Rules.open(folder, arguments.pack)
        try:
            kind, name = _kind(arguments.name), arguments.name
            if kind == "host":
                name = normalise_host(name)
            verdict = rules.classify(kind, name)
            policy = _policy(arguments.policy, rules.taxonomy)
            explained = _explained(verdict, policy, arguments.group, _instant(arguments.at, policy.timezone))
        finally:
            rules.close()
    if arguments.json:
        print(json.dumps(explained))
    else:
        _print_explained(explained)
    return DONE


def _lint(arguments: argparse.Namespace) -> int:
    """Checks curated packs, policies and compiled packs; exit 2 where something is wrong."""
    taxonomy = Taxonomy.shipped()
    problems = lint_taxonomy(taxonomy)
    packs: tuple[CuratedPack, ...] = ()
    try:
        packs = shipped_packs(taxonomy) if arguments.packs is None else load_packs(arguments.packs, taxonomy)
    except RulesError as error:
        problems.append(str(error))
    files = arguments.files or [Path(__file__).with_name(POLICY_FILE)]
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
        print(f"fairwatch-rules lint: {len(problems)} found, the first: {problems[0]}", file=sys.stderr)
    return BAD_INPUT if problems else DONE


def _lint_file(path: Path, taxonomy: Taxonomy, packs: Iterable[CuratedPack], at: str | None) -> list[str]:
    if path.suffix == ".pack":
        index = Index.open(path)
        try:
            index.verify()
            held = {category for pairs in index.sets for category, _ in pairs}
            return [
                f"{path.name}: no category is called {category!r}" for category in sorted(held - set(taxonomy.by_id))
            ]
        finally:
            index.close()
    policy = _policy(path, taxonomy)
    return lint_policy(policy, packs, _instant(at, policy.timezone))


def _sources(texts: list[str], taxonomy: Taxonomy) -> list[ListSource]:
    parsed = [_source(text, taxonomy) for text in texts]
    names = {path: _list_name(path) for _, _, path in parsed}
    sources = []
    for list_format, category, path in parsed:
        same = [other for other, name in names.items() if name == names[path]]
        list_id = names[path] if len(same) == 1 else str(path)
        sources += [ListSource(list_format, category, file, list_id) for file in _files(list_format, path)]
    return sources


def _source(text: str, taxonomy: Taxonomy) -> tuple[str, str, Path]:
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise RulesError(f"{text!r}: a source is FORMAT:CATEGORY:PATH")
    list_format, category, path = parts
    if list_format not in FORMATS:
        nearest = nearest_known(list_format, FORMATS)
        hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
        raise RulesError(f"no format is called {list_format!r}{hint}; known: {', '.join(FORMATS)}")
    taxonomy.get(category)
    return list_format, category, Path(path)


def _list_name(path: Path) -> str:
    """UT1 names every file alike, so its folder belongs to the name."""
    return f"{path.parent.name}/{path.name}" if path.name.partition(".")[0] in ("domains", "urls") else path.name


def _files(list_format: str, path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [path / name for name in ("domains", "urls") if (path / name).is_file()] if list_format == "ut1" else []
    if not found:
        raise RulesError(f"{path}: a folder; expected a file, or for ut1 a folder that holds domains or urls")
    return found


def _checked(index: Index, name: str, protected: dict[str, str]) -> dict[str, Any]:
    """What the pack says of one name. Where the protected list holds the name, its category is all that is said."""
    matches: list[Match] = []
    host = None
    if _kind(name) == "app":
        found = index.find_app(name)
    else:
        try:
            host = normalise_host(name)
            found = index.find_host(host)
        except HostRefused:
            found = []
    matches = [Match(category, entry, (lists,)) for entry, set_id in found for category, lists in index.pairs(set_id)]
    categories = {match.category for match in matches}
    covering = suffixes(host) if matches and host is not None else []
    held = next((protected[parent] for parent in covering if parent in protected), None)
    if held is not None and held not in categories:
        return {
            "name": name,
            "categories": [held],
            "matched": next(parent for parent in covering if parent in protected),
            "sources": ["protected"],
        }
    return {
        "name": name,
        "categories": sorted(categories),
        "matched": matches[0].entry if matches else None,
        "sources": sorted({source for match in matches for source in match.lists}),
    }


def _kind(name: str) -> Kind:
    return "app" if name.partition(":")[0] in APP_PLATFORMS and ":" in name else "host"


def _lines_of_stdin() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")


def _plain_line(found: dict[str, Any]) -> str:
    name = str(found["name"]).encode("ascii", "backslashreplace").decode("ascii")
    if found["matched"] is None:
        return f"{name}: nothing"
    agree = len(found["sources"])
    lists = f"{agree} list{'' if agree == 1 else 's'}: {', '.join(found['sources'])}"
    return f"{name}: {', '.join(found['categories'])} by {found['matched']} ({lists})"


def _show_progress(list_id: str, lines: int) -> None:
    print(f"\r{list_id}: {lines:,} lines", end="", file=sys.stderr, flush=True)


def _print_report(report: BuildReport, pack: Path) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"{pack}: {report.kept:,} entries kept of {report.read:,} read")
    print(f"  {report.merged:,} named more than once, {report.covered:,} covered by a parent in the same list")
    for reason, count in report.refused.items():
        sample = report.samples[reason][0]
        print(f"  {count:,} refused: {reason} (as in {sample.list_id} line {sample.line}: {sample.text!r})")
    for first, second, count in report.overlaps:
        print(f"  {count:,} in both {first} and {second}")


def _policy(path: Path | None, taxonomy: Taxonomy) -> Policy:
    path = path if path is not None else Path(__file__).with_name(POLICY_FILE)
    try:
        return Policy.parse(path.read_text("utf-8"), path.name, taxonomy)
    except UnicodeDecodeError:
        raise RulesError(f"{path.name}: not UTF-8 text") from None


def _instant(text: str | None, timezone: str) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RulesError(f'--at: expected a time as in "2026-11-22 21:30"; found {text!r}') from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(timezone))


def _explained(verdict: Verdict, policy: Policy, group: str | None, at: datetime) -> dict[str, Any]:
    if group is not None and group not in policy.group_names:
        raise RulesError(f"no group is called {group!r}; known: {', '.join(policy.group_names)}")
    return {
        "name": verdict.name,
        "kind": verdict.kind,
        "categories": list(verdict.categories),
        "matched": verdict.matched,
        "protected": verdict.protected,
        "named_in_totals_as": verdict.nameable_as,
        "matches": [
            {"category": match.category, "entry": match.entry, "lists": list(match.lists), "agree": len(match.lists)}
            for match in verdict.matches
        ],
        "excluded": verdict.kind == "host" and policy.excluded(verdict.name),
        "started": policy.started(at),
        "groups": {
            name: {
                "private_time": policy.private_time(name, at),
                "decisions": {
                    category: msgspec.to_builtins(policy.decide(category, name, at, verdict.name))
                    for category in verdict.categories
                },
            }
            for name in ((group,) if group is not None else policy.group_names)
        },
    }


def _print_explained(explained: dict[str, Any]) -> None:
    if explained["matched"] is None:
        print(f"{explained['name']}: in no category")
    for match in explained["matches"]:
        lists = ", ".join(match["lists"])
        print(f"{explained['name']}: {match['category']} by {match['entry']} ({match['agree']} agree: {lists})")
    if explained["protected"]:
        print("  protected: never flagged")
    if not explained["started"]:
        print("  before the start date: nothing is collected")
    if explained["excluded"]:
        print("  never collected, by the policy")
    for group, says in explained["groups"].items():
        if says["private_time"] != "none":
            print(f"  {group}: private time ({says['private_time']})")
        for category, decision in says["decisions"].items():
            level = "urgent" if decision["urgent"] else "routine"
            print(f"  {group}: {category}: {decision['response']}, {level} ({decision['line']})")


if __name__ == "__main__":
    sys.exit(main())
