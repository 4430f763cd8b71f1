"""The command `enrol`: makes this device known to the collector, with a token from IT.

The device makes its own key, checks the collector's first root against the token (its hash, and IT's signature on the
token against IT's key in it), asks to be known with a request signed by that key, and keeps what it is told. Trying
again after a failure is the same device; an enrolled device stays as it is.

Exit 0: enrolled, now or before. 2: what was given can't be used, or the collector refused it. 1: no answer, or one that
may be another later, as when a whole fleet comes at once; try again.
"""

from __future__ import annotations

import argparse
import errno
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agent import keys
from agent.config import DEFAULT_DATA_DIR
from agent.database import SPOOL_FOLDER
from agent.errors import (
    AgentError,
    CollectorAddressError,
    CollectorRefused,
    CollectorUnreachable,
    EnrolmentError,
    NotEnrolledError,
)
from agent.http import Collector
from protocol import tokens
from protocol.codes import Code
from protocol.errors import ProtocolError, Refused
from protocol.limits import CLOCK_OFFSET_MAX_SECONDS, ENROLMENT_TOKEN_MAX_CHARS, MESSAGE_VERSION, TEXT_MAX_CHARS
from protocol.messages import EnrolmentToken, EnrolReply, EnrolRequest, decode, encode
from rules.errors import RulesError

ENROL_PATH: Final = "/v1/enrol"
ENROL_KEY_ID: Final = "enrol"
_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_BY_IT: Final = (Code.REVOKED_DEVICE.value, Code.QUARANTINED_DEVICE.value)
"""What only IT can change: asking again would change nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent enrol` takes; without --token and --token-file the token is read from stdin."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help="the token from IT (other accounts can see it while this runs)")
    token.add_argument("--token-file", type=Path, help="a file that holds the token; without either, stdin")
    parser.add_argument("--name", default=platform.node(), help="what IT calls this device (default: its host name)")
    parser.add_argument(
        "--anew",
        action="store_true",
        help="put the former identity and its unsent records aside and enrol as a new one",
    )


def run(args: argparse.Namespace) -> int:
    """Enrol this device and say so in one line; returns the exit code."""
    clock = _now
    try:
        if args.anew:
            _put_former_aside(args.data_dir, clock())
        identity, made = enrol(args.data_dir, lambda: _token_text(args), name=args.name, clock=clock)
        named = args.token is not None or args.token_file is not None
        if not made and named and tokens.read(_token_text(args)).collector != identity.collector:
            raise EnrolmentError("this device is enrolled with another collector; give --anew to leave that one")
    except CollectorUnreachable as fault:
        return _fail(f"the collector did not answer: {fault}; try again", 1)
    except CollectorRefused as fault:
        return _fail(fault.sentence or f"the collector refused: {fault.code}", 1 if is_for_now(fault) else 2)
    except Refused as fault:
        return _fail(fault.code.sentence, 2)
    except (AgentError, ProtocolError, RulesError) as fault:
        return _fail(str(fault), 2)
    except OSError as fault:
        code = 1 if fault.errno in _DISK_FULL else 2
        return _fail(f"{fault.filename or args.data_dir}: {fault.strerror or type(fault).__name__}", code)
    state = "enrolled" if made else "already enrolled, nothing changed:"
    sys.stdout.write(f"{state} as device {identity.device} in group {identity.group}\n")
    return 0


def enrol(
    data_dir: Path, read_token: Callable[[], str], *, name: str, clock: Callable[[], datetime]
) -> tuple[keys.Identity, bool]:
    """Make this device known and return its identity, and whether it is new.

    Raises Refused (the token), EnrolmentError, CollectorError, IdentityError, ProtocolError (the collector's root is
    not the one that IT signed) or OSError.
    """
    known = _known(data_dir)
    if known is not None:
        return known, False
    text = read_token()
    token = tokens.read(text)
    data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    own = keys.make_keys(data_dir)
    collector = _collector(token)
    try:
        _check_root(text, token, collector, data_dir, clock)
        request = EnrolRequest(
            version=MESSAGE_VERSION,
            token=text.strip(),
            public_key=own.public_key,
            name=name.strip()[:TEXT_MAX_CHARS],
            platform=platform.platform()[:TEXT_MAX_CHARS],
        )
        reply = _ask(collector, encode(request), own, clock)
    finally:
        collector.close()
    if reply.group != token.group:
        # What is collected depends on the group, so the signed token says which it is, never the collector.
        raise EnrolmentError("the collector put this device in another group than the token says; ask IT")
    identity = keys.Identity(
        device=reply.device,
        group=reply.group,
        collector=collector.url,
        certificate=token.certificate,
        root=token.root,
        root_version=token.root_version,
        minimum=token.minimum,
        # By this device's clock, as the times of visits are.
        enrolled_at=clock(),
        key=own.key,
        spool_key=own.spool_key,
    )
    keys.save(identity, data_dir)
    return identity, True


def _ask(collector: Collector, body: bytes, own: keys.DeviceKeys, clock: Callable[[], datetime]) -> EnrolReply:
    """Post the request; when the collector says that this clock is wrong, sign once more with its time."""
    try:
        answer = collector.post(ENROL_PATH, body, keys.request_signer(own.key, ENROL_KEY_ID, clock))
    except CollectorRefused as fault:
        if fault.code != Code.CLOCK_WRONG.value or fault.time is None:
            raise
        offset: timedelta = fault.time - clock()
        if abs(offset) > timedelta(seconds=CLOCK_OFFSET_MAX_SECONDS):
            raise
        answer = collector.post(ENROL_PATH, body, keys.request_signer(own.key, ENROL_KEY_ID, lambda: clock() + offset))
    try:
        return decode(answer, EnrolReply)
    except Refused as fault:
        raise CollectorUnreachable("the answer is not the collector's") from fault


def _collector(token: EnrolmentToken) -> Collector:
    try:
        return Collector(token.collector, token.certificate)
    except CollectorAddressError as fault:
        raise EnrolmentError(f"the token can't be used: {fault}; ask IT for another") from fault


def _check_root(
    text: str, token: EnrolmentToken, collector: Collector, data_dir: Path, clock: Callable[[], datetime]
) -> None:
    """Fetch the first root and refuse it unless it is the one that the token names and IT's key in it signed both."""
    # Loaded late: TUF is heavy, and the other commands of this module's users never need it.
    from agent import updates

    updates.first_root(text, token, collector, data_dir, clock)


def _known(data_dir: Path) -> keys.Identity | None:
    try:
        return keys.load(data_dir)
    except NotEnrolledError:
        return None


def _put_former_aside(data_dir: Path, now: datetime) -> None:
    """Move the former identity, its keys and its spool into a folder of their own; nothing is deleted.

    Its records are signed by the former identity, so the new one can't send them.
    """
    pieces = [data_dir / name for name in (keys.IDENTITY_FILE, keys.KEYS_FOLDER, SPOOL_FOLDER)]
    found = [piece for piece in pieces if piece.exists()]
    if found:
        former = data_dir / f"former-{now:%Y%m%dT%H%M%SZ}"
        former.mkdir(mode=0o700)
        for piece in found:
            piece.rename(former / piece.name)


def _token_text(args: argparse.Namespace) -> str:
    if args.token is not None:
        return str(args.token)
    if args.token_file is not None:
        with args.token_file.open("rb") as file:
            return _as_text(file.read(ENROLMENT_TOKEN_MAX_CHARS + 1))
    return _as_text(sys.stdin.buffer.read(ENROLMENT_TOKEN_MAX_CHARS + 1))


def _as_text(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(Code.TOKEN_MALFORMED) from None


def is_for_now(fault: CollectorRefused) -> bool:
    """Whether a token that is good may be taken later: it must not be thrown away for that."""
    return fault.retry and fault.code not in _BY_IT


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"fairwatch-agent enrol: {sentence}\n")
    return code


def _now() -> datetime:
    return datetime.now(UTC)
