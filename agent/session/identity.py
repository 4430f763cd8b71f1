"""Names an app by its installed desktop file or its executable, and never by anything that its windows say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

# A desktop file is a few KiB, translations included; one of a MiB is no desktop file.
MAX_DESKTOP_FILE_BYTES: Final = 256 * 1024
# A full desktop has some hundreds; the bound keeps a folder full of made-up files from filling the memory.
MAX_DESKTOP_FILES: Final = 4000
# How deep desktop files may lie in sub-folders (the menu specification allows any depth; none in use go deeper).
MAX_DEPTH: Final = 3
LONGEST_NAME: Final = 128

# Programs that run others: a desktop file that starts one says nothing about which app that is.
_RUNNERS: Final = frozenset(
    (
        *("sh", "bash", "dash", "zsh", "env", "sudo", "pkexec", "perl", "ruby", "node", "electron", "java", "javaw"),
        *("mono", "wine", "wine64", "wine-preloader", "gjs", "gjs-console", "flatpak", "snap", "bwrap", "xdg-open"),
    )
)
_ALLOWED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+@~-")


class _Entry(msgspec.Struct, frozen=True):
    """What is kept of a desktop file: its id, the program it starts, and how plainly it starts it."""

    desktop_id: str
    program: str
    window_class: str
    arguments: int
    hidden: bool

    @property
    def rank(self) -> tuple[int, bool, bool, str]:
        """The lower, the more plainly this entry is the program itself and not a special use of it."""
        return (self.arguments, self.hidden, _base(self.program) != self.desktop_id, self.desktop_id)


def application_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where desktop files lie, the first taking precedence (XDG base directories, Flatpak and snap)."""
    home = environment.get("HOME", "")
    data_home = environment.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    data_folders = (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    folders = [data_home, *data_folders, "/var/lib/flatpak/exports/share", "/var/lib/snapd/desktop"]
    if home:
        folders.append(f"{home}/.local/share/flatpak/exports/share")
    return tuple(dict.fromkeys(Path(folder, "applications") for folder in folders if folder.startswith("/")))


class DesktopIndex:
    """The installed apps of one person, or of the system; read again when a folder changed."""

    def __init__(self, folders: Sequence[Path], search_path: str = "/usr/local/bin:/usr/bin:/bin:/usr/games") -> None:
        """`folders` hold desktop files; `search_path` finds programs that they name without a path."""
        self._folders = tuple(folders)
        self._search_path = search_path
        self._stamps: tuple[int, ...] = ()
        self._by_class: dict[str, str] = {}
        self._by_id: dict[str, str] = {}
        self._by_program: dict[str, str] = {}
        self._by_program_name: dict[str, str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the folders if any of them changed since they were read."""
        stamps = tuple(_stamp(folder) for folder in self._folders)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        entries = sorted(self._entries(), key=lambda entry: entry.rank)
        self._by_class, self._by_id, self._by_program, self._by_program_name = {}, {}, {}, {}
        for entry in entries:
            self._by_id.setdefault(entry.desktop_id.casefold(), entry.desktop_id)
            if entry.window_class:
                self._by_class.setdefault(entry.window_class.casefold(), entry.desktop_id)
            if entry.program and not _is_runner(_base(entry.program)):
                self._by_program.setdefault(os.path.realpath(entry.program), entry.desktop_id)
                self._by_program_name.setdefault(_base(entry.program), entry.desktop_id)

    def identity(self, executable: str | None, window_classes: Sequence[str] = ()) -> str | None:
        """`linux:<desktop id>` of an installed app, else `linux:exe:<name>`, else None where nothing is known.

        The window's classes only choose among installed desktop files and are themselves never given out: an app can
        put what it likes there, a page's address too.
        """
        for window_class in window_classes:
            found = self._of_class(window_class)
            if found is not None:
                return _identity(found)
        if executable is None:
            return None
        name = _base(executable)
        found = self._by_program.get(executable)
        if found is None and not _is_runner(name):
            found = self._by_program_name.get(name) or self._by_id.get(name.casefold())
        return _identity(found) if found is not None else executable_identity(executable)

    def identities(self, executable: str) -> tuple[str, ...]:
        """Every identity under which a list may name this executable, the desktop id first."""
        self.refresh()
        found = (self.identity(executable), executable_identity(executable))
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def _of_class(self, window_class: str) -> str | None:
        wanted = window_class.casefold()
        if not wanted:
            return None
        return self._by_class.get(wanted) or self._by_id.get(wanted) or self._by_id.get(wanted.replace(" ", "-"))

    def _entries(self) -> Iterable[_Entry]:
        seen: set[str] = set()
        for folder in self._folders:
            for path in _desktop_files(folder):
                desktop_id = str(path.relative_to(folder)).removesuffix(".desktop").replace("/", "-")
                if desktop_id in seen:
                    continue
                seen.add(desktop_id)
                if len(seen) > MAX_DESKTOP_FILES:
                    return
                entry = self._read(path, desktop_id)
                if entry is not None:
                    yield entry

    def _read(self, path: Path, desktop_id: str) -> _Entry | None:
        keys = _desktop_entry(path)
        if keys is None or keys.get("Type", "Application") != "Application" or keys.get("Hidden") == "true":
            return None
        program, arguments = _program(keys.get("Exec", ""))
        return _Entry(
            desktop_id=desktop_id,
            program=self._find(program or keys.get("TryExec", "")),
            window_class=keys.get("StartupWMClass", ""),
            arguments=arguments,
            hidden=keys.get("NoDisplay") == "true",
        )

    def _find(self, program: str) -> str:
        if not program or program.startswith("/"):
            return program
        for folder in self._search_path.split(":"):
            path = f"{folder}/{program}"
            if os.access(path, os.X_OK):
                return path
        return program


def executable_identity(executable: str) -> str | None:
    """`linux:exe:<name>` of an executable's path; characters that no program's name uses become "_"."""
    name = _base(executable)
    return f"linux:exe:{_plain(name)}" if name else None


def executable_of(pid: int, proc: str = "/proc") -> str | None:
    """The path of a process's executable, or None where it may not be seen; never its arguments or its name."""
    try:
        path = str(Path(proc, str(pid), "exe").readlink())
    except OSError:
        return None
    # After an update the running program's file is gone from the disk; the kernel marks it so.
    return path.removesuffix(" (deleted)") or None


def flatpak_id_of(pid: int, proc: str = "/proc") -> str | None:
    """The id of the Flatpak app that a process belongs to, which is also its desktop id, or None."""
    try:
        with Path(proc, str(pid), "root/.flatpak-info").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(16 * 1024).splitlines()
    except OSError:
        return None
    return next((line.removeprefix("name=") for line in lines if line.startswith("name=")), None)


def _identity(desktop_id: str) -> str:
    return f"linux:{_plain(desktop_id)}"


def _plain(name: str) -> str:
    plain = "".join(letter if letter in _ALLOWED else "_" for letter in name[:LONGEST_NAME])
    return plain if plain[:1].isalnum() else f"_{plain}"[:LONGEST_NAME]


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _is_runner(name: str) -> bool:
    return name in _RUNNERS or name.startswith("python")


def _stamp(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _desktop_files(folder: Path, depth: int = 1) -> Iterable[Path]:
    try:
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
    except OSError:
        return
    for item in items:
        if item.name.endswith(".desktop"):
            yield Path(item.path)
        elif depth < MAX_DEPTH and item.is_dir(follow_symlinks=False):
            yield from _desktop_files(Path(item.path), depth + 1)


def _desktop_entry(path: Path) -> dict[str, str] | None:
    """The keys of the file's main group (freedesktop.org Desktop Entry Specification), or None if it has none."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_DESKTOP_FILE_BYTES:
            return None
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    keys: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            if inside:
                break
            inside = line.strip() == "[Desktop Entry]"
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys.setdefault(key.strip(), value.strip())
    return keys or None


def _program(command: str) -> tuple[str, int]:
    """The program that an Exec line starts, and how many arguments of its own it is given (field codes aside)."""
    words = [word.strip('"') for word in command.split()]
    if words and _base(words[0]) == "env":
        words = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    if not words:
        return "", 0
    return words[0], sum(1 for word in words[1:] if not word.startswith("%"))
