"""Takes signed rules in: fetch, verify from the pinned root on, write beside the old ones, swap as a whole.

A hostile collector can only delay. Nothing unsigned, signed by too few, older, expired, re-delegated or altered is
taken (TUF by python-tuf, and the shape that `protocol.publication` demands). What is in force stays in force when the
collector has nothing better, and its age is told; time is never believed to be before the last signed time.

In `<data_dir>/rules`: `trust/` is the TUF client's memory, `sets/N/` one whole verified set of rules with the metadata
that proves it, `current` a link to the one in force, `state.json` what was seen last. `check` runs in a short-lived
child process (`fairwatch-agent update`), so that the service never holds the memory of it.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol

import msgspec
from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import Root, TargetFile, Timestamp

from agent import keys
from agent.bundle import Bundle
from agent.config import DEFAULT_DATA_DIR
from agent.errors import AgentError, CollectorRefused, CollectorUnreachable
from agent.files import move, write_whole
from agent.program import takes_versions
from agent.rules_set import SET_METADATA, is_whole, open_set, place_of, roots_in, signed_files
from agent.set_files import bring
from agent.set_in_force import in_force, put_in_force
from protocol import tokens
from protocol.errors import Expired, NotTrusted
from protocol.messages import EnrolmentToken, UtcTime
from protocol.publication import (
    DELEGATED,
    METADATA_MAX_BYTES,
    OFFLINE,
    ROOTS_MAX,
    Trusted,
    file_name,
    parse,
    signed_at,
    verify,
)
from rules.errors import RulesError

log = logging.getLogger(__name__)

RULES_FOLDER: Final = "rules"
TIMESTAMP_MAX_BYTES: Final = 16 * 1024
"""Ours is under 1 KiB; it is fetched before anything says how long it is."""
KEPT_SETS: Final = 2
"""The set in force and the one before it, which a service may be opening while the next is put in its place."""
_BASE: Final = "https://collector/publication/"
_TIMESTAMP_PATH: Final = "/publication/metadata/timestamp.json"
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,120}"')
_COPIES_PREFIX: Final = "opening-"
_COPIES_OLD_SECONDS: Final = 600.0


class Fetched(Protocol):
    """What a GET brought."""

    @property
    def body(self) -> bytes:
        """The answer's body."""

    @property
    def etag(self) -> str | None:
        """The name of this content, to ask with the next time."""

    @property
    def unchanged(self) -> bool:
        """Whether what was asked for with a name is still the same."""


class Fetches(Protocol):
    """What is needed of `agent.http.Collector`."""

    def get(self, path: str, *, etag: str | None = None, max_bytes: int = ...) -> Fetched:
        """Fetch what is published, at most so many bytes. Raises CollectorUnreachable, CollectorRefused."""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered between checks.

    `versions` are those in force, by role; `not_before` the last signed time; `fresh_at` when the collector last
    proved that nothing newer exists; `problem` why it could not, in a sentence, or empty. `etag` names the timestamp
    that was taken last, so that asking again costs one small request.
    """

    versions: dict[str, int] = {}
    not_before: UtcTime | None = None
    fresh_at: UtcTime | None = None
    problem: str = ""
    etag: str = ""

    def age(self, now: datetime) -> timedelta | None:
        """Return how long ago the rules in force were last known to be the newest; None if never."""
        return now - self.fresh_at if self.fresh_at is not None else None


class UpdateResult(msgspec.Struct, frozen=True):
    """What a check came to: new rules, none newer, or the last good ones kept and why."""

    state: Literal["new", "unchanged", "kept"]
    reason: str
    versions: dict[str, int]


class _NotFresh(AgentError):
    """The collector could not be asked, or has nothing that may be taken; what is in force stays. Retrying can help."""

    retry = True


def first_root(
    text: str, token: EnrolmentToken, collector: Fetches, data_dir: Path, clock: Callable[[], datetime]
) -> None:
    """Pin the root that a token names, take in the first rules, and check that IT of that root signed the token.

    The token's least versions keep a collector from giving a new device an old list of recipients. Raises NotTrusted,
    Refused (`token_bad_signature`), CollectorUnreachable or CollectorRefused, and leaves nothing in force then.
    """
    path = f"/publication/metadata/{file_name('root', token.root_version)}"
    data = collector.get(path, max_bytes=METADATA_MAX_BYTES).body
    _check_anchor(data, token.root)
    folder = data_dir / RULES_FOLDER
    if _anchor(folder) != data:
        shutil.rmtree(folder, ignore_errors=True)  # another organisation's, or nothing yet
        folder.mkdir(mode=0o755)
        write_whole(folder / "anchor.json", data, 0o644)
    with _locked(folder):
        try:
            trusted = _check(folder, collector, token.root, token.minimum, clock())[1]
        except (_NotFresh, Expired) as fault:
            raise CollectorUnreachable(str(fault)) from fault
    tokens.check_signature(text, trusted.packs_keys)


def check(data_dir: Path, collector: Fetches, *, root: str, minimum: Mapping[str, int], now: datetime) -> UpdateResult:
    """Ask for newer rules and take them in where everything about them is right. Never raises for what was served.

    `root` is the SHA-256 (hex) of the root that this device was enrolled with, `minimum` the least version of each
    role. Raises OSError when the disk fails.
    """
    folder = data_dir / RULES_FOLDER
    folder.mkdir(mode=0o755, exist_ok=True)
    with _locked(folder):
        try:
            result, _ = _check(folder, collector, root, minimum, now)
        except (NotTrusted, RulesError, _NotFresh) as fault:
            state = read_state(data_dir)
            _write_state(folder, msgspec.structs.replace(state, problem=str(fault)))
            return UpdateResult("kept", str(fault), state.versions)
    return result


def load(data_dir: Path, root: str | None = None) -> Bundle | None:
    """Return the rules in force, verified once more from the pinned root to every file; None when there are none.

    `root` is the SHA-256 of the pinned root, by default this device's identity's. A set that was edited, mixed or put
    back by hand is refused, which is logged; the next `check` puts a whole one in its place.
    """
    return look(data_dir, root)[0]


def look(data_dir: Path, root: str | None = None) -> tuple[Bundle | None, str]:
    """Return what `load` does, and where a set is there and refused, why, in a sentence.

    What is opened are copies that nobody else can reach: a file that is edited, or cut short, under a running service
    would else change what is in force, or end the service at the next lookup.
    """
    folder = data_dir / RULES_FOLDER
    copies: Path | None = None
    try:
        pinned = root if root is not None else keys.load(data_dir).root
        if not (in_force(folder)).is_dir():
            return None, ""
        _forget_old_copies(folder)
        copies = Path(tempfile.mkdtemp(prefix=_COPIES_PREFIX, dir=folder))
        return open_set(in_force(folder), pinned, read_state(data_dir).versions, copies), ""
    except (NotTrusted, RulesError, AgentError) as fault:
        log.warning("updates.refused kind=%s", type(fault).__name__)
        return None, str(fault)
    except OSError as fault:
        log.warning("updates.unreadable kind=%s", type(fault).__name__)
        return None, "the rules on this disk can't be read"
    finally:
        if copies is not None:
            shutil.rmtree(copies, ignore_errors=True)  # what is mapped stays until it is closed


def _forget_old_copies(folder: Path) -> None:
    """Remove what an agent that was killed while it opened rules has left; a young one may be in use."""
    for left in folder.glob(f"{_COPIES_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _COPIES_OLD_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def read_state(data_dir: Path) -> State:
    """Return what was remembered at the last check; a damaged memory counts as none."""
    try:
        return msgspec.json.decode((data_dir / RULES_FOLDER / "state.json").read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return State()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent update` takes."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Check once; returns 0 when the rules in force are the newest, 1 when that can't be known, 2 if not enrolled."""
    from agent.http import Collector  # late: only this command, in its own process, pays for it

    try:
        identity = keys.load(args.data_dir)
        collector = Collector(identity.collector, identity.certificate)
        try:
            now = datetime.now(UTC)
            result = check(args.data_dir, collector, root=identity.root, minimum=identity.minimum, now=now)
            if result.state != "kept":
                _take_release(args.data_dir, collector, identity, now)
        finally:
            collector.close()
    except (AgentError, OSError) as fault:
        sys.stderr.write(f"fairwatch-agent update: {fault}\n")
        return 1 if isinstance(fault, OSError) else 2
    if args.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    if result.state == "kept":
        sys.stderr.write(f"fairwatch-agent update: {result.reason}; the rules in force stay\n")
        return 1
    return 0


def _take_release(data_dir: Path, collector: Fetches, identity: keys.Identity, now: datetime) -> None:
    """Take in a later version of the agent where one is signed for this device; the exit tells of rules alone."""
    from agent import config
    from agent.core import agent_version
    from agent.release.fetch import take_in

    ring = config.read(data_dir).new_versions
    if ring == "off" or not takes_versions():
        return
    folder = data_dir / RULES_FOLDER
    with _locked(folder):
        state = read_state(data_dir)
        now = max(now, state.not_before) if state.not_before is not None else now
        try:
            trusted, _ = _verify_fetched(folder / "trust", identity.root, now)
        except NotTrusted:
            return
        said = take_in(
            data_dir, trusted, collector, device=identity.device, ring=ring, running=agent_version(), now=now
        )
    if said:
        sys.stderr.write(f"fairwatch-agent update: {said}\n")


# --- checking ----------------------------------------------------------------------------------------------------


def _check(
    folder: Path, collector: Fetches, root: str, minimum: Mapping[str, int], now: datetime
) -> tuple[UpdateResult, Trusted]:
    state = read_state(folder.parent)
    # A clock that was turned back must not make an expired list good again.
    now = max(now, state.not_before) if state.not_before is not None else now
    least = {name: max(minimum.get(name, 0), state.versions.get(name, 0)) for name in {**minimum, **state.versions}}
    try:
        asked = _ask_cheaply(collector, state.etag)
        if asked is not None and asked.unchanged:
            trusted = _still_newest(folder, root, least, state, now)
            if trusted is not None:
                _write_state(folder, msgspec.structs.replace(state, fresh_at=now, problem=""))
                return UpdateResult("unchanged", "", state.versions), trusted
        fetcher = _fetcher(collector, asked)
        updater = _updater(folder, fetcher, root)
        updater.refresh()
        for name in DELEGATED:
            updater.get_targetinfo(f"{name}/nothing")
        trusted, timestamp_at = _verify_fetched(folder / "trust", root, now)
        _check_least(trusted, least)
        versions = {name: trusted.versions[name] for name in OFFLINE}
        new = versions != state.versions or not is_whole(in_force(folder), root, state.versions)
        if new:
            _take_in(folder, updater, trusted, root)
    except (tuf_errors.RepositoryError, tuf_errors.DownloadError, ValueError) as fault:
        raise _translated(fault) from fault
    # The collector's word for the time counts only up to this clock: a date in 2099 would shut out all that follows.
    seen = max(trusted.signed_at, min(timestamp_at, now))
    not_before = max(seen, state.not_before) if state.not_before is not None else seen
    _write_state(folder, State(versions, not_before, now, etag=fetcher.etag))
    if new:
        _forget_old_sets(folder)
    return UpdateResult("new" if new else "unchanged", "", versions), trusted


def _ask_cheaply(collector: Fetches, etag: str) -> Fetched | None:
    """Ask whether there is another timestamp than the one that was taken last; None where none was."""
    if not etag:
        return None
    try:
        return collector.get(_TIMESTAMP_PATH, etag=etag, max_bytes=TIMESTAMP_MAX_BYTES)
    except CollectorUnreachable as fault:
        raise tuf_errors.DownloadError("unreachable") from fault
    except CollectorRefused as fault:
        raise tuf_errors.DownloadError("refused") from fault


def _still_newest(folder: Path, root: str, least: Mapping[str, int], state: State, now: datetime) -> Trusted | None:
    """Hold what was taken before against today's clock, as if it had been fetched again; None where it won't do.

    That the collector says «unchanged» proves no more than its serving the same timestamp once more: that is signed,
    and expires. A new root comes with a new timestamp.
    """
    try:
        trusted, _ = _verify_fetched(folder / "trust", root, now)
        _check_least(trusted, least)
    except (NotTrusted, OSError, ValueError):
        return None
    same = {name: trusted.versions[name] for name in OFFLINE} == state.versions
    return trusted if same and is_whole(in_force(folder), root, state.versions) else None


def _check_least(trusted: Trusted, least: Mapping[str, int]) -> None:
    for name, version in least.items():
        if trusted.versions.get(name, 0) < version:
            raise NotTrusted(
                f"the collector serves {name} version {trusted.versions.get(name, 0)}, which is "
                f"older than version {version}"
            )


def _updater(folder: Path, fetcher: Any, root: str) -> Any:
    """Return the TUF client, begun at the pinned root."""
    from tuf.ngclient import Updater, UpdaterConfig

    anchor = _anchor(folder)
    _check_anchor(anchor, root)
    trust = folder / "trust"
    trust.mkdir(mode=0o755, exist_ok=True)
    config = UpdaterConfig(
        max_root_rotations=ROOTS_MAX,
        max_delegations=len(DELEGATED) + 1,
        root_max_length=METADATA_MAX_BYTES,
        timestamp_max_length=TIMESTAMP_MAX_BYTES,
        snapshot_max_length=METADATA_MAX_BYTES,
        targets_max_length=METADATA_MAX_BYTES,
    )
    try:
        return Updater(
            str(trust),
            f"{_BASE}metadata/",
            target_base_url=f"{_BASE}targets/",
            fetcher=fetcher,
            config=config,
            bootstrap=anchor,
        )
    except tuf_errors.RepositoryError as fault:
        raise _translated(fault) from fault


def _fetcher(collector: Fetches, timestamp: Fetched | None) -> Any:
    from tuf.ngclient import FetcherInterface

    class Through(FetcherInterface):
        """Fetches by the agent's own collector, so that its pin, its proxies and its bounds hold here too.

        A timestamp that was fetched already is not fetched again; `etag` is that of the one that was used.
        """

        max_bytes = TIMESTAMP_MAX_BYTES
        etag = ""

        def _fetch(self, url: str) -> Iterator[bytes]:
            path = "/publication/" + url.removeprefix(_BASE)
            try:
                if path != _TIMESTAMP_PATH:
                    yield collector.get(path, max_bytes=self.max_bytes).body
                    return
                known = timestamp is not None and not timestamp.unchanged
                fetched = timestamp if known else collector.get(path, max_bytes=self.max_bytes)
                assert fetched is not None
                self.etag = fetched.etag if fetched.etag is not None and _ETAG.fullmatch(fetched.etag) else ""
                yield fetched.body
            except CollectorRefused as fault:
                if fault.code == "not_found":
                    raise tuf_errors.DownloadHTTPError("not there", 404) from fault
                raise tuf_errors.DownloadError("refused") from fault
            except CollectorUnreachable as fault:
                raise tuf_errors.DownloadError("unreachable") from fault

        @contextmanager
        def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
            self.max_bytes = max_length
            with super().download_file(url, max_length) as file:
                yield file

    return Through()


def _verify_fetched(trust: Path, root: str, now: datetime) -> tuple[Trusted, datetime]:
    """Return what the TUF client accepted, held against the shape that ours must have, and the timestamp's own time."""
    roots = _trusted_roots(trust, root)
    metadata = {name: (trust / f"{name}.json").read_bytes() for name in (*SET_METADATA, "snapshot", "timestamp")}
    trusted = verify(roots, metadata, now=now)
    return trusted, signed_at(parse(metadata["timestamp"], Timestamp, "timestamp").signed)


def _take_in(folder: Path, updater: Any, trusted: Trusted, root: str) -> None:
    """Fetch every file into a new set, open it as the service would, and put it in force in one step."""
    sets = folder / "sets"
    sets.mkdir(mode=0o755, exist_ok=True)
    numbers = [int(path.name) for path in sets.iterdir() if path.name.isdigit()]
    number = max(numbers, default=0) + 1
    unfinished = sets / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "metadata").mkdir(parents=True, mode=0o755)
    packs = trusted.delegated["packs"].targets

    def download(target: TargetFile, place: Path) -> None:
        updater.download_target(target, str(place))

    for target in signed_files(trusted):
        bring(target, unfinished / place_of(target.path), in_force(folder), packs, download)
    trust = folder / "trust"
    for name in SET_METADATA:
        write_whole(unfinished / "metadata" / f"{name}.json", (trust / f"{name}.json").read_bytes(), 0o644)
    for data in _trusted_roots(trust, root):
        write_whole(unfinished / "metadata" / f"{_root_version(data)}.root.json", data, 0o644)
    opened = open_set(unfinished, root, {})
    if opened is not None:
        opened.rules.close()
    move(unfinished, sets / str(number))
    put_in_force(folder, number)


def _translated(fault: Exception) -> NotTrusted | _NotFresh:
    """Turn the library's errors into a sentence of ours: theirs hold addresses, which don't belong in a log."""
    match fault:
        case tuf_errors.ExpiredMetadataError():
            return Expired("what the collector serves has expired, or this device's clock is ahead")
        case tuf_errors.BadVersionNumberError():
            return NotTrusted("the collector serves an older or other version than was signed and seen")
        case tuf_errors.UnsignedMetadataError():
            return NotTrusted("what the collector serves isn't signed by as many of the right keys as it must be")
        case tuf_errors.LengthOrHashMismatchError():
            return NotTrusted("what the collector serves isn't what was signed")
        case tuf_errors.DownloadLengthMismatchError():
            return NotTrusted("the collector's answer is longer than it may be")
        case tuf_errors.DownloadHTTPError():
            return _NotFresh("the collector has no signed rules, or not all of them")
        case tuf_errors.DownloadError():
            return _NotFresh("the collector did not answer")
    return NotTrusted("what the collector serves can't be read as signed rules")


def _trusted_roots(trust: Path, root: str) -> list[bytes]:
    """Return the roots that the TUF client followed; a damaged newer one that it left lying does not count."""
    return roots_in(trust / "root_history", root, _root_version((trust / "root.json").read_bytes()))


def _root_version(data: bytes) -> int:
    return int(parse(data, Root, "root").signed.version)


def _anchor(folder: Path) -> bytes:
    try:
        return (folder / "anchor.json").read_bytes()
    except OSError:
        return b""


def _check_anchor(data: bytes, root: str) -> None:
    if hashlib.sha256(data).hexdigest() != root:
        raise NotTrusted("the root is not the one that the enrolment token names")


def _forget_old_sets(folder: Path) -> None:
    numbers = sorted(int(path.name) for path in (folder / "sets").iterdir() if path.name.isdigit())
    for number in numbers[:-KEPT_SETS]:
        shutil.rmtree(folder / "sets" / str(number), ignore_errors=True)


def _write_state(folder: Path, state: State) -> None:
    write_whole(folder / "state.json", msgspec.json.encode(state), 0o644)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second check out: the TUF client's memory is for one at a time."""
    with (folder / ".lock").open("wb") as lock:
        if sys.platform == "win32":
            from agent.windows.file_lock import held

            with held(lock.fileno()):
                yield
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
