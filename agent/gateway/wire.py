"""DNS messages as bytes: what is asked, where the times to live stand, and answers made of them; nothing is rewritten.

Answers pass through as they came, so this reads only what must be known: the question, the lengths of records, and
the OPT record. No name in a record is followed, so a compression loop is only a pointer that nobody goes along.

Sources: RFC 1035 (section 4.1), RFC 6891 (EDNS), RFC 7830 and 8467 (padding), RFC 2308 (negative answers).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

HEADER_BYTES: Final = 12
NAME_MAX_BYTES: Final = 255
"""RFC 1035, section 3.1."""

QUERY_MAX_BYTES: Final = 4096
"""A question with a name, EDNS options and padding is under 1,000 bytes; more is nobody's question."""

RECORDS_MAX: Final = 4096
"""Records in one answer: 65,535 bytes hold no more of any use, and it bounds the work on a hostile one."""

RESPONSE_PAD_BYTES: Final = 468
"""RFC 8467, section 4.1: answers are padded to a multiple of this."""

QUERY_PAD_BYTES: Final = 128
"""RFC 8467, section 4.1: questions are padded to a multiple of this."""

TYPE_SOA: Final = 6
TYPE_OPT: Final = 41
CLASS_IN: Final = 1
OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING = 10, 11, 12
HOP_OPTIONS: Final = frozenset({OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING})
"""EDNS options that are between two neighbours, and never passed on (RFC 7873, 7828, 7830)."""

TRANSFER_TYPES: Final = frozenset({251, 252})
"""IXFR and AXFR: whole zones are asked of name servers, not of a resolver."""

_QR, _OPCODE, _TC, _RD, _CD, _AD = 0x8000, 0x7800, 0x0200, 0x0100, 0x0010, 0x0020
_DO: Final = 0x8000
_header = struct.Struct("!HHHHHH").unpack_from
_two = struct.Struct("!HH").unpack_from
_record = struct.Struct("!HHIH").unpack_from
_put_two = struct.Struct("!H").pack_into
_put_four = struct.Struct("!I").pack_into

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5


class Malformed(Exception):
    """Bytes that are no DNS message of the kind that was expected; `rcode` is what a client is told."""

    def __init__(self, said: str, rcode: int = FORMERR) -> None:
        super().__init__(said)
        self.rcode = rcode


class Question(NamedTuple):
    """What somebody asks. `name` is lower case without the last dot (`""` is the root); `spelled` is as it came.

    `edns` says whether there was an OPT record, `dnssec` its DO bit, `padded` whether it had the padding option, and
    `options` the options that are to be passed on, in their bytes. `version` is that of EDNS.
    """

    id: int
    flags: int
    name: str
    qtype: int
    spelled: bytes
    edns: bool
    dnssec: bool
    padded: bool
    options: bytes
    payload: int
    version: int

    @property
    def key(self) -> tuple[bytes, int, int, bool, bool] | None:
        """By which the answer is shared with others; None for what carries options, which may change the answer."""
        if self.options or self.version:
            return None
        return self.spelled.lower(), self.qtype, self.flags & (_RD | _CD | _AD), self.edns, self.dnssec


class Answer(NamedTuple):
    """A checked answer: its bytes without hop-by-hop options, where its times to live stand, and how long it keeps.

    `keeps` is in seconds, None where the answer says nothing that may be kept. `edns` is where its OPT record begins.
    """

    data: bytes
    ttls: tuple[int, ...]
    keeps: int | None
    rcode: int
    edns: int | None


# --- reading -------------------------------------------------------------------------------------------------------


def read_question(data: bytes) -> Question:
    """Return what a client asks; raises Malformed, with what to answer, for anything but one question of class IN."""
    if not HEADER_BYTES < len(data) <= QUERY_MAX_BYTES:
        raise Malformed("too short or too long for a question")
    ident, flags, questions, answers, authorities, more = _header(data)
    if flags & _QR:
        raise Malformed("an answer where a question was expected")
    if flags & _OPCODE:
        raise Malformed("an operation other than a query", NOTIMP)
    if (questions, answers, authorities) != (1, 0, 0) or more > 1:
        raise Malformed("not one question alone")
    end = _plain_name_end(data, HEADER_BYTES)
    if end + 4 > len(data):
        raise Malformed("the question is cut off")
    qtype, qclass = _two(data, end)
    spelled = data[HEADER_BYTES:end]
    if qclass != CLASS_IN:
        raise Malformed("a class other than IN", NOTIMP)
    if qtype in TRANSFER_TYPES or qtype == TYPE_OPT or qtype == 0:
        raise Malformed("a type that no resolver answers", NOTIMP)
    edns, dnssec, padded, options, payload, version = False, False, False, b"", 512, 0
    place = end + 4
    if more:
        payload, version, dnssec, padded, options, place = _read_opt_of_question(data, place)
        edns = True
    if place != len(data):
        raise Malformed("bytes after the question")
    return Question(ident, flags, _dotted(spelled), qtype, spelled, edns, dnssec, padded, options, payload, version)


def read_answer(data: bytes, question: Question) -> Answer:
    """Check what a resolver answered to a question, and return it. Raises Malformed for an answer that is none.

    The id is the transport's to compare. A name or type other than was asked is refused: a resolver that mixes two
    answers up would tell one phone what another asked.
    """
    if len(data) < HEADER_BYTES or len(data) > 65535:
        raise Malformed("too short or too long for an answer")
    _, flags, questions, answers, authorities, more = _header(data)
    if not flags & _QR or flags & _OPCODE or flags & _TC:
        raise Malformed("not a whole answer")
    if questions != 1:
        raise Malformed("not one question")
    end = _plain_name_end(data, HEADER_BYTES)
    if data[HEADER_BYTES:end].lower() != question.spelled.lower() or data[end : end + 4] != _asked(question):
        raise Malformed("an answer to another question")
    counts = answers, authorities, more
    if sum(counts) > RECORDS_MAX:
        raise Malformed("too many records")
    return _read_records(data, end + 4, counts, flags & 0xF)


def _read_records(data: bytes, place: int, counts: tuple[int, int, int], rcode: int) -> Answer:
    ttls: list[int] = []
    least: int | None = None
    negative: int | None = None
    opt: int | None = None
    opt_end = 0
    size = len(data)
    for section, count in enumerate(counts):
        for _ in range(count):
            begin = place
            place = _name_end(data, place)
            if place + 10 > size:
                raise Malformed("a record is cut off")
            rtype, _, ttl, length = _record(data, place)
            place += 10 + length
            if place > size:
                raise Malformed("a record is cut off")
            if rtype == TYPE_OPT:
                if opt is not None or section != 2 or data[begin] != 0:
                    raise Malformed("an OPT record where none may be")
                opt, opt_end = begin, place
                rcode |= (ttl >> 24) << 4
                continue
            ttls.append(place - length - 6)
            # RFC 2181, section 8: a time to live with its highest bit set counts as nought.
            ttl = 0 if ttl & 0x80000000 else ttl
            least = ttl if least is None else min(least, ttl)
            if rtype == TYPE_SOA and section == 1 and length >= 20:
                minimum = struct.unpack_from("!I", data, place - 4)[0]
                negative = min(ttl, minimum)
    if place != size:
        raise Malformed("bytes after the last record")
    keeps = _keeps(rcode, counts[0], least, negative)
    if opt is None:
        return Answer(data, tuple(ttls), keeps, rcode, None)
    return _without_hop_options(data, opt, opt_end, tuple(ttls), keeps, rcode)


def _keeps(rcode: int, answers: int, least: int | None, negative: int | None) -> int | None:
    if rcode == NOERROR and answers:
        return least
    if rcode in (NOERROR, NXDOMAIN):
        return negative
    return None


def _without_hop_options(
    data: bytes, opt: int, end: int, ttls: tuple[int, ...], keeps: int | None, rcode: int
) -> Answer:
    """The answer with what its resolver said to us alone taken out of the OPT record."""
    left, _ = _options(data, opt + 11, end)
    head = data[opt : opt + 9] + struct.pack("!H", len(left))
    moved = (opt + 11 + len(left)) - end
    shifted = tuple(place if place < opt else place + moved for place in ttls)
    return Answer(data[:opt] + head + left + data[end:], shifted, keeps, rcode, opt)


def _read_opt_of_question(data: bytes, place: int) -> tuple[int, int, bool, bool, bytes, int]:
    if place + 11 > len(data) or data[place] != 0:
        raise Malformed("a record that a question does not have")
    rtype, payload, extended, length = _record(data, place + 1)
    end = place + 11 + length
    if rtype != TYPE_OPT or end > len(data):
        raise Malformed("a record that a question does not have")
    options, padded = _options(data, place + 11, end)
    return payload, (extended >> 16) & 0xFF, bool(extended & _DO), padded, options, end


def _options(data: bytes, place: int, end: int) -> tuple[bytes, bool]:
    """The EDNS options between two places that are not hop by hop, and whether padding was among the others."""
    kept, padded = b"", False
    while place < end:
        if place + 4 > end:
            raise Malformed("an EDNS option is cut off")
        code, length = _two(data, place)
        if place + 4 + length > end:
            raise Malformed("an EDNS option is cut off")
        if code not in HOP_OPTIONS:
            kept += data[place : place + 4 + length]
        padded = padded or code == OPTION_PADDING
        place += 4 + length
    return kept, padded


def _plain_name_end(data: bytes, place: int) -> int:
    """Where a name without compression ends: the only kind that a question may have."""
    begin, size = place, len(data)
    while place < size:
        length = data[place]
        if length > 63:
            raise Malformed("a compressed or unknown label in the question")
        place += 1 + length
        if place - begin > NAME_MAX_BYTES:
            raise Malformed("a name of more than 255 bytes")
        if length == 0:
            return place
    raise Malformed("the name is cut off")


def _name_end(data: bytes, place: int) -> int:
    """Where a record's name ends. A pointer ends it, and is not followed."""
    begin, size = place, len(data)
    while place < size:
        length = data[place]
        if length >= 0xC0:
            if place + 2 > size:
                break
            return place + 2
        if length > 63:
            raise Malformed("an unknown label")
        place += 1 + length
        if place - begin > NAME_MAX_BYTES:
            raise Malformed("a name of more than 255 bytes")
        if length == 0:
            return place
    raise Malformed("a name is cut off")


def _dotted(spelled: bytes) -> str:
    """A name as text, lower case.

    A dot or an odd byte within a label is written as in a zone file, so no name of other labels reads the same.
    """
    labels, place = [], 0
    while spelled[place]:
        length = spelled[place]
        labels.append(spelled[place + 1 : place + 1 + length])
        place += 1 + length
    text = b".".join(labels)
    if b"\\" in text or text.count(b".") != max(len(labels) - 1, 0) or not text.isascii():
        return ".".join("".join(_escaped(byte) for byte in label.lower()) for label in labels)
    return text.decode("ascii").lower()


def _escaped(byte: int) -> str:
    character = chr(byte)
    return character if 32 < byte < 127 and character not in ".\\" else f"\\{byte:03d}"


def _asked(question: Question) -> bytes:
    return struct.pack("!HH", question.qtype, CLASS_IN)


# --- making --------------------------------------------------------------------------------------------------------


def query(question: Question, ident: int) -> bytes:
    """Return the question as it goes to a resolver: with its own id, padded where EDNS allows it."""
    head = struct.pack("!HHHHHH", ident, question.flags & (_RD | _CD | _AD), 1, 0, 0, int(question.edns))
    data = head + question.spelled + _asked(question)
    if not question.edns:
        return data
    fixed = len(data) + 11 + len(question.options) + 4
    padding = -fixed % QUERY_PAD_BYTES
    options = question.options + struct.pack("!HH", OPTION_PADDING, padding) + bytes(padding)
    extended = question.version << 16 | (_DO if question.dnssec else 0)
    return data + b"\0" + struct.pack("!HHIH", TYPE_OPT, max(question.payload, 512), extended, len(options)) + options


def reply(answer: Answer, question: Question, older_by: int = 0, at_most: int | None = None) -> bytes:
    """Return the answer as this client gets it: its id, its spelling of the name, and times to live that ran on.

    `older_by` is how many seconds ago it came, `at_most` a bound of every time to live (for a stale answer). It is
    padded where the client asked for that.
    """
    data = bytearray(answer.data)
    _put_two(data, 0, question.id)
    data[HEADER_BYTES : HEADER_BYTES + len(question.spelled)] = question.spelled
    if older_by or at_most is not None:
        for place in answer.ttls:
            ttl = max(int.from_bytes(data[place : place + 4], "big") - older_by, 0)
            _put_four(data, place, ttl if at_most is None else min(ttl, at_most) or at_most)
    if question.padded and answer.edns is not None:
        _pad(data, answer.edns)
    return bytes(data)


def _pad(data: bytearray, opt: int) -> None:
    length = int.from_bytes(data[opt + 9 : opt + 11], "big")
    padding = -(len(data) + 4) % RESPONSE_PAD_BYTES
    if len(data) + 4 + padding > 65535:
        return
    end = opt + 11 + length
    data[end:end] = struct.pack("!HH", OPTION_PADDING, padding) + bytes(padding)
    _put_two(data, opt + 9, length + 4 + padding)


def failure(question: Question, rcode: int = SERVFAIL) -> bytes:
    """Return an answer without records to a well-formed question."""
    flags = _QR | (question.flags & (_RD | _CD)) | 0x0080 | rcode
    data = bytearray(struct.pack("!HHHHHH", question.id, flags, 1, 0, 0, int(question.edns)))
    data += question.spelled + _asked(question)
    if question.edns:
        opt = len(data)
        data += b"\0" + struct.pack("!HHIH", TYPE_OPT, 1232, _DO if question.dnssec else 0, 0)
        if question.padded:
            _pad(data, opt)
    return bytes(data)


def refusal(data: bytes, rcode: int) -> bytes | None:
    """Return an answer without records to a question that may be malformed; None for what can't be answered at all."""
    if len(data) < HEADER_BYTES or data[2] & 0x80:
        return None
    flags = _QR | (int.from_bytes(data[2:4], "big") & (_OPCODE | _RD | _CD)) | 0x0080 | rcode
    try:
        end = _plain_name_end(data, HEADER_BYTES) + 4
    except Malformed:
        end = len(data) + 1
    whole = end <= len(data) and data[4:6] == b"\0\1"
    return data[:2] + struct.pack("!HHHHH", flags, int(whole), 0, 0, 0) + (data[HEADER_BYTES:end] if whole else b"")
