"""Answers a question: from the cache, or from a resolver, once for all who ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from agent.gateway import wire
from agent.gateway.cache import STALE_TTL_SECONDS, Cache, Kept, Key
from agent.gateway.upstream import NoAnswer
from agent.gateway.wire import Answer, Question

STALE_AFTER_SECONDS: Final = 1.8
"""RFC 8767, section 5: so long a fresh answer is waited for before a stale one is given."""

REFRESH_SHARE: Final = 0.1
"""An answer that is asked for in its last tenth is fetched anew beside, so that popular names never wait."""

REFRESH_LEAST_SECONDS: Final = 20
"""Answers that keep for less are not refreshed before their time: each would be fetched twice."""


class _Left(NoAnswer):
    """Who fetched an answer for others too has gone: the next of them fetches it."""


class Asker(Protocol):
    """What the resolver needs of the upstreams."""

    async def ask(self, question: Question) -> Answer:
        """Return an answer; raises NoAnswer."""


class Resolver:
    """Resolves for all phones alike; it never learns who asks."""

    def __init__(self, upstreams: Asker, cache: Cache, clock: Callable[[], float]) -> None:
        self._upstreams = upstreams
        self._cache = cache
        self._clock = clock
        self._under_way: dict[Key, asyncio.Future[Answer]] = {}

    def at_once(self, question: Question) -> bytes | None:
        """Return the answer if it is at hand and fresh, without waiting; else None."""
        key = question.key
        kept = self._cache.get(key, self._clock()) if key is not None else None
        if kept is None or key is None:
            return None
        now = self._clock()
        if now >= kept.until:
            return None
        lived, life = now - kept.at, kept.until - kept.at
        if life >= REFRESH_LEAST_SECONDS and life - lived <= life * REFRESH_SHARE:
            self._fetch(key, question)
        return wire.reply(kept.answer, question, kept.age(now))

    async def resolve(self, question: Question) -> bytes:
        """Return the answer's bytes for this question: SERVFAIL where there is none, never a made-up one."""
        answer = self.at_once(question)
        if answer is not None:
            return answer
        key = question.key
        try:
            if key is None:
                return wire.reply(await self._upstreams.ask(question), question)
            stale = self._cache.get(key, self._clock())
            if stale is None:
                return wire.reply(await self._fetched_here(key, question), question)
            return await self._fresh_or_stale(self._fetch(key, question), stale, question)
        except NoAnswer:
            return wire.failure(question)

    async def _fresh_or_stale(self, fetching: asyncio.Future[Answer], stale: Kept, question: Question) -> bytes:
        try:
            async with asyncio.timeout(STALE_AFTER_SECONDS):
                answer = await asyncio.shield(fetching)
            if answer.rcode not in (wire.SERVFAIL, wire.REFUSED):
                return wire.reply(answer, question)
        except (NoAnswer, TimeoutError):
            pass
        return wire.reply(stale.answer, question, stale.age(self._clock()), STALE_TTL_SECONDS)

    async def _fetched_here(self, key: Key, question: Question) -> Answer:
        """Fetch an answer without a task for it, or wait for who asks the same already; raises NoAnswer."""
        while (others := self._under_way.get(key)) is not None:
            try:
                return await asyncio.shield(others)
            except _Left:
                continue
        shared: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._under_way[key] = shared
        try:
            answer = await self._fetch_and_keep(key, question)
        except BaseException as fault:
            shared.set_exception(NoAnswer() if isinstance(fault, NoAnswer) else _Left())
            shared.exception()  # looked at, since nobody may wait for it
            raise
        finally:
            del self._under_way[key]
        shared.set_result(answer)
        return answer

    def _fetch(self, key: Key, question: Question) -> asyncio.Future[Answer]:
        """Fetch an answer for all who wait for it; whoever stops waiting takes it from nobody."""
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = asyncio.ensure_future(self._fetch_and_keep(key, question))
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda done: self._fetched(key, done))
        return under_way

    async def _fetch_and_keep(self, key: Key, question: Question) -> Answer:
        answer = await self._upstreams.ask(question)
        self._cache.put(key, answer, self._clock())
        return answer

    def _fetched(self, key: Key, task: asyncio.Future[Answer]) -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, so that one that nobody waits for any more is not reported
