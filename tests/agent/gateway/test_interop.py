"""Interop: the names of a busy day pass through both doors as a plain resolver answers them, but for id and time."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from uuid import UUID

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from agent.gateway import wire
from agent.gateway.doh import Doh
from agent.gateway.dot import Dot, Tls
from agent.gateway.phones import hash_of
from tests.agent.gateway.doors import ALICE, Desk, TlsClient, free_port
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver
from tests.agent.gateway.test_doh import Client

IDENTS = [letter * 26 for letter in "abcd"]
POPULAR = Path(__file__).parents[3] / "rules" / "popular.txt"
SITES = [line for line in POPULAR.read_text().split("\n") if line and not line.startswith("#")]
BESIDE = ("www.", "cdn.", "api.", "static.", "_8443._https.", "login.")
SIGNATURE = "A 13 3 300 20301231000000 20260101000000 12345 example. " + "q" * 86 + "=="
RECORDS = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "HTTPS": ['1 . alpn="h3,h2" ipv4hint=192.0.2.1'],
    "TXT": ['"v=spf1 -all"', '"' + "x" * 250 + '" "' + "y" * 250 + '"'],
    "MX": ["10 mail.example.", "20 mail2.example."],
    "SRV": ["1 2 443 host.example."],
    "CAA": ['0 issue "letsencrypt.org"'],
    "DS": ["12345 13 2 " + "ab" * 32],
    "DNSKEY": ["257 3 13 " + "A" * 86 + "=="],
    "NAPTR": ['100 10 "u" "sip+E2U" "!^.*$!sip:info@example.!" .'],
    "LOC": ["52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"],
    "TYPE65400": [r"\# 5 0102030405"],
}


def answer(question: dns.message.Message) -> bytes:
    """The same answer to the same question, whoever asks."""
    asked = question.question[0]
    signed = bool(question.ednsflags & dns.flags.DO)
    key = asked.name, asked.rdtype, question.flags, question.edns, signed
    if key not in KEPT:
        KEPT[key] = made(question)
    return KEPT[key]


KEPT: dict[tuple[object, ...], bytes] = {}


def made(question: dns.message.Message) -> bytes:
    """An answer that depends on the question alone: plain, through a chain, signed, large, or negative."""
    asked = question.question[0]
    draw = hashlib.sha256(asked.name.to_text().lower().encode() + bytes([asked.rdtype & 0xFF])).digest()
    whole = dns.message.make_response(question, recursion_available=True, our_payload=1232)
    name = asked.name
    if draw[0] < 60:  # a chain
        for step in range(draw[1] % 4 + 1):
            target = dns.name.from_text(f"edge{step}.delivery{draw[2]}.example.")
            whole.answer.append(dns.rrset.from_text(name, 300 - step, "IN", "CNAME", target.to_text()))
            name = target
    kind = dns.rdatatype.to_text(asked.rdtype)
    if draw[0] % 8 == 7 or kind not in RECORDS:
        whole.set_rcode(dns.rcode.NXDOMAIN if draw[3] % 2 else dns.rcode.NOERROR)
        soa = "ns.example. host.example. 2026112601 7200 3600 1209600 300"
        whole.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", soa))
    else:
        texts = RECORDS[kind] * (1 if draw[3] % 9 else 1 + draw[4] % 30)
        rows = [text.replace("192.0.2.1", f"192.0.2.{at % 250}") for at, text in enumerate(texts)]
        whole.answer.append(dns.rrset.from_text(name, 60 + draw[5], "IN", kind, *dict.fromkeys(rows)))
    if question.ednsflags & dns.flags.DO:
        whole.flags |= dns.flags.AD
        whole.answer.append(dns.rrset.from_text(name, 60, "IN", "RRSIG", SIGNATURE))
    return whole.to_wire(max_size=65535)


def day() -> list[bytes]:
    """The questions of a busy day: popular sites and what stands beside them, in the types that phones ask for."""
    found = []
    for at, site in enumerate(SITES):
        for beside in ("", BESIDE[at % len(BESIDE)]):
            name = dns.name.from_text((beside + site).upper() if at % 10 == 3 else beside + site)
            kinds = ("A", "AAAA", "HTTPS", list(RECORDS)[3 + at % (len(RECORDS) - 3)])
            for kind in kinds:
                asked = dns.message.make_query(
                    name, kind, use_edns=at % 5 != 0, want_dnssec=at % 5 == 2, payload=1232, id=len(found)
                )
                if at % 7 == 1:
                    asked.flags |= dns.flags.CD
                found.append(asked.to_wire())
    odd = [
        dns.name.Name([bytes([0, 46, 92, 255]), b"example", b""]),
        dns.name.root,
        dns.name.Name([b"x" * 63] * 3 + [b""]),
    ]
    found += [dns.message.make_query(name, "A", id=len(found) + at).to_wire() for at, name in enumerate(odd)]
    return found


def plain(data: bytes, question: bytes) -> bytes:
    """An answer with its id and its times to live at nought: what may differ."""
    read = wire.read_answer(data, wire.read_question(question))
    whole = bytearray(read.data)
    whole[:2] = b"\0\0"
    for place in read.ttls:
        whole[place : place + 4] = b"\0\0\0\0"
    return bytes(whole)


def test_a_busy_day_passes_through_both_doors_as_a_plain_resolver_answers_it(files):
    asked = day()
    assert len(asked) > 900

    async def opened():
        async with Resolver(files, says=lambda asked: asked.id.to_bytes(2, "big") + answer(asked)[2:]) as resolver:
            desk = Desk(files, resolver, answer_seconds=60.0)  # a busy machine's pauses are not the matter here
            desk.phones.replace([(hash_of(one), ALICE._replace(device=UUID(int=at))) for at, one in enumerate(IDENTS)])
            dot, doh = Dot(desk.front, Tls(*map(str, files)), desk.front._clock), Doh(desk.front, *files)
            port = free_port()
            await dot.start("127.0.0.1", 0)
            await doh.start("127.0.0.1", port)
            try:
                by_tls = await _by_tls(files, dot.port, asked)
                by_https = await asyncio.to_thread(_by_https, files, port, asked)
            finally:
                await dot.stop()
                await doh.stop()
                desk.upstreams.close()
            return by_tls, by_https

    doors = run_apart(opened())
    for at, question in enumerate(asked):
        expected = answer(dns.message.from_wire(question))
        for told in doors:
            assert told[at][:2] == question[:2]
            assert plain(told[at], question) == plain(expected, question), dns.message.from_wire(question).question


async def _by_tls(files, port, asked):
    """As many at once as a connection takes, from several phones, since each may ask only so much a second."""
    found = {}
    for first, ident in enumerate(IDENTS):
        async with TlsClient(files, port, f"{ident}.gateway.test") as phone:
            mine = asked[first :: len(IDENTS)]
            for start in range(0, len(mine), 100):
                part = mine[start : start + 100]
                for one in part:
                    phone.send(one)
                for _ in part:
                    said = await phone.receive()
                    found[said[:2]] = said
    return [found[one[:2]] for one in asked]


def _by_https(files, port, asked):
    clients = [(Client(files, port), f"/d/{ident}/dns-query") for ident in IDENTS]
    found = []
    for at, one in enumerate(asked):
        client, path = clients[at % len(IDENTS)]
        status, body, _ = client.say("POST", path, one)
        assert status == 200
        found.append(body)
    for client, _ in clients:
        client.close()
    return found
