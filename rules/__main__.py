"""fairwatch-rules: builds packs from lists, and says what packs and policies mean."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from rules import build, check, explain, lint
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.errors import RulesError
from rules.index import Index
from rules.model import Taxonomy
from rules.policy import Policy

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

    _add(commands, "build", build, "read lists and write one pack")

    shipped = commands.add_parser(
        "shipped", help="write the rules that come with Fairwatch", description=_shipped.__doc__
    )
    shipped.add_argument("folder", type=Path, metavar="FOLDER", help="where to, such as rules")
    shipped.set_defaults(run=_shipped)

    _add(commands, "check", check, "say what a pack holds of some names")

    explain = commands.add_parser("explain", help="say what would happen, and why", description=_explain.__doc__)
    explain.add_argument("name", metavar="NAME", help="a host name or an app identity")
    explain.add_argument("--rules", type=Path, metavar="DIR", help="a rules folder; without it, the shipped rules")
    explain.add_argument("--pack", type=Path, action="append", default=[], metavar="PACK", help="a further pack to try")
    explain.add_argument("--policy", type=Path, metavar="FILE", help="a policy; without it, the shipped one")
    explain.add_argument("--group", metavar="GROUP", help="a group of the policy; without it, each")
    explain.add_argument("--at", metavar="TIME", help='as in "2026-11-22 21:30", in the policy\'s time zone')
    explain.add_argument("--json", action="store_true", help="print one JSON object")
    explain.set_defaults(run=_explain)

    _add(commands, "lint", lint, "find mistakes in packs and policies")
    return parser


def _add(commands: argparse._SubParsersAction[_Parser], name: str, module: ModuleType, summary: str) -> None:
    parser = commands.add_parser(name, help=summary, description=module.run.__doc__)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def _shipped(arguments: argparse.Namespace) -> int:
    """Writes the taxonomy, the packs and a policy to begin with into a folder; a policy that is there stays."""
    compile_shipped(arguments.folder)
    policy = arguments.folder / POLICY_FILE
    if not policy.exists():
        policy.write_bytes(Path(__file__).with_name(POLICY_FILE).read_bytes())
    print(f"{arguments.folder}: the rules that come with Fairwatch; make {policy} your own before it is signed")
    return DONE


def _explain(arguments: argparse.Namespace) -> int:
    """Says what a name is, by which entry of which lists, and what the policy does about it, by which line."""
    kind, name = explain.name_asked(arguments.name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.rules
        if folder is None:
            folder = Path(scratch)
            compile_shipped(folder)
        own = folder / POLICY_FILE
        policy_file = own if arguments.policy is None and own.is_file() else arguments.policy
        policy = _policy(policy_file, Taxonomy.load(folder / "categories.toml"))
        groups = explain.groups_asked(policy, arguments.group)
        at = explain.instant_asked(arguments.at, policy.timezone, datetime.now(UTC))
        packs = [_pack_state(policy, path) for path in (*sorted((folder / "packs").glob("*.pack")), *arguments.pack)]
        rules = Rules.open(folder, arguments.pack)
        try:
            verdict = rules.classify(kind, name)
        finally:
            rules.close()
    if arguments.json:
        print(json.dumps(explain.as_data(verdict, (), policy, groups, at, packs)))
    else:
        print("\n".join(explain.as_lines(verdict, (), policy, groups, at, packs)))
    return DONE


def _pack_state(policy: Policy, path: Path) -> explain.PackState:
    index = Index.open(path)
    try:
        return explain.pack_state(policy, path.stem, index.entries)
    finally:
        index.close()


def _policy(path: Path | None, taxonomy: Taxonomy) -> Policy:
    path = path if path is not None else Path(__file__).with_name(POLICY_FILE)
    try:
        return Policy.parse(path.read_text("utf-8"), path.name, taxonomy)
    except UnicodeDecodeError:
        raise RulesError(f"{path.name}: not UTF-8 text") from None


if __name__ == "__main__":
    sys.exit(main())
