"""Whose something is, is Windows' word: the token that came with a pipe, the owner of a thing, the name of a SID."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from agent.windows.accounts import Accounts
from tests.agent.windows.answers import Library, fill

SAM = "S-1-5-21-1-2-3-1001"
USER, GROUP = 1, 2


class Answers:
    """A machine whose SIDs are their own text, kept in memory of ours."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.closed: list[int] = []
        self.freed = 0
        self.impersonates = self.reverts = self.has_token = True
        self.user = SAM
        self.owner = "S-1-5-32-544"
        self.names = {SAM: ("Sam.Smith", USER), "S-1-5-18": ("SYSTEM", 5), "S-1-5-32-545": ("Users", GROUP)}
        self.acts_as: list[str] = []

    def accounts(self) -> Accounts:
        advapi = Library(
            ImpersonateNamedPipeClient=lambda pipe: self.impersonates and (self.acts_as.append("client") or 1),
            RevertToSelf=lambda: self.reverts and (self.acts_as.append("itself") or 1),
            OpenThreadToken=lambda thread, rights, as_self, into: self.has_token and fill(into, 70),
            OpenProcessToken=lambda process, rights, into: fill(into, 71),
            GetTokenInformation=self._told,
            ConvertSidToStringSidW=lambda sid, into: fill(into, self._address(ctypes.wstring_at(sid))),
            ConvertStringSidToSidW=lambda text, into: text.startswith("S-1-") and fill(into, self._address(text)),
            LookupAccountSidW=self._account,
            GetSecurityInfo=self._security,
        )
        kernel = Library(
            GetCurrentProcess=lambda: 1,
            GetCurrentThread=lambda: 2,
            CloseHandle=lambda handle: self.closed.append(getattr(handle, "value", handle)),
            LocalFree=self._free,
        )
        return Accounts(advapi, kernel)

    def _address(self, text: str) -> int:
        self.kept.append(ctypes.create_unicode_buffer(text))
        return ctypes.addressof(self.kept[-1])

    def _told(self, token: Any, kind: int, into: Any, room: int, size: Any) -> int:
        ctypes.c_void_p.from_buffer(into).value = self._address(self.user if kind == 1 else self.owner)
        return 1

    def _account(self, machine: None, sid: Any, name: Any, room: Any, domain: Any, more: Any, kind: Any) -> int:
        known = self.names.get(ctypes.wstring_at(sid.value))
        if known is None:
            return 0
        name.value, kind._obj.value = known
        return 1

    def _security(self, handle, kind, what, owner, group, access, audit, descriptor) -> int:
        if handle == 0:
            return 6
        return fill(owner, self._address(self.owner)) - fill(descriptor, 1)

    def _free(self, place: Any) -> None:
        self.freed += 1


@pytest.fixture
def answers() -> Answers:
    return Answers()


def test_who_is_at_the_other_end_is_the_token_that_they_came_with(answers: Answers) -> None:
    assert answers.accounts().of_pipe_client(9) == SAM
    assert answers.acts_as == ["client", "itself"]
    assert answers.closed == [70]


def test_who_can_not_be_told_is_nobody(answers: Answers) -> None:
    answers.has_token = False
    assert answers.accounts().of_pipe_client(9) is None
    assert answers.acts_as == ["client", "itself"]
    answers.impersonates = False
    assert answers.accounts().of_pipe_client(9) is None


def test_going_on_with_another_persons_rights_is_no_way_to_go_on(answers: Answers) -> None:
    answers.reverts = False
    with pytest.raises(SystemError):
        answers.accounts().of_pipe_client(9)


@pytest.mark.parametrize(
    ("sid", "name"),
    [(SAM, "sam.smith"), ("S-1-5-18", None), ("S-1-5-32-545", None), ("S-1-5-21-9", None), ("no sid", None)],
)
def test_only_a_persons_account_has_a_name(answers: Answers, sid: str, name: str | None) -> None:
    assert answers.accounts().name_of(sid) == name


def test_whose_a_pipe_is_and_whose_is_what_this_process_makes(answers: Answers) -> None:
    assert answers.accounts().owner_of_pipe(9) == "S-1-5-32-544"
    assert answers.accounts().owner_of_pipe(0) is None
    assert answers.accounts().maker() == "S-1-5-32-544"
    assert answers.freed == 3


def test_whose_a_process_is_is_the_token_that_it_runs_with(answers: Answers) -> None:
    assert answers.accounts().of_process(5) == SAM
    assert answers.closed == [71]


@pytest.mark.more
def test_on_windows_this_account_has_a_name_and_the_system_is_no_person(wine) -> None:
    said = wine.run(
        "import os; from agent.windows.accounts import Accounts; accounts = Accounts(); maker = accounts.maker()\n"
        "print(maker.startswith('S-1-5-'), accounts.name_of('S-1-5-18'), accounts.name_of('S-1-5-21-7-7-7-7777'))\n"
        "import winreg\n"
        "key = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, 'SOFTWARE/Microsoft/Windows NT/CurrentVersion/ProfileList'"
        ".replace('/', chr(92)))\n"
        "print(accounts.name_of(winreg.EnumKey(key, 0)) == os.environ['USERNAME'].lower())"
    )
    assert said.split() == ["True", "None", "None", "True"]
