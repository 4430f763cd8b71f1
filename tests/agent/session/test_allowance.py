"""An account may say so much at once and so much a second, whatever others say and however often it comes again."""

from __future__ import annotations

from agent.session.allowance import ASK_COST, MAX_ALLOWANCES, MESSAGES_A_SECOND, MESSAGES_AT_ONCE, Allowances


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def spent(allowances: Allowances, uid: int, cost: float = 1.0) -> int:
    count = 0
    while allowances.take(uid, cost):
        count += 1
    return count


def test_it_is_used_up_and_fills_again_with_time_up_to_its_bound():
    clock = Clock()
    allowances = Allowances(clock)
    assert spent(allowances, 1) == MESSAGES_AT_ONCE
    clock.now = 2.0
    assert spent(allowances, 1) == 2 * MESSAGES_A_SECOND
    clock.now = 1e9
    assert spent(allowances, 1) == MESSAGES_AT_ONCE


def test_each_account_has_its_own_and_what_weighs_more_costs_more():
    allowances = Allowances(Clock())
    assert spent(allowances, 1, ASK_COST) == MESSAGES_AT_ONCE // ASK_COST
    assert spent(allowances, 2) == MESSAGES_AT_ONCE


def test_a_flood_of_accounts_neither_fills_memory_nor_gives_anybody_more():
    allowances = Allowances(Clock())
    spent(allowances, 0)
    for uid in range(1, 3 * MAX_ALLOWANCES):
        allowances.take(uid)
    assert len(allowances._left) == MAX_ALLOWANCES
    assert not allowances.take(0)
