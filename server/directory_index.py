r"""Finds the listed person behind an account as a device names it: `DOMAIN\\name`, `name@domain` or a bare name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from rules.accounts import parts
from server import policy_in_force
from server.month_use import Known
from server.store.models import Person


def who() -> Callable[[str], Known | None]:
    """Return what knows an account's person and group, for many questions.

    A name without a domain is the same name in any; where that could be several people it is nobody, since two
    people's use must not be one person's, nor one person's count as two.
    """
    by_name: dict[str, list[tuple[str, Known]]] = defaultdict(list)
    policy = policy_in_force.in_force()
    for person in Person.objects.all():
        name, domain = parts(person.account)
        # Never the imported group: whoever could move one person could read their use from the difference.
        group = policy.group_of(person.account) if policy is not None else None
        by_name[name].append((domain, Known(person.pk, group)))

    def find(account: str) -> Known | None:
        name, domain = parts(account)
        same = by_name.get(name, [])
        exact = [known for other, known in same if other == domain]
        near = exact or [known for other, known in same if not other or not domain]
        return near[0] if len(near) == 1 else None

    return find
