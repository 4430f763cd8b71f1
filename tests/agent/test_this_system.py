"""The laptop's service has from its system what that has, and nothing of another's."""

from __future__ import annotations

import os
import sys

import pytest

from agent import this_system
from agent.people_here import is_person
from agent.session.address import person_of_uid
from agent.sources.resolved import Resolved
from agent.windows.dns_cache import DnsCache


class Ear:
    """Who would be told names."""

    trouble = ""

    def note(self, name: str, qtype: int) -> None: ...

    def turn(self) -> float | None: ...

    def forget(self) -> None: ...


@pytest.mark.parametrize(("platform", "kind"), [("linux", Resolved), ("darwin", Resolved), ("win32", DnsCache)])
def test_names_are_heard_where_the_system_has_them(platform, kind):
    assert isinstance(this_system.names_looked_up(Ear(), lambda _health: None, platform), kind)
    assert this_system.lookups_come_in_order(platform) is (kind is Resolved)


def test_an_executable_has_the_identity_that_lists_of_this_system_use():
    assert any(name.startswith("linux:") for name in this_system.identities("linux")(sys.executable))
    with pytest.raises(OSError, match="library of Windows"):
        this_system.identities("win32")


def test_who_runs_this_is_here_where_they_are_a_person():
    assert (person_of_uid(os.getuid()) in this_system.people_here()()) is is_person(os.getuid())
