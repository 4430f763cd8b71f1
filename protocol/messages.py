"""The messages, as strict frozen structs over JSON: an unknown field, kind or version is refused by name."""

from __future__ import annotations

import threading
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec

from protocol.codes import Code
from protocol.errors import Refused
from protocol.grouping import GROUPING_KEY_BYTES, TAGS_MAX
from protocol.limits import (
    ACCOUNTS_MAX,
    BATCH_MAX_RECORDS,
    CLOCK_OFFSET_MAX_SECONDS,
    DAY_MAX_SECONDS,
    ENROLMENT_TOKEN_MAX_CHARS,
    EVIDENCE_MAX_NAMES,
    MESSAGE_VERSION,
    PHONES_MAX,
    PHONES_REPORT_MAX,
    TEXT_MAX_CHARS,
    TOTALS_MAX_ROWS,
    TRIAL_MAX_ENTRIES,
    TRIAL_MAX_PACKS,
)

ShortText = Annotated[str, msgspec.Meta(max_length=TEXT_MAX_CHARS)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
# `$` alone would let a line end follow.
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
LeadPublicKey = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
"""X25519 (32 bytes), which is sealed to, then Ed25519 (32 bytes), which signs what a lead writes."""
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
Group = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$(?!\n)")]
Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$(?!\n)")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
RecordKind = Literal["alert", "totals", "heartbeat", "loss", "trial", "trip", "acknowledgement", "phones"]
Kind = Literal["host", "app"]
Tags = Annotated[
    tuple[Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")], ...], msgspec.Meta(max_length=TAGS_MAX)
]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every message is: frozen, and refusing fields it does not know."""


# --- a batch of records ------------------------------------------------------------------------------------------


class Parcel(Message, frozen=True):
    """One record on its way: its id and counter outside, so that each can be answered even when its body is refused.

    `counter` rises by one for each record a device makes; two records with one counter mean a cloned device.
    """

    record: UUID
    counter: Positive
    kind: Word
    version: Positive
    body: msgspec.Raw


class Batch(Message, frozen=True):
    """What a device posts to `/v1/records`, oldest alerts first. `device` is the one that signs the request."""

    version: Positive
    device: UUID
    records: Annotated[tuple[Parcel, ...], msgspec.Meta(min_length=1, max_length=BATCH_MAX_RECORDS)]


class Receipt(Message, frozen=True):
    """The collector's answer for one record. Only `stored` and `duplicate` let the device delete it."""

    record: UUID
    result: Literal["stored", "duplicate", "refused", "retry"]
    code: str | None = None
    detail: str = ""


class Receipts(Message, frozen=True):
    """The answer to a batch: one receipt a record, in order, and the collector's time."""

    receipts: tuple[Receipt, ...]
    time: UtcTime


class Refusal(Message, frozen=True):
    """The answer when a whole request is refused. `retry` says whether the same request may be accepted later."""

    code: str
    sentence: str
    detail: str
    retry: bool
    time: UtcTime


# --- alerts ------------------------------------------------------------------------------------------------------


class AlertHeader(Message, frozen=True):
    """What the collector may see of an alert. Nothing here says who, what category or which name.

    `alert` is the same for an alert and its updates, `revision` rises with each. `device` is the subject, `signer`
    the device that made and signed the record (they differ for a phone behind a gateway). Times are whole seconds.
    """

    version: Literal[1]
    record: UUID
    counter: Positive
    alert: UUID
    revision: Count
    device: UUID
    signer: UUID
    group: Group
    urgent: bool
    started: UtcTime
    ended: UtcTime
    sealed_to: Annotated[tuple[KeyId, ...], msgspec.Meta(min_length=1)]
    recipients_version: Positive
    policy_version: Positive


class Alert(Message, frozen=True):
    """A sealed alert: the exact header bytes, two envelopes, and the device's signature over all three.

    `header` is an AlertHeader in JSON, `heading` and `evidence` are envelopes (see `sealing.py`), `signature` is
    Ed25519 over `signing.alert_statement(...)`, 64 bytes.
    """

    header: bytes
    heading: bytes
    evidence: bytes
    signature: bytes


class Heading(Message, frozen=True):
    """What is sealed in the first envelope and opened in bulk: enough to rank a queue, nothing of which name.

    `likely` and `unclear` are for a name that a phone, or some program of a laptop, looked up: for the page of a burst
    of lookups, and for any other. `identity` is unproven where the phone's name could have been copied on the way.

    `entries` and `lists` are tags (`grouping.py`), empty from a device that has no grouping key.
    """

    version: Literal[1]
    category: Word
    person: ShortText
    kind: Kind
    count: Positive
    certainty: Literal["visited", "likely", "looked_up", "unclear", "running"] = "visited"
    identity: Literal["proven", "unproven"] = "proven"
    entries: Tags = ()
    lists: Tags = ()


class Seen(Message, frozen=True):
    """One name in the evidence: how often and when first and last seen (whole seconds, UTC)."""

    name: Name
    count: Positive
    first: UtcTime
    last: UtcTime


class MatchedBy(Message, frozen=True):
    """Why a name was flagged: the entry that matched and the lists (with version) that have it."""

    category: Word
    entry: Name
    lists: tuple[ShortText, ...]


class Evidence(Message, frozen=True):
    """What is sealed in the second envelope and released one by one."""

    version: Literal[1]
    category: Word
    person: ShortText
    kind: Kind
    source: Word
    count: Positive
    seen: Annotated[tuple[Seen, ...], msgspec.Meta(min_length=1, max_length=EVIDENCE_MAX_NAMES)]
    matched: tuple[MatchedBy, ...]
    policy_line: ShortText
    policy_version: Positive


# --- totals, health, losses --------------------------------------------------------------------------------------


class UsageRow(Message, frozen=True):
    """Seconds and visits to add to one person's day. `name` only if nameable; `category` may be `other`."""

    person: UUID
    day: date
    kind: Kind
    category: Word
    name: Name | None
    seconds: Annotated[int, msgspec.Meta(ge=0, le=DAY_MAX_SECONDS)]
    visits: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class UsageTotals(Message, frozen=True):
    """Usage since the last such record (additions, not sums so far), for one subject device."""

    device: UUID
    group: Group
    rows: Annotated[tuple[UsageRow, ...], msgspec.Meta(min_length=1, max_length=TOTALS_MAX_ROWS)]


class SourceState(Message, frozen=True):
    """Whether one source on a device sees what it should, and if not, why, in a sentence."""

    name: Word
    state: Literal["working", "unknown", "failing"]
    reason: ShortText


Formats = Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=16)]


HealthNotice = Literal[
    "stopped_badly",
    "files_changed",
    "extension_removed",
    "clock_moved",
    "slowed_memory",
    "slowed_cpu",
    "slowed_disk",
    "slowed_network",
    "identity_in_use",
]
"""What a device noticed about itself: a word from this list, never a name, a path, a person or a count."""
HealthNotices = Annotated[tuple[HealthNotice, ...], msgspec.Meta(max_length=9)]


class Heartbeat(Message, frozen=True, omit_defaults=True):
    """A device's health. It never counts what waits in the spool: only normal, filling or full.

    `formats` are the versions of these messages that it speaks, `pack_formats` and `policy_formats` what it can read.
    `notices` are not written when there are none, so that a collector from before them takes the heartbeat.
    """

    device: UUID
    group: Group
    at: UtcTime
    agent_version: ShortText
    platform: ShortText
    sources: Annotated[tuple[SourceState, ...], msgspec.Meta(max_length=50)]
    spool: Literal["normal", "filling", "full"]
    recipients_version: Count
    policy_version: Count
    packs: dict[Word, Positive]
    formats: tuple[Positive, ...]
    clock_offset_seconds: Annotated[int, msgspec.Meta(ge=-CLOCK_OFFSET_MAX_SECONDS, le=CLOCK_OFFSET_MAX_SECONDS)]
    notice_shown: bool
    pack_formats: Formats = (1,)
    policy_formats: Formats = (1,)
    notices: HealthNotices = ()


class Loss(Message, frozen=True):
    """A device's admission that records were dropped or put aside, and how many of each kind."""

    device: UUID
    since: UtcTime
    until: UtcTime
    totals: Count
    alerts: Count
    reason: Literal["spool_full", "refused_by_collector", "spool_damaged"]


# --- lists on trial ----------------------------------------------------------------------------------------------


class TrialHeader(Message, frozen=True):
    """What the collector may see of a day's trial counts: the same whether there was something to count or not.

    `day` is the local day on which it was counted.
    """

    version: Literal[1]
    record: UUID
    counter: Positive
    device: UUID
    signer: UUID
    group: Group
    day: date
    sealed_to: Annotated[tuple[KeyId, ...], msgspec.Meta(min_length=1)]
    recipients_version: Positive
    policy_version: Positive


class TrialReport(Message, frozen=True):
    """A device's day with lists on trial: the exact header bytes, one envelope of the larger size, and a signature.

    `signature` is Ed25519 over `signing.trial_statement(...)`, 64 bytes.
    """

    header: bytes
    envelope: bytes
    signature: bytes


class TrialEntry(Message, frozen=True):
    """How many times a list's entry was met, and the categories under which the list has it."""

    entry: Name
    categories: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1, max_length=16)]
    count: Positive


class TrialPack(Message, frozen=True):
    """One list on trial: its version, how many entries it has, what was met, and how much beyond what is listed."""

    pack: Word
    version: Count
    size: Count
    entries: Annotated[tuple[TrialEntry, ...], msgspec.Meta(max_length=TRIAL_MAX_ENTRIES)]
    more: Count


class TrialCounts(Message, frozen=True):
    """What is sealed in a trial report. No person, no time of day, no name but the lists' own entries."""

    version: Literal[1]
    packs: Annotated[tuple[TrialPack, ...], msgspec.Meta(max_length=TRIAL_MAX_PACKS)]


# --- tests of the whole way --------------------------------------------------------------------------------------


class TripHeader(Message, frozen=True):
    """What the collector may see of a harmless test: which one it asked for, where it began, and when.

    `source` is `trip` where the agent itself handed on the reserved host, else the source that saw it visited. There
    is no field for a person.
    """

    version: Literal[1]
    record: UUID
    counter: Positive
    trip: UUID
    device: UUID
    signer: UUID
    group: Group
    source: Word
    seen: UtcTime
    sealed_to: Annotated[tuple[KeyId, ...], msgspec.Meta(min_length=1)]
    recipients_version: Positive
    policy_version: Positive


class TripReport(Message, frozen=True):
    """A harmless test, sealed as an alert is: the exact header bytes, one envelope and a signature.

    `signature` is Ed25519 over `signing.trip_statement(...)`, 64 bytes: never one over an alert.
    """

    header: bytes
    envelope: bytes
    signature: bytes


class TripEvidence(Message, frozen=True):
    """What is sealed in a test: the reserved host, and the entry of the signed lists that knew it, if one did."""

    version: Literal[1]
    name: Name
    entry: Name | None
    policy_version: Positive


class TripQuestion(Message, frozen=True):
    """A device asks whether a test of the whole way is wanted of it."""

    version: Positive


class TripAnswer(Message, frozen=True):
    """The test that is wanted, None for none. `by`: the agent tries it itself, or waits for a visit by hand.

    This is all that a collector can ask of a device: it names no host, no list and no person.
    """

    trip: UUID | None = None
    by: Literal["service", "visit"] = "service"


# --- acknowledgements --------------------------------------------------------------------------------------------


class AcknowledgementStatement(Message, frozen=True):
    """That the person at a device said to have read a version of a document of the signed policy.

    `person` is the account as the device knows it, `shown` the SHA-256 (hex) of all that was shown of the document. The
    one record that names an account to the collector: whose acknowledgement it is, is what it is for.
    """

    version: Literal[1]
    record: UUID
    counter: Positive
    device: UUID
    signer: UUID
    person: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_MAX_CHARS)]
    document: Word
    document_version: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_MAX_CHARS)]
    shown: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    at: UtcTime
    policy_version: Positive


class Acknowledgement(Message, frozen=True):
    """The exact bytes of an AcknowledgementStatement in JSON, and the device's signature over them (64 bytes)."""

    statement: bytes
    signature: bytes


# --- phones behind a gateway -------------------------------------------------------------------------------------


class PhonesQuestion(Message, frozen=True):
    """A gateway asks which phones it speaks for. `known` is the digest of the answer that it has, empty for none."""

    version: Positive
    known: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""


class PhoneEntry(Message, frozen=True):
    """One phone: the SHA-256 of its id, the device that it is in records, its group, and whose it is (empty: nobody's).

    `since` is from when on it may be observed: after its person was given the notice.
    """

    hash: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    device: UUID
    group: Group
    person: ShortText
    since: UtcTime


class PhonesAnswer(Message, frozen=True):
    """All phones that are active, and the digest of that list; `phones` is None where the gateway has them already."""

    digest: str
    phones: Annotated[tuple[PhoneEntry, ...], msgspec.Meta(max_length=PHONES_MAX)] | None = None


class PhonesReport(Message, frozen=True):
    """In which hour phones last asked a gateway for a name, and how many questions it refused, by reason.

    Whole hours: when somebody last looked at a phone is nobody's business.
    """

    device: UUID
    at: UtcTime
    seen: Annotated[dict[UUID, UtcTime], msgspec.Meta(max_length=PHONES_REPORT_MAX)]
    refused: Annotated[dict[Word, Count], msgspec.Meta(max_length=16)]


# --- people and enrolment ----------------------------------------------------------------------------------------


class PeopleQuestion(Message, frozen=True):
    """Which monthly ids do these accounts have? The month is `YYYY-MM` in the organisation's time zone."""

    version: Positive
    month: Month
    accounts: Annotated[tuple[ShortText, ...], msgspec.Meta(min_length=1, max_length=ACCOUNTS_MAX)]


class PeopleAnswer(Message, frozen=True):
    """The monthly id of each account asked for, the same on all of the account's devices."""

    month: str
    ids: dict[str, UUID]


class EnrolRequest(Message, frozen=True):
    """A device asks to be known. Signed (RFC 9421) with the very key it brings, 32 raw Ed25519 bytes."""

    version: Positive
    token: Annotated[str, msgspec.Meta(max_length=ENROLMENT_TOKEN_MAX_CHARS)]
    public_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    name: ShortText
    platform: ShortText


class GroupingQuestion(Message, frozen=True):
    """A device asks for the organisation's grouping key."""

    version: Positive


class GroupingAnswer(Message, frozen=True):
    """The key of tags (`grouping.py`), the same for all devices of the organisation."""

    key: Annotated[bytes, msgspec.Meta(min_length=GROUPING_KEY_BYTES, max_length=GROUPING_KEY_BYTES)]


class EnrolReply(Message, frozen=True):
    """The device's identity and group, the same again for the same key."""

    device: UUID
    group: Group
    time: UtcTime


class EnrolmentToken(Message, frozen=True):
    """What IT signs so that a device may enrol; travels as `fw1.<payload>.<signature>`, both base64url.

    `secret` is stored hashed at the collector; `certificate` is the SHA-256 of the collector's TLS public key (hex,
    empty for loopback); `root` the SHA-256 (hex) of the first root metadata; `minimum` the least version of each
    piece of metadata, so that a new device can't be given an old list.
    """

    version: Literal[1]
    token: UUID
    secret: str
    collector: str
    certificate: str
    root: str
    root_version: Positive
    group: Group
    expires: UtcTime
    uses: Positive
    minimum: dict[str, int]


M = TypeVar("M", bound=Message)
S = TypeVar("S")
BODIES: dict[str, type[Message]] = {
    "alert": Alert,
    "totals": UsageTotals,
    "heartbeat": Heartbeat,
    "loss": Loss,
    "trial": TrialReport,
    "trip": TripReport,
    "acknowledgement": Acknowledgement,
    "phones": PhonesReport,
}


class _Versioned(msgspec.Struct):
    version: int = 0


_READERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
_MAKING_READERS = threading.RLock()


def reader(kind: type[S]) -> msgspec.json.Decoder[S]:
    """Return the decoder of a struct, made once.

    Two threads that decode a type for the first time at once crash the interpreter (msgspec 0.22: one uses what the
    other has half built), so a type is always prepared by one thread alone.
    """
    found = _READERS.get(kind)
    if found is None:
        with _MAKING_READERS:
            found = _READERS.setdefault(kind, msgspec.json.Decoder(kind))
    return found


_PREPARED: tuple[type[Any], ...] = (
    *BODIES.values(),
    AlertHeader,
    Batch,
    EnrolmentToken,
    EnrolRequest,
    GroupingQuestion,
    PeopleQuestion,
    PhonesQuestion,
    TrialHeader,
    TripHeader,
    AcknowledgementStatement,
    TripQuestion,
    _Versioned,
)
for _kind in _PREPARED:
    reader(_kind)


def encode(message: Message) -> bytes:
    """Return the message as UTF-8 JSON. Bytes become base64, times RFC 3339, ids hyphenated hex."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[M]) -> M:
    """Return a message of that kind from JSON.

    Raises Refused: `version_too_new` when it says a version above ours, else `malformed` naming the place.
    """
    try:
        version = reader(_Versioned).decode(data).version
        if version > MESSAGE_VERSION:
            raise Refused(Code.VERSION_TOO_NEW, f"version {version}, this side speaks {MESSAGE_VERSION}")
        return reader(kind).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(Code.MALFORMED, place_of(fault)) from None


def decode_body(parcel: Parcel) -> Any:
    """Return the body of a parcel as its message.

    Raises Refused: `version_too_new`, `unknown_kind`, or `bad_record` naming the place.
    """
    if parcel.version > MESSAGE_VERSION:
        raise Refused(Code.VERSION_TOO_NEW, f"version {parcel.version}, this side speaks {MESSAGE_VERSION}")
    kind = BODIES.get(parcel.kind)
    if kind is None:
        raise Refused(Code.UNKNOWN_KIND, f"{parcel.kind}; known are {', '.join(BODIES)}")
    try:
        return reader(kind).decode(parcel.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(Code.BAD_RECORD, place_of(fault)) from None


def decode_header(data: bytes) -> AlertHeader:
    """Return the header of an alert; raises Refused `bad_record` (or `version_too_new`)."""
    return _decode_part(data, AlertHeader)


def decode_trial_header(data: bytes) -> TrialHeader:
    """Return the header of a trial report; raises Refused `bad_record` (or `version_too_new`)."""
    return _decode_part(data, TrialHeader)


def decode_trip_header(data: bytes) -> TripHeader:
    """Return the header of a test of the whole way; raises Refused `bad_record` (or `version_too_new`)."""
    return _decode_part(data, TripHeader)


def decode_acknowledgement(data: bytes) -> AcknowledgementStatement:
    """Return what an acknowledgement states; raises Refused `bad_record` (or `version_too_new`)."""
    return _decode_part(data, AcknowledgementStatement)


def _decode_part(data: bytes, kind: type[M]) -> M:
    try:
        return decode(data, kind)
    except Refused as fault:
        raise Refused(Code.BAD_RECORD if not fault.retry else fault.code, fault.detail) from None


def place_of(fault: Exception) -> str:
    """Return what a decoder said of the place, without any value from the message, cut to a sentence."""
    text = str(fault)
    known = (
        "Object contains unknown field",
        "Object missing required field",
        "Expected `",
        "JSON is malformed",
        "Invalid",
    )
    return text[:TEXT_MAX_CHARS] if text.startswith(known) else type(fault).__name__
