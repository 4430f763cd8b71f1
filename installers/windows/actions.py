"""What the installation does beside Windows Installer's own actions: each with its place, its condition and its kind.

Kinds: https://learn.microsoft.com/windows/win32/msi/summary-list-of-all-custom-action-types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIVEN: Final = ("TOKEN", "COLLECTOR", "ROOT")
"""What IT may give on the command line or by a transform; none of it is in any log."""
FORGOTTEN: Final = (*GIVEN, "HandOver", "CustomActionData")
"""Emptied at the end: a log may close with all properties, and not every installer hides what it should."""
LIBRARY: Final = "HandOverLibrary"
COMMANDS: Final = "Commands"
"""The property that holds where Windows' own command interpreter lies."""
_CALL_LIBRARY, _RUN_PROGRAM, _SET_PROPERTY = 1, 50, 51
_AS_SYSTEM: Final = 0x400 | 0x800
"""Deferred, and not as the person who installs."""
_ON_ROLLBACK: Final = 0x100
_WHATEVER_IT_SAYS: Final = 0x40
_DELETE: Final = _RUN_PROGRAM | _AS_SYSTEM | _WHATEVER_IT_SAYS
"""By `rmdir`, which follows no link that somebody laid."""
_HIDDEN: Final = 0x2000
"""What the action was given is in no log."""
_GOES: Final = 'REMOVE="ALL"'
_GOES_FOR_GOOD: Final = f"{_GOES} AND NOT UPGRADINGPRODUCTCODE"


@dataclass(frozen=True)
class Action:
    """One action: `place` is its number among the others, `condition` when it is due, `kind` Windows' number for it.

    It sets the property `property_` to `value`, or has our library do `entry`, or runs the program that the property
    names with the words `runs`.
    """

    name: str
    place: int
    condition: str
    kind: int
    property_: str = ""
    value: str = ""
    entry: str = ""
    runs: str = ""


REMOVE_FORMER_PLACE: Final = 1501
"""Straight after InstallInitialize: the former version goes first, and comes back where this fails."""
ACTIONS: Final = (
    # After StopServices and DeleteServices.
    Action("TakeBack", 2003, _GOES_FOR_GOOD, _CALL_LIBRARY | _AS_SYSTEM, entry="TakeBack"),
    # After RemoveFiles: what Python compiled beside our files, and then what the agent kept.
    Action("SetCommands", 3601, _GOES, _SET_PROPERTY, COMMANDS, "[System64Folder]cmd.exe"),
    Action("Sweep", 3602, _GOES, _DELETE, COMMANDS, runs='/c rmdir /s /q "[ProgramFiles64Folder]Fairwatch"'),
    Action(
        "Purge", 3603, f'{_GOES_FOR_GOOD} AND PURGE="1"', _DELETE,
        COMMANDS, runs='/c rmdir /s /q "[CommonAppDataFolder]Fairwatch"',
    ),
    # After CreateFolders, before StartServices.
    Action(
        "SetHandOver", 3701, "NOT REMOVE", _SET_PROPERTY | _HIDDEN,
        "HandOver", "|".join(f"[{name}]" for name in GIVEN),
    ),
    Action(
        "UndoHandOver", 3702, "NOT REMOVE AND TOKEN", _CALL_LIBRARY | _AS_SYSTEM | _ON_ROLLBACK,
        entry="TakeBack",
    ),
    Action("HandOver", 3703, "NOT REMOVE", _CALL_LIBRARY | _AS_SYSTEM | _HIDDEN, entry="HandOver"),
    # After InstallFinalize.
    *(
        Action(f"Forget{name}", 6601 + number, "1", _SET_PROPERTY | _HIDDEN, name, "{}")
        for number, name in enumerate(FORGOTTEN)
    ),
)  # fmt: skip
