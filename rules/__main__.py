"""fairwatch-rules: builds packs from lists, and says what packs and policies mean."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from rules import build, check, explain, lint
from rules.compiler import compile_shipped
from rules.errors import RulesError

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

    _add(commands, "explain", explain, "say what would happen, and why")
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


if __name__ == "__main__":
    sys.exit(main())
