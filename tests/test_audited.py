"""Whoever changes what the collector keeps also writes it down: each function that writes reaches the audit log.

Read from the sources: a function that stores, changes or deletes rows must write a line itself, or be a private part of
functions that all do. What need not is named here, with the reason.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
WRITES = {"create", "save", "update", "delete", "bulk_create", "get_or_create", "update_or_create", "bulk_update"}

NOT_ON_THE_RECORD = {
    # what devices bring is kept as it comes; it is signed, counted by their own counters, and no person's deed
    "server/ingest.py": "devices' own records",
    "server/usage.py": "devices' totals",
    "server/people.py": "ids for devices' totals",
    "server/coverage.py": "which devices reported, by day",
    "server/device_signs.py": "what devices say of themselves, opened and closed by their heartbeats",
    # bookkeeping of the collector's own work, not of anybody's deed
    "server/schedule.py": "claims on timed jobs",
    "server/audit.py": "the log itself",
    "server/audit_check.py": "how far the log was checked",
    "server/deletion_log.py": "the log of deletions itself; its runs are on the audit log",
    "server/outbox.py": "messages waiting to be sent",
    "server/notify.py": "messages waiting to be sent",
    "server/delivery.py": "whether a message went out",
    # made-up history of demonstrations
    "server/simulate.py": "sample history",
    "server/sample_history.py": "sample history",
    "server/sample_records.py": "sample history",
    "server/stage.py": "a demonstration's own people",
}
"""Modules whose writes are no change by a person."""

SINGLE = {
    "server/incidents.py::record": "a device's alert arrives",
    "server/incidents.py::_create": "a device's alert arrives",
    "server/incidents.py::_update": "a device's alert arrives",
    "server/incidents.py::_address": "a device's alert arrives",
    "server/incidents.py::create_case": "`concerns` writes the line in the same transaction",
    "server/incidents.py::surface": "a device's alert arrives",
    "server/acknowledgements.py::record": "a device's acknowledgement arrives",
    "server/trials.py::record": "a device's daily counts arrive",
    "server/trips.py::wanted_of": "a device comes for its test",
    "server/trips.py::record": "a device's test arrives",
    "server/summary.py::forget_person": "`erasure` writes the line",
    "server/erasure.py::_erase": "`erase_use` writes the line; after a restored backup its own line stands for it",
    "server/phones.py::draw_id": "whoever draws one writes why in the same transaction",
    "server/phones.py::_asked_in": "a gateway tells in which hour phones asked",
    "server/holding.py::look": "who has a case in front of them, for minutes",
    "server/escalation.py::begin": "the collector rings by itself",
    "server/escalation.py::opened": "the collector waits; the opening itself is on the record",
    "server/escalation.py::end": "the collector stops ringing; taking the case is on the record",
    "server/escalation.py::_step": "the collector rings by itself",
    "server/digest.py::_take": "that somebody's digest of the day is on its way",
    "server/mail_check.py::check": "whether the mail server answers",
    "server/mail_check.py::_note": "that a mail server refuses an address, for its owner",
    "server/second_factor.py::end_sessions": "whoever calls it writes why: reset, deactivated, or a new role",
    "server/web/invitation.py::_with_password": "`invitations.use` writes the line in the same transaction",
    "server/web/notifications.py::save": "`preferences.save` writes the line",
    "server/passkeys.py::used": "when a passkey was last used, for its owner",
    "server/web/leadkey.py::address_code": "draws a picture; nothing is stored",
    **dict.fromkeys(
        ("server/retention.py::_delete_basis", "server/retention.py::_delete_people"),
        "steps that `delete_what_is_over` takes, which writes the line",
    ),
    "server/lists.py::refresh": "what a fetch found is only offered",
    "server/lists.py::_claim": "a claim on a fetch",
    "server/report_file.py::write": "writes a file; nothing is stored",
}
"""Single functions that need no line, and why."""


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def _calls(function: ast.FunctionDef) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def _stores(function: ast.FunctionDef) -> bool:
    """Whether rows are written: `X.objects….create(…)`, `row.save(…)`, and so on; not a dict's `update`."""
    for call in _calls(function):
        where = call.func
        if not isinstance(where, ast.Attribute) or where.attr not in WRITES:
            continue
        names = {node.attr for node in ast.walk(where.value) if isinstance(node, ast.Attribute)}
        if where.attr == "save" or "objects" in names or (where.attr in {"update", "delete"} and "filter" in names):
            return True
    return False


def _writes_a_line(function: ast.FunctionDef) -> bool:
    return any(
        ast.unparse(call.func) in {"audit.write", "audit_trail.write", "timeline.add"} for call in _calls(function)
    )


def _called(function: ast.FunctionDef) -> set[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


@cache
def silent_writers(path: Path) -> list[str]:
    """Return the functions of a module that store rows while nothing writes a line of it."""
    functions = _functions(path)
    heard = {name for name, one in functions.items() if _writes_a_line(one)}
    called = {name: _called(code) & set(functions) for name, code in functions.items()}
    # Whoever calls one that writes a line is heard; and a private part is, if all its callers are.
    callers = {name: {one for one in functions if name in called[one]} - {name} for name in functions}
    while True:
        more = {name for name in functions if called[name] & heard}
        more |= {name for name in functions if name.startswith("_") and callers[name] and callers[name] <= heard}
        if more <= heard:
            break
        heard |= more
    return [name for name, one in functions.items() if _stores(one) and name not in heard]


MODULES = sorted(
    str(path.relative_to(TOP))
    for path in (TOP / "server").rglob("*.py")
    if "migrations" not in path.parts and "store" not in path.parts
)


@pytest.mark.parametrize("module", [one for one in MODULES if one not in NOT_ON_THE_RECORD])
def test_every_function_that_changes_what_is_kept_writes_it_down(module):
    silent = [name for name in silent_writers(TOP / module) if f"{module}::{name}" not in SINGLE]
    assert silent == [], f"{module}: these store something and write no line in the audit log"


def test_the_search_finds_a_function_that_writes_nothing_down(tmp_path):
    (tmp_path / "x.py").write_text(
        "def good(a):\n    Incident.objects.filter(pk=1).update(state=2)\n    audit.write('x', 'y', 'z')\n"
        "def bad(a):\n    a.save()\n"
        "def also_bad():\n    Note.objects.create(x=1)\n"
        "def outer():\n    _part()\n    audit.write('x', 'y', 'z')\n"
        "def _part():\n    Note.objects.create(x=1)\n"
        "def harmless(a):\n    {}.update(a)\n"
    )
    assert silent_writers(tmp_path / "x.py") == ["bad", "also_bad"]


def test_what_is_excused_is_there_and_needs_it():
    assert [one for one in NOT_ON_THE_RECORD if not (TOP / one).is_file()] == []
    for place in SINGLE:
        module, _, name = place.partition("::")
        assert name in silent_writers(TOP / module), place
