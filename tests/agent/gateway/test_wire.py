"""Messages as bytes, held against dnspython as a second reader, and against bytes that are no messages."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.gateway import wire
from agent.gateway.wire import Malformed

LABEL = st.text("abcXYZ0189-_", min_size=1, max_size=12)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(lambda labels: ".".join(labels) + ".")
TYPES = st.sampled_from(["A", "AAAA", "HTTPS", "TXT", "MX", "SRV", "NS", "SOA", "CNAME", "TYPE65400"])


def asked(name="www.Example.org.", kind="A", **edns):
    return dns.message.make_query(name, kind, **edns)


def answered(question, *rrsets, authority=(), rcode=0, **edns):
    answer = dns.message.make_response(question, recursion_available=True)
    answer.answer = [dns.rrset.from_text(*one) for one in rrsets]
    answer.authority = [dns.rrset.from_text(*one) for one in authority]
    answer.set_rcode(rcode)
    if edns:
        answer.use_edns(**edns)
    return answer


@given(NAME, TYPES, st.booleans(), st.booleans(), st.booleans())
def test_a_question_reads_as_dnspython_wrote_it(name, kind, edns, dnssec, disabled):
    made = asked(name, kind, use_edns=edns, want_dnssec=edns and dnssec)
    made.flags |= dns.flags.CD if disabled else 0
    read = wire.read_question(made.to_wire())
    assert (read.id, read.name) == (made.id, name.rstrip(".").lower())
    assert read.qtype == dns.rdatatype.from_text(kind)
    assert (read.edns, read.dnssec) == (edns, edns and dnssec)


@given(NAME, TYPES, st.booleans(), st.booleans())
def test_what_goes_to_a_resolver_is_the_same_question_padded_to_128_bytes(name, kind, edns, dnssec):
    made = asked(name, kind, use_edns=edns, want_dnssec=edns and dnssec)
    sent = wire.query(wire.read_question(made.to_wire()), 4711)
    read = dns.message.from_wire(sent)
    assert read.id == 4711
    assert read.question == made.question
    assert read.flags == made.flags
    assert (read.edns, read.ednsflags) == (made.edns, made.ednsflags)
    assert not edns or len(sent) % wire.QUERY_PAD_BYTES == 0


def test_options_of_the_neighbour_stay_with_it_and_others_pass():
    cookie, subnet = dns.edns.GenericOption(10, b"12345678"), dns.edns.ECSOption("192.0.2.0", 24)
    made = asked(use_edns=0, options=[cookie, subnet, dns.edns.GenericOption(12, bytes(9))])
    read = wire.read_question(made.to_wire())
    assert read.padded
    assert read.key is None
    passed = dns.message.from_wire(wire.query(read, 1)).options
    assert [option.otype for option in passed] == [8, 12]


def test_questions_that_differ_in_spelling_alone_share_an_answer_and_others_do_not():
    def key(**more):
        return wire.read_question(asked(**more).to_wire()).key

    assert key(name="WWW.example.ORG.") == key()
    assert len({key(), key(kind="AAAA"), key(use_edns=0), key(use_edns=0, want_dnssec=True), key(name="a.org.")}) == 5


SOA = ("example.org.", 900, "IN", "SOA", "ns.example.org. host.example.org. 1 2 3 4 300")


def test_an_answer_passes_byte_for_byte_but_for_id_and_times():
    made = asked(use_edns=0, want_dnssec=True)
    given_ = answered(
        made,
        ("www.example.org.", 300, "IN", "CNAME", "real.example.net."),
        ("real.example.net.", 60, "IN", "A", "192.0.2.7", "192.0.2.8"),
        ("real.example.net.", 60, "IN", "TYPE65400", r"\# 4 01020304"),
        edns=0,
    )
    question = wire.read_question(made.to_wire())
    data = given_.to_wire()
    answer = wire.read_answer(b"\xab\xcd" + data[2:], question)
    assert answer.keeps == 60
    assert wire.reply(answer, question) == data
    older = dns.message.from_wire(wire.reply(answer, question, older_by=20))
    assert [rrset.ttl for rrset in older.answer] == [280, 40, 40]
    assert [rrset.to_rdataset() for rrset in older.answer] == [rrset.to_rdataset() for rrset in given_.answer]
    stale = dns.message.from_wire(wire.reply(answer, question, older_by=4000, at_most=30))
    assert {rrset.ttl for rrset in stale.answer} == {30}


def test_the_spelling_of_the_one_who_asks_comes_back():
    first, second = asked("WwW.eXample.org."), asked("www.example.ORG.")
    answer = wire.read_answer(answered(first).to_wire(), wire.read_question(first.to_wire()))
    back = wire.reply(answer, wire.read_question(second.to_wire()))
    assert second.question[0].name.to_wire() in back


@pytest.mark.parametrize(("rcode", "keeps"), [(0, 300), (3, 300), (2, None), (5, None)])
def test_a_negative_answer_keeps_for_its_zones_time_and_a_failure_not_at_all(rcode, keeps):
    made = asked()
    given_ = answered(made, authority=[SOA], rcode=rcode)
    assert wire.read_answer(given_.to_wire(), wire.read_question(made.to_wire())).keeps == keeps


def test_an_answer_is_padded_where_that_was_asked_for_and_only_there():
    plain, padded = asked(use_edns=0), asked(use_edns=0, options=[dns.edns.GenericOption(12, bytes(3))])
    given_ = answered(plain, ("www.example.org.", 300, "IN", "A", "192.0.2.7"), edns=0)
    answer = wire.read_answer(given_.to_wire(), wire.read_question(plain.to_wire()))
    back = wire.reply(answer, wire.read_question(padded.to_wire()))
    assert len(back) % wire.RESPONSE_PAD_BYTES == 0
    assert dns.message.from_wire(back).answer == given_.answer
    assert len(wire.reply(answer, wire.read_question(plain.to_wire()))) == len(given_.to_wire())


def test_padding_between_us_and_the_resolver_is_taken_out_and_times_still_run_on():
    made = asked(use_edns=0)
    given_ = answered(made, ("www.example.org.", 300, "IN", "A", "192.0.2.7"), edns=0)
    given_.use_edns(options=[dns.edns.GenericOption(12, bytes(200)), dns.edns.GenericOption(3, b"ns1")])
    question = wire.read_question(made.to_wire())
    back = dns.message.from_wire(wire.reply(wire.read_answer(given_.to_wire(), question), question, older_by=100))
    assert [option.otype for option in back.options] == [3]
    assert back.answer[0].ttl == 200


HEAD = struct.Struct("!HHHHHH").pack
WWW = b"\3www\7example\3org\0"


@pytest.mark.parametrize(
    ("data", "rcode"),
    [
        (b"", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0), 1),
        (HEAD(1, 0x8100, 1, 0, 0, 0) + WWW + b"\0\1\0\1", 1),
        (HEAD(1, 0x2900, 1, 0, 0, 0) + WWW + b"\0\1\0\1", 4),
        (HEAD(1, 0x100, 2, 0, 0, 0) + WWW + b"\0\1\0\1", 1),
        (HEAD(1, 0x100, 1, 1, 0, 0) + WWW + b"\0\1\0\1", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\1\0\3", 4),
        (HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\xfc\0\1", 4),
        (HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\1\0\1rest", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + b"\3www\xc0\x0c\0\1\0\1", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + b"\x3fshort", 1),
        (HEAD(1, 0x100, 1, 0, 0, 1) + WWW + b"\0\1\0\1" + b"\0\0\x29", 1),
        (HEAD(1, 0x100, 1, 0, 0, 1) + WWW + b"\0\1\0\1" + b"\0\0\x29\4\0\0\0\0\0\0\4\0\x0c\0\x09", 1),
        (HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\1\0\1" + b"x" * 5000, 1),
    ],
)
def test_what_is_no_question_is_refused_with_its_code(data, rcode):
    with pytest.raises(Malformed) as said:
        wire.read_question(data)
    assert said.value.rcode == rcode
    refused = wire.refusal(data, rcode)
    if refused is not None:
        # Read by hand: dnspython takes other operations for messages of other shapes.
        ident, flags, questions = struct.unpack_from("!HHH", refused)
        assert (ident, flags & 0x8000, flags & 0xF, questions <= 1) == (1, 0x8000, rcode, True)


def answer_with(records, count, question=WWW + b"\0\1\0\1"):
    return HEAD(1, 0x8180, 1, count, 0, 0) + question + records


ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\7"


@pytest.mark.parametrize(
    "data",
    [
        answer_with(b"", 0)[:11],
        answer_with(ADDRESS, 2),
        answer_with(ADDRESS[:-1], 1),
        answer_with(ADDRESS + b"x", 1),
        answer_with(b"\x80\0" + ADDRESS[2:], 1),
        answer_with(b"\xc0", 1),
        answer_with(ADDRESS, 1, b"\3www\7exbmple\3org\0\0\1\0\1"),
        answer_with(ADDRESS, 1, WWW + b"\0\x1c\0\1"),
        HEAD(1, 0x8380, 1, 0, 0, 0) + WWW + b"\0\1\0\1",
        HEAD(1, 0x0180, 1, 0, 0, 0) + WWW + b"\0\1\0\1",
        HEAD(1, 0x8180, 1, 0xFFFF, 0xFFFF, 0xFFFF) + WWW + b"\0\1\0\1",
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(data):
    question = wire.read_question(HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\1\0\1")
    with pytest.raises(Malformed):
        wire.read_answer(data, question)


def test_a_compression_loop_is_a_pointer_that_nobody_follows():
    question = wire.read_question(HEAD(1, 0x100, 1, 0, 0, 0) + WWW + b"\0\1\0\1")
    place = 12 + len(WWW) + 4
    loop = struct.pack("!H", 0xC000 | place) + ADDRESS[2:]
    assert wire.read_answer(answer_with(loop, 1), question).keeps == 300


@given(st.binary(max_size=300))
@example(HEAD(1, 0x100, 1, 0, 0, 0) + b"\0\0\1\0\1")
def test_any_bytes_are_a_question_or_refused(data):
    try:
        question = wire.read_question(data)
    except Malformed:
        refused = wire.refusal(data, 1)
        assert refused is None or len(refused) <= max(len(data), wire.HEADER_BYTES)
    else:
        assert wire.read_question(wire.query(question, 7)).spelled == question.spelled


@given(st.data(), st.integers(0, 4000))
def test_an_answer_with_bytes_changed_or_cut_off_is_read_or_refused_and_never_more(data, older_by):
    made = asked(use_edns=0)
    question = wire.read_question(made.to_wire())
    good = answered(
        made,
        ("www.example.org.", 300, "IN", "CNAME", "real.example.net."),
        ("real.example.net.", 60, "IN", "A", "192.0.2.7"),
        authority=[SOA],
        edns=0,
    ).to_wire()
    spoilt = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for place in data.draw(st.lists(st.integers(0, max(len(spoilt) - 1, 0)), max_size=6)):
        if spoilt:
            spoilt[place] = data.draw(st.integers(0, 255))
    try:
        answer = wire.read_answer(bytes(spoilt), question)
    except Malformed:
        return
    assert len(wire.reply(answer, question, older_by)) == len(answer.data)


@given(NAME)
def test_no_two_names_read_the_same(name):
    made = dns.name.from_text(name)
    dotted = dns.name.Name((b"".join(made.labels[:1]) + b".x", *made.labels[1:]))
    plain = dns.name.from_text(made.labels[0].decode() + ".x." + ".".join(one.decode() for one in made.labels[1:]))
    texts = {wire.read_question(dns.message.make_query(one, "A").to_wire()).name for one in (dotted, plain)}
    assert len(texts) == 2


def test_every_vector_is_read_and_sent_on_as_it_says_or_refused_with_its_code(vectors):
    rows = [one for one in vectors("gateway") if "question" in one]
    assert len(rows) > 8
    for vector in rows:
        data = bytes.fromhex(vector["question"])
        if vector["refusal"] is not None:
            with pytest.raises(wire.Malformed) as refused:
                wire.read_question(data)
            assert refused.value.rcode == vector["refusal"], vector["name"]
            continue
        read = wire.read_question(data)
        assert (read.name, read.qtype, read.padded) == (vector["asked"], vector["type"], vector["padded"])
        assert wire.query(read, 4660).hex() == vector["sent"], vector["name"]
        assert dns.message.from_wire(bytes.fromhex(vector["sent"])).id == 4660
