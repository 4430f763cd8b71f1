"""What every question goes through, by whichever door it came: whose it is, whether it may be asked, the answer.

Names are judged only once they were answered, and an answer never waits for that. Nothing here blocks or changes one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from agent.bursts import is_of_a_person
from agent.gateway import wire
from agent.gateway.phones import Phone, Phones
from agent.gateway.wire import Malformed, Question

Door = Literal["doh", "dot"]
Note = Callable[[Phone, str, Door], None]
"""Takes a name that a phone looked up and got an answer for."""


class Answering(Protocol):
    """What the front needs of the resolver."""

    def at_once(self, question: Question) -> bytes | None:
        """The answer if it is at hand, else None."""

    async def resolve(self, question: Question) -> bytes:
        """The answer, a failure where there is none."""


class Front:
    """Takes questions from all doors."""

    def __init__(self, phones: Phones, resolver: Answering, note: Note, clock: Callable[[], float]) -> None:
        self.phones = phones
        self._resolver = resolver
        self._note = note
        self._clock = clock

    def ask(self, ident: str, data: bytes, door: Door) -> bytes | Awaitable[bytes] | None:
        """Return the answer to a question, or what to await for it; None for bytes that can't be answered at all."""
        phone = self.phones.find(ident)
        if phone is None:
            return wire.refusal(data, wire.REFUSED)
        return self.answer(phone, data, door)

    def answer(self, phone: Phone, data: bytes, door: Door) -> bytes | Awaitable[bytes] | None:
        """The same for a phone that is known."""
        if not self.phones.may_ask(phone, self._clock()):
            return wire.refusal(data, wire.REFUSED)
        try:
            question = wire.read_question(data)
        except Malformed as fault:
            self.phones.refused["malformed"] += 1
            return wire.refusal(data, fault.rcode)
        answer = self._resolver.at_once(question)
        if answer is None:
            return self._wait(phone, question, door)
        self._look(phone, question, answer, door)
        return answer

    async def _wait(self, phone: Phone, question: Question, door: Door) -> bytes:
        answer = await self._resolver.resolve(question)
        self._look(phone, question, answer, door)
        return answer

    def _look(self, phone: Phone, question: Question, answer: bytes, door: Door) -> None:
        # A name that is not there was no visit: a typing error must not read as one.
        if not answer[3] & 0xF and is_of_a_person(question.name, question.qtype):
            self._note(phone, question.name, door)
