"""`fairwatch-server audit`: check the audit log's chain and heads that were kept elsewhere, or write it out."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit` takes."""
    parser.add_argument("act", choices=("verify", "export"), help="check the whole chain, or write the log out")
    parser.add_argument(
        "--head", action="append", default=[], metavar="SEQ:HASH", help="with verify: a head that was kept elsewhere"
    )
    parser.add_argument("-o", "--out", type=Path, help="with export: a new file (default: standard output)")
    parser.add_argument("--format", choices=("json", "csv"), help="with export: json (default) or csv")
    parser.add_argument("--json", action="store_true", help="with verify: print JSON")


def run(args: argparse.Namespace) -> int:
    """Check or export; 1 when the chain is broken or a kept head is not in it."""
    if args.act == "verify" and (args.out is not None or args.format is not None):
        raise SetUpError("-o and --format go with export")
    if args.act == "export" and (args.head or args.json):
        raise SetUpError("--head and --json go with verify")
    require(args.data_dir)
    return _export(args.out, args.format or "json") if args.act == "export" else _verify(args.head, as_json=args.json)


def _verify(kept: list[str], *, as_json: bool) -> int:
    from protocol.audit import Head, read_head
    from server import audit, audit_check, heads

    try:
        wanted = [read_head(text) for text in kept]
    except ValueError as fault:
        raise SetUpError(f"--head: {fault}") from None
    wrong = audit_check.whole(datetime.now(UTC))
    lost = [head for head in wanted if not heads.holds(head)]
    newest, guarded = Head(*audit.head()), audit.guarded()
    good = wrong is None and not lost and guarded
    if as_json:
        found = {
            "ok": good,
            "head": str(newest),
            "broken": wrong.seq if wrong is not None else None,
            "reason": wrong.reason if wrong is not None else "",
            "kept_heads_lost": [str(head) for head in lost],
            "guarded": guarded,
        }
        print(json.dumps(found))  # noqa: T201
        return 0 if good else 1
    said = "the chain holds" if wrong is None else f"BROKEN at line {wrong.seq}: {wrong.reason}"
    print(f"{said}; newest line {newest}")  # noqa: T201
    for head in wanted:
        there = "is in the log" if head not in lost else "IS NOT IN THE LOG: lines up to there were altered or cut off"
        print(f"kept head {head.seq}: {there}")  # noqa: T201
    if not guarded:
        print("the database no longer refuses changes to the log: its triggers are gone")  # noqa: T201
    return 0 if good else 1


def _export(out: Path | None, kind: str) -> int:
    from server import audit
    from server.audit_export import export

    now = datetime.now(UTC)
    audit.write("command", "audit_exported", f"format:{kind}", now=now)
    if out is None:
        for piece in export(kind, now):
            sys.stdout.buffer.write(piece)
        return 0
    with out.open("xb") as file:  # never over a file that is there
        try:
            out.chmod(0o600)
            for piece in export(kind, now):
                file.write(piece)
            file.flush()
        except BaseException:
            out.unlink()  # half an export would look like a log that was cut off
            raise
    print(f"{out}: {audit.head()[0]} lines; check it anywhere with: fairwatch-custody audit {out}")  # noqa: T201
    return 0
