"""`fairwatch-server`: every command of the collector, one module a command."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from protocol.command_line import Parser
from server.errors import CollectorError, NotNow
from server.start import DEFAULT_DATA_DIR

COMMANDS = {
    "setup": ("server.setup", "set up a collector step by step, and say what is next"),
    "init": ("server.initialise", "make a collector's data folder"),
    "certificate": ("server.certificate_command", "look at the TLS certificate, or put in another one"),
    "run": ("server.serving", "serve devices and people"),
    "user": ("server.users", "add, change or list people who sign in"),
    "people": ("server.people_command", "import who uses the devices, so that leads see names"),
    "training": ("server.training_command", "import training dates, or say who is due"),
    "partners": ("server.partners_command", "list the register of partners, or change it"),
    "devices": ("server.devices_command", "list the devices, or note that one is lost, found or retired"),
    "phones": ("server.phones_command", "list the phones behind the gateway, add one or change one"),
    "documents": ("server.documents_command", "say who has still to acknowledge which document"),
    "token": ("server.token_file", "register an enrolment token that IT made"),
    "publish": ("server.publish_folder", "publish what custodians or IT signed"),
    "lists": ("server.list_command", "fetch lists from elsewhere, and say what changed"),
    "audit": ("server.audit_command", "check the audit log, or write it out"),
    "summary": ("server.summary_command", "write a month's summary as a page, PDF, CSV or JSON"),
    "review": ("server.review_command", "write the yearly review for the advisory board as a page, PDF or JSON"),
    "inspection": ("server.inspection_command", "write one PDF for an inspection"),
    "papers": ("server.papers_command", "write the papers for the data protection officer, from what is in force"),
    "subject-access": ("server.subject_command", "write what is held about one person who asked for it"),
    "retention": ("server.retention_command", "say what is kept for how long, or delete now what is over"),
    "backup": ("server.backup", "put the database, keys, rules and settings into one file"),
    "restore": ("server.restore", "put a backup back, and delete again what was deleted since"),
    "rehearse": ("server.rehearse", "open the newest backup beside, and see that it would carry a collector"),
    "notify": ("server.notify_command", "send a test message, or say how messages get through"),
    "doctor": ("server.doctor", "check that everything is right"),
    "demo": ("server.demo", "run everything on this machine, with a sample fleet"),
    "simulate": ("server.simulate", "write sample history, or drive live traffic"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 something is wrong, 2 bad usage or bad input with one clear line on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(next((one for one in arguments if one in COMMANDS), None))
    args = parser.parse_args(arguments)
    from protocol.errors import ProtocolError  # late: --help need not wait for it

    try:
        return int(importlib.import_module(COMMANDS[args.command][0]).run(args) or 0)
    except (CollectorError, ProtocolError) as fault:
        print(f"fairwatch-server {args.command}: {fault}", file=sys.stderr)
        return 1 if isinstance(fault, NotNow) else 2
    except OSError as fault:
        print(f"fairwatch-server {args.command}: {_in_a_line(fault)}", file=sys.stderr)
        return 1 if args.command == "run" else 2  # a service ends with 2 only for what a person must mend
    except KeyboardInterrupt:
        return 130


def _in_a_line(fault: OSError) -> str:
    what = fault.strerror or type(fault).__name__
    return f"{fault.filename}: {what}" if fault.filename is not None else what


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = Parser(prog="fairwatch-server", description="The Fairwatch collector.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, (module, sentence) in COMMANDS.items():
        if importlib.util.find_spec(module) is None:
            continue
        command = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        if name != "demo":  # it makes its own folder
            command.add_argument(
                "--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="the collector's folder (default: %(default)s)"
            )
        if name == chosen:  # only the chosen command's module is loaded
            importlib.import_module(module).add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
