"""The command `fairwatch-agent`: each job is loaded only when asked for, so that the session part stays small."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from protocol.command_line import Parser

COMMANDS = {
    "enrol": ("agent.enrol", "make this device known to the collector, with a token from IT"),
    "run": ("agent.service", "run the service: observe, judge, seal, send"),
    "service": ("agent.windows.service", "the same as Windows' service (Windows starts it by itself)"),
    "session": ("agent.session.run", "run as the signed-in person: the notice, and which app is in front"),
    "browser": ("agent.extension.host", "hand on what a browser's extension tells (browsers start it by themselves)"),
    "gateway": ("agent.gateway.run", "answer phones' DNS over HTTPS and TLS, and judge what they look up"),
    "status": ("agent.status", "say how the agent is: each source, the spool, last contact, versions"),
    "show-data": ("agent.show_data", "show your own totals, and what is said about flags"),
    "acknowledge": ("agent.acknowledge", "show what you are asked to read, or say that you have read it"),
    "scan-history": ("agent.scan_history", "print every visit in a browser's history file, changing nothing"),
    "update": ("agent.updates", "fetch and check what is signed once: rules, versions (the service does it by itself)"),
    "self-test": ("agent.release.self_test", "say whether this version could take over this device; changes nothing"),
}

EXTRAS = {"gateway": "gateway"}
"""The extra whose packages a command needs, where that is not `agent`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 when done, 2 when the words or the input were wrong, 1 when it failed otherwise."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = Parser(prog="fairwatch-agent", description="The Fairwatch agent on a watched device.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (module, sentence) in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        if name == asked:
            try:
                importlib.import_module(module).add_arguments(command)
            except ModuleNotFoundError as fault:
                _say_what_to_install(command, name, fault)
    found = parser.parse_args(words)
    return int(importlib.import_module(COMMANDS[found.command][0]).run(found))


def _say_what_to_install(command: Parser, name: str, fault: ModuleNotFoundError) -> None:
    """End in one sentence, with exit code 2, for a package that is not installed; a fault of our own stays one."""
    package = (fault.name or "").partition(".")[0]
    if package in ("", "agent", "protocol", "rules"):
        raise fault
    extra = EXTRAS.get(name, "agent")
    command.exit(
        2,
        f"{command.prog}: the package {package} is not installed; install it with: pip install 'fairwatch[{extra}]'\n",
    )


if __name__ == "__main__":
    sys.exit(main())
