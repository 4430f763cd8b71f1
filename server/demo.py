"""The whole product on one machine: an organisation, its ceremony, a collector, a device, a browser, and one visit.

`fairwatch-server demo` leaves it running with a sample fleet to look at. `demo --check` does the trip unattended on
throw-away data and says whether the visit became an incident that the lead's key opened.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

from server.children import free_port, is_free
from server.errors import CollectorError, SetUpError
from server.extension_stage import ExtensionStage
from server.phone_stage import PhoneStage
from server.stage import DEMO_GROUP, PEOPLE, Stage, say

PORT: Final = 8460
JOURNEYS: Final = {"laptop": Stage, "extension": ExtensionStage, "phone": PhoneStage}
CHECK_SECONDS: Final = 140.0
"""`--check` ends within 150 s; this leaves time to end what it started."""
RECORD_SECONDS: Final = 100.0
"""Chromium writes its history some ten seconds after a visit; a busy machine needs longer."""


class Stopped(Exception):
    """Somebody pressed Ctrl-C or ended the demonstration."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-server demo`."""
    parser.add_argument("--check", action="store_true", help="do the trip unattended, say whether it worked, and end")
    parser.add_argument("--json", action="store_true", help="with --check: print the result as one line of JSON")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="with --check: leave everything in this new folder")
    parser.add_argument("--journey", default="laptop", help=f"which trip: {', '.join(JOURNEYS)}")


def run(given: argparse.Namespace) -> int:
    """Run the demonstration; returns 0 when done, 1 when the trip failed, 2 when something is missing."""
    if given.journey not in JOURNEYS:
        raise SetUpError(f"--journey {given.journey}: not known; known are {', '.join(JOURNEYS)}")
    if given.journey != "laptop" and not given.check:
        raise SetUpError(f"--journey {given.journey} goes with --check")
    if given.keep is not None and not given.check:
        raise SetUpError("--keep goes with --check")
    if given.keep is not None and given.keep.exists() and any(given.keep.iterdir()):
        raise SetUpError(f"{given.keep} is not empty; --keep takes a new folder")
    if not given.check and not is_free(PORT):
        raise SetUpError(
            f"port {PORT} is taken on this machine, perhaps by another demonstration; end it and try again"
        )
    _stop_on_signals()
    folder = given.keep.resolve() if given.keep is not None else Path(tempfile.mkdtemp(prefix="fairwatch-demo-"))
    try:
        return _check(folder, given.journey, as_json=given.json) if given.check else _show(folder)
    except Stopped:
        print("\nEnded.")
        return 0
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


# --- the two ways ------------------------------------------------------------------------------------------------


def _check(folder: Path, journey: str, *, as_json: bool) -> int:
    """Do the trip and print the result; everything ends with it."""
    stage = JOURNEYS[journey](folder, free_port(), unattended=True)
    end = time.monotonic() + CHECK_SECONDS
    result: dict[str, Any] = {"ok": False, "visit_to_incident_seconds": None, "incident": None, "evidence": None}
    try:
        stage.found()
        stage.enrol()
        result |= stage.visit(min(end, time.monotonic() + RECORD_SECONDS))
        case = stage.open_case(result["incident"])
        result["evidence"] = case["evidence"]
        result |= stage.further(case)
        result["ok"] = stage.is_what_was_visited(case)
    except CollectorError as fault:
        print(f"fairwatch-server demo: {fault}", file=sys.stderr)
    finally:
        stage.end()
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    elif result["ok"]:
        print(f"{result['incident']}: recorded {result['visit_to_incident_seconds']} s after the visit, and opened.")
    return 0 if result["ok"] else 1


def _show(folder: Path) -> int:
    """Make everything, do one visit, say where to look, and stay until Ctrl-C."""
    stage = Stage(folder, PORT, unattended=False)
    try:
        words = stage.found(sample=True)
        stage.enrol()
        say("visiting a flagged site in the demonstration’s own browser")
        try:
            made = stage.visit(time.monotonic() + RECORD_SECONDS)
            told = f"recorded as {made['incident']} after {made['visit_to_incident_seconds']} s, sealed"
        except SetUpError as fault:
            told = f"not recorded: {fault}"
        print(_where_to_look(stage, words, told), flush=True)
        while True:
            time.sleep(2)
            stage.children.check()
    finally:
        stage.end()


def _where_to_look(stage: Stage, words: dict[str, str], told: str) -> str:
    signing_in = "\n".join(f"    {name:9} {ROLE_WORDS[role]:28} {display}" for name, role, display in PEOPLE)
    return f"""
Fairwatch is running. All of it is SAMPLE DATA in a PILOT, and goes when you press Ctrl-C.

  Open      {stage.url}
  Sign in   password for everybody:  {stage.password}
{signing_in}

  The lead unlocks cases with six words:    {words["lead"]}
  The deputy with these:                    {words["deputy"]}

  This machine is enrolled as a device ({DEMO_GROUP}) and watches one browser profile only.
  Its visit to a flagged site was {told}.

  Look from the device's side:
    {stage.own("fairwatch-agent")} status --data-dir {stage.agent}
    {stage.own("fairwatch-agent")} show-data --data-dir {stage.agent}
  The notice that its person was shown:     {stage.output / "session.log"}
"""


ROLE_WORDS: Final = {
    "lead": "safeguarding lead",
    "deputy": "deputy safeguarding lead",
    "it": "IT administrator",
    "manager": "manager",
    "dpo": "data protection officer",
}
