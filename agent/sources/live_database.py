"""Lets SQLite read a database that another program is writing: its file and its log as they lie, page by page.

SQLite asks a "virtual file system" for bytes (sqlite.org/vfs.html). Ours answers from two handles that are open for
reading only: a page that the log holds comes from there, any other from the file. Nothing is locked, written, copied
or made, a page that the query does not need is never read, and what SQLite would write is refused.

It is registered through ctypes in the very library that Python's `sqlite3` uses; where that library can't be reached
(Windows, a Python with SQLite built in and hidden) `available` says no. The structures are SQLite's version 1 ones,
unchanged since 2004 and promised to stay.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from functools import cache
from typing import Any

from agent.sources.write_ahead_log import WriteAheadLog

_NAME = "fairwatch-live"
_OK, _READ_ONLY, _NOT_FOUND, _CANNOT_OPEN = 0, 8, 12, 14
_IO_ERROR_READ, _IO_ERROR_SHORT_READ = 10 | 1 << 8, 10 | 2 << 8
# sqlite3.h, SQLITE_IOCAP_IMMUTABLE: no locks, no journal, no looking whether the file changed.
_IMMUTABLE = 0x2000
_OPENED_READ_ONLY = 1
_PATH_BYTES = 512


class LiveDatabase:
    """What SQLite is given to read: the handles of a file and of its log, and the last commit that the log holds."""

    def __init__(self, file: int, log: int, known: WriteAheadLog) -> None:
        self._file, self._log, self._known = file, log, known
        self._round, self._pages = known.round, dict(known.pages)
        self._page_bytes, self._page_count = known.page_bytes, known.page_count
        self._from_file: set[int] = set()

    def size_bytes(self) -> int:
        """The database's size after the last commit."""
        return self._page_count * self._page_bytes if self._pages else os.fstat(self._file).st_size

    def read(self, offset: int, amount: int) -> bytes:
        """Bytes that lie within one page, as SQLite asks for them; fewer past the end. Raises OSError."""
        if self._page_bytes:
            page, within = divmod(offset, self._page_bytes)
            at = self._pages.get(page + 1)
            if at is not None:
                return os.pread(self._log, min(amount, self._page_bytes - within), at + within)
            self._from_file.add(page + 1)
        return os.pread(self._file, amount, offset)

    def held_still(self) -> bool:
        """Whether all that was read is of one commit. Raises OSError.

        What is committed to a log is never written over before the log begins anew. The browser folds pages from the
        log into the file at any time; so only a page that we read from the file, and that the log holds by now, may
        be of a later commit.
        """
        self._known.follow(self._log)
        return self._known.round == self._round and self._from_file.isdisjoint(self._known.pages)


class _File(Structure):
    """sqlite3_file, with the number of what it reads behind it."""

    _fields_ = (("methods", c_void_p), ("number", c_int64))


_OnFile = CFUNCTYPE(c_int, POINTER(_File))
_OnFileInt = CFUNCTYPE(c_int, POINTER(_File), c_int)
_OnFileSize = CFUNCTYPE(c_int, POINTER(_File), c_int64)
_AskSize = CFUNCTYPE(c_int, POINTER(_File), POINTER(c_int64))
_AskInt = CFUNCTYPE(c_int, POINTER(_File), POINTER(c_int))
_Transfer = CFUNCTYPE(c_int, POINTER(_File), c_void_p, c_int, c_int64)
_Control = CFUNCTYPE(c_int, POINTER(_File), c_int, c_void_p)


class _Methods(Structure):
    """sqlite3_io_methods, version 1."""

    _fields_ = (
        ("version", c_int),
        ("close", _OnFile),
        ("read", _Transfer),
        ("write", _Transfer),
        ("truncate", _OnFileSize),
        ("sync", _OnFileInt),
        ("file_size", _AskSize),
        ("lock", _OnFileInt),
        ("unlock", _OnFileInt),
        ("check_reserved_lock", _AskInt),
        ("file_control", _Control),
        ("sector_size", _OnFile),
        ("device_characteristics", _OnFile),
    )


_Open = CFUNCTYPE(c_int, c_void_p, c_char_p, POINTER(_File), c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Access = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, POINTER(c_int))
_FullPath = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)


class _System(Structure):
    """sqlite3_vfs, version 1; what has no file to do with is taken from the library's own."""

    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", _Open),
        ("delete", _Delete),
        ("access", _Access),
        ("full_path", _FullPath),
        ("library_open", c_void_p),
        ("library_error", c_void_p),
        ("library_symbol", c_void_p),
        ("library_close", c_void_p),
        ("randomness", c_void_p),
        ("sleep", c_void_p),
        ("current_time", c_void_p),
        ("last_error", c_void_p),
    )


_given: dict[int, LiveDatabase] = {}
_numbers = itertools.count(1)


def _open(_system: int, name: bytes | None, file: Any, _flags: int, flags_out: Any) -> int:
    file.contents.methods = None
    number = int(name.lstrip(b"/")) if name is not None and name.lstrip(b"/").isdigit() else 0
    if number not in _given:
        return _CANNOT_OPEN
    file.contents.number = number
    file.contents.methods = ctypes.addressof(_METHODS)
    if flags_out:
        flags_out.contents.value = _OPENED_READ_ONLY
    return _OK


def _read(file: Any, target: int, amount: int, offset: int) -> int:
    # An exception can't cross SQLite's C code: it must become a code here, whatever it is.
    try:
        content = _given[file.contents.number].read(offset, amount)
    except Exception:  # noqa: BLE001
        return _IO_ERROR_READ
    ctypes.memmove(target, content, len(content))
    if len(content) < amount:
        ctypes.memset(target + len(content), 0, amount - len(content))
        return _IO_ERROR_SHORT_READ
    return _OK


def _file_size(file: Any, size: Any) -> int:
    try:
        size.contents.value = _given[file.contents.number].size_bytes()
    except Exception:  # noqa: BLE001
        return _IO_ERROR_READ
    return _OK


def _nothing_there(_system: int, _name: bytes, _flags: int, found: Any) -> int:
    found.contents.value = 0
    return _OK


def _same_path(_system: int, name: bytes, size: int, target: int) -> int:
    if len(name) >= size:
        return _CANNOT_OPEN
    ctypes.memmove(target, name + b"\0", len(name) + 1)
    return _OK


def _not_reserved(_file: Any, reserved: Any) -> int:
    reserved.contents.value = 0
    return _OK


_METHODS = _Methods(
    1,
    _OnFile(lambda _file: _OK),
    _Transfer(_read),
    _Transfer(lambda *_: _READ_ONLY),
    _OnFileSize(lambda *_: _READ_ONLY),
    _OnFileInt(lambda *_: _OK),
    _AskSize(_file_size),
    _OnFileInt(lambda *_: _OK),
    _OnFileInt(lambda *_: _OK),
    _AskInt(_not_reserved),
    _Control(lambda *_: _NOT_FOUND),
    _OnFile(lambda _file: 0),
    _OnFile(lambda _file: _IMMUTABLE),
)
_OPEN, _ACCESS, _FULL_PATH = _Open(_open), _Access(_nothing_there), _FullPath(_same_path)
_DELETE = _Delete(lambda *_: _READ_ONLY)


def available() -> bool:
    """Whether this Python's SQLite can be given a database in this way."""
    return _registered() is not None


@contextmanager
def connected(database: LiveDatabase) -> Iterator[sqlite3.Connection]:
    """A connection that can only read, and only `database`. Raises sqlite3.DatabaseError."""
    number = next(_numbers)
    _given[number] = database
    try:
        with closing(sqlite3.connect(_address(number), uri=True, isolation_level=None)) as connection:
            yield connection
    finally:
        del _given[number]


def _address(number: int) -> str:
    return f"file:/{number}?vfs={_NAME}&mode=ro&immutable=1"


@cache
def _registered() -> _System | None:
    """The registered structure, which SQLite keeps pointing to, or None where that can't be done."""
    if not hasattr(os, "pread"):
        return None
    try:
        import _sqlite3  # CPython's own; elsewhere there is none

        library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        library.sqlite3_vfs_find.restype = POINTER(_System)
        own = library.sqlite3_vfs_find(None)
        if not own:
            return None
        system = _System.from_buffer_copy(own.contents)
        system.version, system.file_bytes, system.path_bytes = 1, ctypes.sizeof(_File), _PATH_BYTES
        system.next, system.name, system.app_data = None, _NAME.encode(), None
        system.open, system.access, system.full_path = _OPEN, _ACCESS, _FULL_PATH
        system.delete = _DELETE
        if library.sqlite3_vfs_register(ctypes.byref(system), 0) != _OK:
            return None
        with closing(sqlite3.connect(_address(0), uri=True)):
            return None
    except sqlite3.OperationalError as error:
        # Number 0 is never given. A library other than the one that `sqlite3` uses would not know the name at all.
        return system if "unable to open" in str(error) else None
    except (ImportError, OSError, AttributeError, MemoryError):
        return None
