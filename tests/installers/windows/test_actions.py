"""What the installation does by itself runs as the system, and shows no log a token."""

from __future__ import annotations

from installers.windows.actions import ACTIONS, GIVEN

BY_NAME = {one.name: one for one in ACTIONS}
# https://learn.microsoft.com/windows/win32/msi/custom-action-in-script-execution-options and -hidden-target-option
DEFERRED, AS_SYSTEM, ON_ROLLBACK, HIDDEN = 0x400, 0x800, 0x100, 0x2000


def test_what_changes_the_machine_runs_as_the_system():
    for one in ACTIONS:
        if one.entry or one.runs:
            assert one.kind & (DEFERRED | AS_SYSTEM) == DEFERRED | AS_SYSTEM, one.name
    assert BY_NAME["UndoHandOver"].kind & ON_ROLLBACK


def test_what_holds_the_token_is_hidden_and_emptied_at_the_end():
    assert [one.name for one in ACTIONS if "[TOKEN]" in one.value] == ["SetHandOver"]
    assert all(BY_NAME[name].kind & HIDDEN for name in ("SetHandOver", "HandOver"))
    emptied = {one.property_ for one in ACTIONS if one.value == "{}"}
    assert {*GIVEN, BY_NAME["SetHandOver"].property_} < emptied


def test_folders_are_deleted_only_as_the_agent_goes_and_what_it_kept_only_where_that_was_asked_for():
    sweep, purge = (BY_NAME[name] for name in ("Sweep", "Purge"))
    assert {one.name for one in ACTIONS if one.runs} == {"Sweep", "Purge"}
    assert sweep.condition == 'REMOVE="ALL"'
    assert "CommonAppDataFolder" not in sweep.runs
    assert purge.condition == 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND PURGE="1"'
