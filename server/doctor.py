"""`fairwatch-server doctor`: say of each thing a collector needs whether it is right, and if not, what to do."""

from __future__ import annotations

import argparse
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from server import alive, doctor_fleet, doctor_machine
from server.doctor_machine import Finding
from server.initialise import FOLDERS
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `doctor` takes."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--alive", action="store_true", help="only ask whether the collector that runs here answers")


def run(args: argparse.Namespace) -> int:
    """Print every finding; 1 when something is wrong."""
    if args.alive:
        return _alive(args.data_dir, as_json=args.json)
    require(args.data_dir)
    found = list(examine(args.data_dir))
    if args.json:
        print(json.dumps({"ok": all(one.ok for one in found), "findings": [asdict(one) for one in found]}))  # noqa: T201
    else:
        for one in found:
            print(f"{'good' if one.ok else 'BAD '}  {one.check}: {one.sentence}")  # noqa: T201
    return 0 if all(one.ok for one in found) else 1


def _alive(data_dir: Path, *, as_json: bool) -> int:
    why_not = alive.answers(data_dir)
    found = Finding("alive", not why_not, why_not or "the collector answers")
    words = json.dumps({"ok": found.ok, "findings": [asdict(found)]}) if as_json else found.sentence
    print(words)  # noqa: T201
    return 0 if found.ok else 1


def examine(data_dir: Path) -> Iterator[Finding]:
    """Yield one finding for each thing; a check that itself fails is a finding too."""
    checks: dict[str, Callable[[Path], Finding]] = {
        "folders": _folders,
        "secrets": _secrets,
        "database": _database,
        "audit log": _audit,
        "TLS": doctor_machine.tls,
        "disk": doctor_machine.disk,
        "clock": doctor_machine.clock,
        "backups": doctor_machine.backups,
        "publication": doctor_fleet.publication,
        "devices": doctor_fleet.devices,
        "mail": _mail,
        "escalation": _escalation,
        "summary": _summary,
        "going live": _going_live,
    }
    for name, check in checks.items():
        try:
            yield check(data_dir)
        except Exception as fault:  # noqa: BLE001 - the doctor reports whatever is wrong
            yield Finding(name, ok=False, sentence=f"can't be checked ({type(fault).__name__})")


def _folders(data_dir: Path) -> Finding:
    missing = [name for name in FOLDERS if not (data_dir / name).is_dir()]
    return Finding("folders", not missing, f"missing: {', '.join(missing)}" if missing else "all there")


def _secrets(data_dir: Path) -> Finding:
    loose = []
    for path in (data_dir / "keys").rglob("*"):
        with suppress(OSError):
            secret = path.is_file() and path.suffix not in {".crt", ".json"}
            if secret and stat.S_IMODE(path.stat().st_mode) & 0o077:
                loose.append(path.name)
    sentence = f"others may read {', '.join(sorted(loose))}; chmod 600 them" if loose else "only for this account"
    return Finding("secrets", not loose, sentence)


def _database(data_dir: Path) -> Finding:  # noqa: ARG001
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Finding("database", ok=False, sentence="its tables are of an older version; `run` brings them up")
    return Finding("database", ok=True, sentence=f"{connection.vendor}, tables up to date")


def _audit(data_dir: Path) -> Finding:  # noqa: ARG001
    from django.conf import settings

    from server import audit

    # How many lines there are is not told here: each opening of a case is one of them.
    wrong = audit.find_break()[1]
    if wrong is not None:
        return Finding("audit log", ok=False, sentence=f"{wrong.reason}: tell the data protection officer")
    if not audit.guarded():
        gone = "the database no longer refuses changes to it (its triggers are gone): tell the data protection officer"
        return Finding("audit log", ok=False, sentence=gone)
    if not settings.CONFIG.audit.head_to:
        kept = "unbroken; its head goes to nobody outside yet (head_to in [audit] of collector.toml)"
        return Finding("audit log", ok=True, sentence=kept)
    return Finding("audit log", ok=True, sentence="unbroken")


def _summary(data_dir: Path) -> Finding:  # noqa: ARG001
    from django.conf import settings

    from server import faults, summary_mail

    if not settings.CONFIG.summary.mail_to:
        return Finding("summary", ok=True, sentence="goes to nobody by mail (mail_to in [summary] of collector.toml)")
    failing = [one for one in summary_mail.standings() if one.sent_at is None and one.fault]
    if failing:
        told = "; ".join(f"{one.address}: {faults.SENTENCES.get(one.fault, one.fault)}" for one in failing)
        return Finding("summary", ok=False, sentence=f"that of {failing[0].month} did not reach {told}")
    count = len(settings.CONFIG.summary.mail_to)
    return Finding("summary", ok=True, sentence=f"goes by mail to {count} address{'es' if count > 1 else ''}")


def _going_live(data_dir: Path) -> Finding:
    from django.conf import settings

    from server import go_live

    standings = go_live.standings(data_dir)
    missing = sum(not one.done for one in standings)
    if not missing:
        return Finding("going live", ok=True, sentence="nothing is missing before real use")
    where = f"{settings.CONFIG.url.rstrip('/')}/go-live/"
    return Finding(
        "going live",
        ok=True,
        sentence=f"of {len(standings)} points before real use, {missing} still open: {where} says which",
    )


def _mail(data_dir: Path) -> Finding:  # noqa: ARG001
    from django.conf import settings

    from server import faults, mail_check

    if not settings.CONFIG.mail.host:
        return Finding("mail", ok=False, sentence="no [mail] in collector.toml: mails are files and reach nobody")
    fault, refused = mail_check.ask_about_everybody()
    if fault:
        return Finding("mail", ok=False, sentence=faults.SENTENCES[fault])
    sentence = (
        f"the mail server refuses the address of {', '.join(refused)}" if refused else "the mail server takes ours"
    )
    return Finding("mail", not refused, sentence)


def _escalation(data_dir: Path) -> Finding:  # noqa: ARG001
    from django.conf import settings

    from server import responders

    silent = [one.username for one in responders.unreachable()]
    if silent:
        return Finding("escalation", ok=False, sentence=f"no address for {', '.join(silent)}")
    odd = [one.name for one in settings.CONFIG.contacts if not responders.is_usable(one)]
    if odd:
        return Finding(
            "escalation", ok=False, sentence=f"the address of {', '.join(odd)} in [[contacts]] can't be used"
        )
    if not settings.CONFIG.contacts:
        sentence = "no [[contacts]] in collector.toml: at night nobody outside is told when no lead answers"
        return Finding("escalation", ok=True, sentence=sentence)
    return Finding("escalation", ok=True, sentence=f"{len(settings.CONFIG.contacts)} out-of-hours contact(s)")
