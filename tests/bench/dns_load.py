"""Asks a resolver over TLS or HTTPS as many phones do: as fast as it answers, at a steady pace, or page by page.

Run as a script by `gateway`: `dns_load.py PLAN.json`; prints JSON. A plan names doors (how they are spoken to, where,
and for which phones), names to ask for, and what to do. HTTP/2 is written by hand, frame by frame: a library for it
would spend more time on a question than the resolvers that are measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
TYPES = (1, 28, 65)  # what a phone asks for each name
CONNECT_SECONDS, LAST_SECONDS = 20.0, 5.0
Answered = Callable[[int, bool], None]


def question(name: str, qtype: int) -> bytes:
    """A question with an OPT record and without an id, as phones ask."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = struct.pack("!HHHHHH", 0, 0x0100, 1, 0, 0, 1)
    return head + labels + b"\0" + struct.pack("!HH", qtype, 1) + b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


class Line(asyncio.Protocol):
    """A connection on which questions are asked; `answered(number, is_good)` is told of each answer."""

    def __init__(self, answered: Answered) -> None:
        self.answered = answered
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _fault: Exception | None) -> None:
        self.lost = True

    def close(self) -> None:
        """End it."""
        if self.transport is not None:
            self.transport.abort()

    def ask(self, questions: list[bytes], first: int) -> None:
        """Send questions at once, numbered from `first`."""
        raise NotImplementedError


class TlsLine(Line):
    """RFC 7858: each message behind its length."""

    def ask(self, questions: list[bytes], first: int) -> None:
        assert self.transport is not None
        data = b""
        for at, one in enumerate(questions, first):
            data += struct.pack("!HH", len(one), at & 0xFFFF) + one[2:]
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        place, size = 0, len(buffer)
        while size - place >= 2:
            length = buffer[place] << 8 | buffer[place + 1]
            if size - place - 2 < length:
                break
            self.answered(buffer[place + 2] << 8 | buffer[place + 3], not buffer[place + 5] & 0xF)
            place += 2 + length
        self._buffer = buffer[place:]


class HttpsLine(Line):
    """RFC 8484 by POST over HTTP/2."""

    def __init__(self, answered: Answered, path: str, authority: str) -> None:
        super().__init__(answered)
        self._path, self._authority = path.encode(), authority.encode()
        self._good: dict[int, bool] = {}
        self._next = 1
        self._numbers: dict[int, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        windows = struct.pack("!HI", 4, 0x7FFFFFFF)  # as large as there is: nothing waits for a window
        self.transport.write(
            PREFACE + _frame(SETTINGS, 0, 0, windows) + _frame(WINDOW, 0, 0, struct.pack("!I", 0x7FFF0000))
        )

    def ask(self, questions: list[bytes], first: int) -> None:
        assert self.transport is not None
        data = b""
        for at, one in enumerate(questions, first):
            length = str(len(one)).encode()
            block = (
                b"\x83\x87"
                 b"\x04" + bytes([len(self._path)]) + self._path
                + b"\x01" + bytes([len(self._authority)]) + self._authority
                + b"\x0f\x10\x17application/dns-message"
                + b"\x0f\x04\x17application/dns-message"
                + b"\x0f\x0d" + bytes([len(length)]) + length
            )  # fmt: skip
            stream, self._next = self._next, self._next + 2
            self._numbers[stream] = at & 0xFFFF
            data += _frame(HEADERS, END_HEADERS, stream, block) + _frame(DATA, END_STREAM, stream, one)
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        buffer = self._buffer + data
        place, size = 0, len(buffer)
        while size - place >= 9:
            length = buffer[place] << 16 | buffer[place + 1] << 8 | buffer[place + 2]
            end = place + 9 + length
            if end > size:
                break
            kind, flags = buffer[place + 3], buffer[place + 4]
            stream = int.from_bytes(buffer[place + 5 : place + 9], "big")
            if kind == DATA and length > 3:
                self._good[stream] = not buffer[place + 12] & 0xF
            elif kind in (SETTINGS, PING) and not flags & ACK:
                body = b"" if kind == SETTINGS else buffer[place + 9 : end]
                self.transport.write(_frame(kind, ACK, 0, body))
            elif kind == GOAWAY:
                self.close()
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.answered(self._numbers.pop(stream), self._good.pop(stream, False))
            place = end
        self._buffer = buffer[place:]


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack("!I", len(body))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + body


class Door:
    """Where to ask, and how: `kind` is dot or doh, `ident` of a phone goes into the server name or the path."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.kind, self.port = said["kind"], said["port"]
        self.name, self.path = said["name"], said.get("path", "/dns-query")
        self._trust = ssl.create_default_context(cafile=said["authority"])
        self._trust.set_alpn_protocols(["dot"] if self.kind == "dot" else ["h2"])

    async def open(self, ident: str, answered: Answered) -> Line:
        """Connect as the phone of that id."""
        name = f"{ident}.{self.name}" if ident and self.kind == "dot" else self.name
        path = f"/d/{ident}/dns-query" if ident else self.path

        def make() -> Line:
            return TlsLine(answered) if self.kind == "dot" else HttpsLine(answered, path, self.name)

        async with asyncio.timeout(CONNECT_SECONDS):
            _, line = await asyncio.get_running_loop().create_connection(
                make, "127.0.0.1", self.port, ssl=self._trust, server_hostname=name
            )
        return line


async def flood(door: Door, plan: dict[str, Any], names: Iterator[bytes]) -> dict[str, Any]:
    """Keep `window` questions under way on each of the phones' connections, for so many seconds after a warm-up."""
    good = bad = 0
    ended = False
    lines: list[Line] = []

    def asker(window: int) -> Answered:
        place = len(lines)
        due = 0

        def answered(_number: int, is_good: bool) -> None:
            nonlocal good, bad, due
            good += is_good
            bad += not is_good
            due += 1
            if due >= window // 2 and not ended:
                lines[place].ask([next(names) for _ in range(due)], 0)
                due = 0

        return answered

    window = plan["window"]
    for ident in plan["idents"]:
        lines.append(await door.open(ident, asker(window)))  # noqa: PERF401 - each asker knows its place among them
    for line in lines:
        line.ask([next(names) for _ in range(window)], 0)
    await asyncio.sleep(plan["warm"])
    _say("begin")
    began, good, bad = time.monotonic(), 0, 0
    await asyncio.sleep(plan["seconds"])
    took, counted, failed = time.monotonic() - began, good, bad
    _say("end")
    ended = True
    lost = sum(line.lost for line in lines)
    for line in lines:
        line.close()
    return {"answers": counted, "bad": failed, "seconds": took, "lost": lost}


async def pace(doors: list[Door], plan: dict[str, Any], names: Iterator[bytes]) -> dict[str, Any]:
    """Ask each door in turn for the same names, so many questions a second each, and say how long answers took.

    In milliseconds, the median and the 99th percentile. Each door's phones take turns, and a number is that of the
    connection, so one that comes back late counts for itself.
    """
    taken: list[list[float]] = [[] for _ in doors]
    bad = [0] * len(doors)
    lines: list[list[Line]] = []
    for place, door in enumerate(doors):
        own = []
        for ident in plan["idents"] if plan["known"][place] else plan["idents"][:1]:
            sent: dict[int, float] = {}

            def answered(number: int, is_good: bool, sent: dict[int, float] = sent, place: int = place) -> None:
                taken[place].append((time.perf_counter() - sent.pop(number)) * 1000)
                bad[place] += not is_good

            line = await door.open(ident if plan["known"][place] else "", answered)
            line.sent = sent  # type: ignore[attr-defined]
            own.append(line)
        lines.append(own)
    gap = 1 / plan["rate"] / len(doors)
    begin = time.perf_counter() + 0.5
    warm = plan["rate"] * 2
    for number in range(int(plan["rate"] * plan["seconds"]) + warm):
        if number == warm:
            for one in taken:
                one.clear()
        asked = next(names)
        for place, own in enumerate(lines):
            wait = begin + (number * len(doors) + place) * gap - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            line = own[number % len(own)]
            line.sent[number & 0xFFFF] = time.perf_counter()  # type: ignore[attr-defined]
            line.ask([asked], number)
    await asyncio.sleep(LAST_SECONDS / 5)
    for own in lines:
        for line in own:
            line.close()
    return {"ms": [[sorted(one)[int(len(one) * share)] for share in (0.5, 0.99)] for one in taken], "bad": bad}


async def pages(doors: list[Door], plan: dict[str, Any], names: Iterator[bytes]) -> dict[str, Any]:
    """Open pages as phones that were asleep do: connect, ask for a page's names in a breath, close a while later.

    `rate` is questions a second over all phones, `names` how many a page has; each is asked for in three types.
    """
    chance = random.Random(5)
    asked = good = bad = failed = late = 0
    running: set[asyncio.Task[None]] = set()
    ended = time.perf_counter() + plan["seconds"]

    async def page(door: Door, ident: str) -> None:
        nonlocal asked, good, bad, failed

        left = plan["names"] * len(TYPES)
        over = asyncio.Event()

        def answered(_number: int, is_good: bool) -> None:
            nonlocal good, bad, left
            good += is_good
            bad += not is_good
            left -= 1
            if not left:
                over.set()

        try:
            line = await door.open(ident, answered)
        except (OSError, TimeoutError):
            failed += 1
            return
        for part in range(3):  # the page's own name, then those that it brings in two waves
            some = [1, plan["names"] // 2, plan["names"] - 1 - plan["names"] // 2][part]
            line.ask([next(names) for _ in range(some * len(TYPES))], 0)
            asked += some * len(TYPES)
            await asyncio.sleep(0.15)
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await over.wait()
        except TimeoutError:
            failed += 1
        await asyncio.sleep(plan["idle"])
        line.close()

    gap = plan["names"] * len(TYPES) / plan["rate"]
    due = time.perf_counter()
    _say("begin")
    began = time.perf_counter()
    while time.perf_counter() < ended:
        due += chance.expovariate(1 / gap)
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        late = max(late, -wait)
        task = asyncio.ensure_future(page(chance.choice(doors), chance.choice(plan["idents"])))
        running.add(task)
        task.add_done_callback(running.discard)
    took, in_time = time.perf_counter() - began, good
    _say("end")
    await asyncio.gather(*running)
    return {
        "asked": asked,
        "good": good,
        "bad": bad,
        "failed": failed,
        "seconds": took,
        "late": late,
        "in_time": in_time,
    }


def _say(word: str) -> None:
    print(word, file=sys.stderr, flush=True)


def _names(plan: dict[str, Any]) -> Iterator[bytes]:
    """Questions: of names that popular ones lead (as browsing does), or of names that nobody asked for before."""
    chance = random.Random(plan.get("seed", 1))
    if plan["fresh"]:
        number = 0
        while True:
            number += 1
            yield question(f"n{plan.get('seed', 1)}-{number}.example.com", 1)
    known = [question(name, qtype) for name in plan["hosts"] for qtype in TYPES]
    weights = [1 / (1 + place // len(TYPES)) for place in range(len(known))]
    while True:
        yield from chance.choices(known, weights, k=4096)


def main() -> None:
    """Do what the plan says."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    doors = [Door(one) for one in plan["doors"]]
    names = _names(plan)
    work = {"flood": lambda: flood(doors[0], plan, names), "pace": lambda: pace(doors, plan, names)}
    work["pages"] = lambda: pages(doors, plan, names)
    print(json.dumps(asyncio.run(work[plan["do"]]())))


if __name__ == "__main__":
    main()
