"""The service's side: each interval for the peer's own account, and a hostile local user neither stops nor fills it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.reading import ToRead
from agent.session import allowance
from agent.session import server as server_module
from agent.session.address import person_of_uid, short_name
from agent.session.messages import (
    Acknowledged,
    Answer,
    Ask,
    BrowserHere,
    DocumentShown,
    FromService,
    FromSession,
    Front,
    HostShown,
    HostVisited,
    NoticeShown,
    Refused,
    Reminder,
    ServiceVersion,
    Settings,
    SourceState,
    decode_from_service,
    encode,
)

if TYPE_CHECKING:
    from conftest import Service

ME = person_of_uid(os.getuid()) or ""
AsNobody = Callable[[Callable[[], None]], int]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may become another account")


class Peer:
    """A raw client, honest or not."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        with short_name(path) as name:
            self.socket.connect(name)
        self.lines = self.socket.makefile("rb")

    def send(self, *messages: FromSession) -> None:
        for message in messages:
            self.socket.sendall(encode(message))

    def read(self) -> FromService | None:
        """The next message after the service's version, or None at the end."""
        try:
            line = self.lines.readline()
        except ConnectionResetError:
            return None
        message = decode_from_service(line) if line else None
        return self.read() if isinstance(message, ServiceVersion) else message

    def ask(self, what: str = "status") -> FromService | None:
        """Ask, and give the first message that is not settings: it shows that all before was dealt with."""
        self.send(Ask(what=what if what in ("own_totals", "held") else "status"))
        message: FromService | None = self.read()
        while isinstance(message, Settings):
            message = self.read()
        return message

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@pytest.fixture
def peer(service: Service) -> Iterator[Peer]:
    peer = Peer(service.path)
    yield peer
    peer.close()


def test_the_first_word_is_the_services_version_in_a_form_that_never_changes(peer: Peer) -> None:
    assert peer.lines.readline() == b'{"type":"ServiceVersion","version":"1.0"}\n'


def front(ago_seconds: float = 60, seconds: float = 30, identity: str = "linux:a") -> Front:
    return Front(identity=identity, started=datetime.now(UTC) - timedelta(seconds=ago_seconds), seconds=seconds)


def test_a_peer_is_told_the_notice_first_and_its_use_counts_for_its_own_account(service: Service, peer: Peer) -> None:
    assert peer.read() == Settings(notice=service.notice, observe=True, notice_is_new=True)
    service.had_notice_an_hour_ago(ME)
    used = front()
    peer.send(used)
    peer.ask()
    assert service.fronts == [(ME, used)]


def test_nothing_from_before_the_notice_is_taken(service: Service, peer: Peer) -> None:
    peer.send(front())
    peer.send(NoticeShown(at=datetime(2020, 1, 1, tzinfo=UTC), notice_version=service.notice.version))
    peer.ask()
    since = service.record.first_shown(ME)
    assert since is not None
    assert since > datetime.now(UTC) - timedelta(seconds=30)
    peer.send(front(ago_seconds=60, seconds=30))
    spanning = Front(identity="linux:a", started=since - timedelta(seconds=10), seconds=10.001)
    peer.send(spanning)
    peer.ask()
    ((_, taken),) = service.fronts
    assert taken.started == since
    assert taken.seconds == pytest.approx(0.001)


def test_a_document_is_acknowledged_for_the_peers_own_account_and_asked_for_no_more(
    service: Service, peer: Peer, handbook: ToRead
) -> None:
    service.documents = (handbook,)
    other = Peer(service.path)
    first = peer.read()
    assert isinstance(first, Settings)
    peer.send(DocumentShown(document="handbook", shown="a" * 64), Acknowledged(document="handbook", shown="a" * 64))
    again = [peer.read(), peer.read()]
    assert [one.documents for one in again if isinstance(one, Settings)] == [(handbook,), ()]
    assert [person for person, _ in service.readings] == [ME, ME]
    # Wherever else the person is signed in, they are no longer asked either.
    told = [other.read(), other.read(), other.read()]
    assert [one.documents for one in told if isinstance(one, Settings)][-1] == ()
    other.close()


def test_a_notice_of_other_words_is_not_believed(service: Service, peer: Peer) -> None:
    peer.read()
    peer.send(NoticeShown(at=datetime.now(UTC), notice_version="0" * 16))
    assert isinstance(peer.read(), Refused)
    assert service.record.first_shown(ME) is None


@pytest.mark.parametrize("lie", [{"ago_seconds": -60}, {"ago_seconds": 100_000}, {"ago_seconds": 10, "seconds": 590}])
def test_use_that_cannot_have_passed_is_dropped_and_the_connection_goes_on(
    service: Service, peer: Peer, lie: dict[str, float]
) -> None:
    service.had_notice_an_hour_ago(ME)
    peer.send(front(**lie), front())
    assert isinstance(peer.ask(), Answer)
    assert len(service.fronts) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 100_000,
        b"\xff\n",
        b"{}\n",
        b'{"type":"Front","identity":"linux:a","started":"2026-11-22T12:00:00Z","seconds":1,"person":"root"}\n',
        b"[" * 4000 + b"\n",
    ],
)
def test_garbage_is_refused_and_the_server_goes_on(service: Service, peer: Peer, garbage: bytes) -> None:
    peer.read()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        peer.socket.sendall(garbage)
    assert isinstance(peer.read(), Refused)
    assert peer.read() is None
    other = Peer(service.path)
    assert isinstance(other.ask(), Answer)
    other.close()
    assert service.fronts == []


def test_many_refusals_make_few_lines_in_the_log(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(30):
        liar = Peer(service.path)
        liar.read()
        liar.socket.sendall(b"{}\n")
        while liar.read() is not None:
            pass
        liar.close()
    assert [record.getMessage() for record in caplog.records] == ["session message refused"]


def test_own_totals_are_those_of_the_peers_account(service: Service, peer: Peer) -> None:
    answer = peer.ask("own_totals")
    assert isinstance(answer, Answer)
    assert msgspec.json.decode(answer.json) == {"person": ME, "what": "own_totals"}
    assert service.asked == [(ME, "own_totals")]


@needs_root
def test_another_account_counts_for_itself_and_is_answered_for_itself(service: Service, as_nobody: AsNobody) -> None:
    service.had_notice_an_hour_ago(ME, "nobody")
    used = front(identity="linux:theirs")

    def act() -> None:
        other = Peer(service.path)
        other.send(used)
        answer = other.ask("own_totals")
        assert isinstance(answer, Answer)
        assert msgspec.json.decode(answer.json)["person"] == "nobody"
        answer = other.ask("held")
        assert isinstance(answer, Answer)
        assert msgspec.json.decode(answer.json) == {"person": "nobody", "what": "held"}

    child = as_nobody(act)
    mine = Peer(service.path)
    mine.send(front(identity="linux:mine"))
    mine.ask()
    assert os.waitpid(child, 0)[1] == 0
    mine.close()
    assert sorted((person, one.identity) for person, one in service.fronts) == [
        ("nobody", "linux:theirs"),
        (ME, "linux:mine"),
    ]


@needs_root
def test_one_persons_notice_does_not_count_for_another_on_a_shared_laptop(
    service: Service, as_nobody: AsNobody
) -> None:
    service.had_notice_an_hour_ago(ME)

    def act() -> None:
        other = Peer(service.path)
        other.send(front(identity="linux:theirs"))
        other.ask()

    assert os.waitpid(as_nobody(act), 0)[1] == 0
    mine = Peer(service.path)
    mine.send(front(identity="linux:mine"))
    mine.ask()
    mine.close()
    assert [(person, one.identity) for person, one in service.fronts] == [(ME, "linux:mine")]


@needs_root
def test_an_account_that_takes_every_connection_it_may_does_not_keep_another_out(
    service: Service, as_nobody: AsNobody
) -> None:
    read, write = os.pipe()

    def act() -> None:
        held = []
        for _ in range(200):
            try:
                held.append(Peer(service.path))
            except OSError:
                break
        os.write(write, b".")
        time.sleep(60)

    child = as_nobody(act)
    assert os.read(read, 1)
    mine = Peer(service.path)
    assert isinstance(mine.ask(), Answer)
    mine.close()
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)


def test_a_flood_of_messages_or_questions_is_cut_off(
    service: Service, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "MESSAGES_AT_ONCE", 100)
    monkeypatch.setattr(allowance, "MESSAGES_A_SECOND", 0.0)
    state = SourceState(state="working", reason="seen")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(5000):
            peer.send(state)
    assert isinstance(peer.read(), Settings)
    assert isinstance(peer.read(), Refused | None)
    # Coming back gains nothing: the allowance is the account's, not the connection's.
    other = Peer(service.path)
    assert other.read() is None
    other.close()


def test_a_peer_that_asks_and_never_listens_is_dropped(
    service: Service, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_WAITING_BYTES", 4096)
    monkeypatch.setattr(server_module, "ASK_COST", 0.0)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
        for _ in range(5000):
            peer.send(Ask(what="status"))
    other = Peer(service.path)
    assert isinstance(other.read(), Settings)
    other.close()


def test_a_fault_while_a_message_is_handled_ends_only_that_connection(
    service: Service, peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(person: str, front: Front) -> None:
        raise RuntimeError(f"{person} used secret.example")

    service.had_notice_an_hour_ago(ME)
    monkeypatch.setattr(service.server, "_on_front", broken)
    peer.read()
    peer.send(front())
    assert peer.read() is None
    assert "secret.example" not in caplog.text
    other = Peer(service.path)
    assert isinstance(other.ask(), Answer)
    other.close()


def test_a_fault_while_one_is_let_in_ends_that_connection_and_makes_no_loop_without_rest(
    service: Service, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_uid: object) -> str:
        turns.clear()
        raise OSError("accounts can't be read")

    turns: list[int] = []
    inner = service.server._turn
    monkeypatch.setattr(service.server, "_turn", lambda: turns.append(1) or inner())
    peer.ask()
    with monkeypatch.context() as at_first:
        at_first.setattr(service.server, "_person_of_uid", broken)
        stranger = Peer(service.path)
        assert stranger.read() is None
        stranger.close()
    time.sleep(0.1)
    assert len(turns) < 5
    other = Peer(service.path)
    assert isinstance(other.ask(), Answer)
    other.close()


def test_a_fault_in_the_wait_for_peers_is_told_and_they_are_served_after_it(
    service: Service, peer: Peer, until: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("no memory")

    monkeypatch.setattr(server_module, "TRY_AGAIN_SECONDS", 0.1)
    peer.ask()
    with monkeypatch.context() as at_first:
        at_first.setattr(service.server._channel, "turn", broken)
        service.server.refresh()
        until(lambda: "fault" in service.server.health().reason)
        assert service.server.health().state == "failing"
    assert isinstance(peer.ask(), Answer)
    assert service.server.health().state == "unknown"


def test_a_reminder_reaches_its_person_and_new_settings_reach_everyone(service: Service, peer: Peer) -> None:
    peer.read()
    service.server.remind("someone-else", "games", 5)
    service.server.remind(ME, "social networking", 30)
    assert peer.read() == Reminder(category_name="social networking", minutes=30)
    service.observe = False
    service.server.refresh()
    settings = peer.read()
    assert isinstance(settings, Settings)
    assert not settings.observe


def test_its_health_is_that_of_the_worst_session_part(service: Service, peer: Peer, until: Callable[..., bool]) -> None:
    assert service.server.health().state == "unknown"
    peer.send(SourceState(state="working", reason="seen"))
    peer.ask()
    assert service.server.health().state == "working"
    other = Peer(service.path)
    other.send(SourceState(state="unknown", reason="wayland"))
    other.ask()
    assert service.server.health().state == "unknown"
    assert "Wayland" in service.server.health().reason
    other.close()
    until(lambda: service.server.health().state == "working")


def test_an_account_that_has_no_name_is_not_let_in(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.server, "_person_of_uid", lambda _: None)
    stranger = Peer(service.path)
    assert stranger.read() is None
    stranger.close()


def test_it_takes_over_the_place_of_one_that_died_but_not_a_file(service: Service, tmp_path: Path) -> None:
    service.server.stop()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(service.path))
    dead.close()
    service.server = service.made()
    service.server.start()
    assert service.path.stat().st_mode & 0o777 == 0o666
    peer = Peer(service.path)
    assert isinstance(peer.ask(), Answer)
    peer.close()
    service.server.stop()
    assert not service.path.exists()
    service.path.write_text("someone's file")
    service.server = service.made()
    with pytest.raises(FileExistsError):
        service.server.start()
    service.path.unlink()


def test_a_deep_folder_is_no_hindrance(service: Service) -> None:
    deep = service.folder
    for _ in range(10):
        deep = deep / "a-rather-long-folder-name"
        deep.mkdir()
    service.server.stop()
    service.path = deep / "session.sock"
    service.server = service.made()
    service.server.start()
    peer = Peer(service.path)
    assert isinstance(peer.ask(), Answer)
    peer.close()


def test_a_host_is_taken_only_from_a_browser_that_said_it_is_here(service: Service, peer: Peer) -> None:
    service.had_notice_an_hour_ago(ME)
    visit = HostVisited(host="www.example.org", at=datetime.now(UTC), private=False)
    peer.send(visit)
    messages = [peer.read(), peer.read()]
    assert isinstance(messages[1], Refused)
    other = Peer(service.path)
    other.send(BrowserHere(family="Firefox", private_windows=False), visit)
    other.ask()
    assert service.hosts == [(ME, "Firefox", visit)]
    assert service.server.browsers() == [(ME, BrowserHere(family="Firefox", private_windows=False))]
    other.close()


def test_of_hosts_too_nothing_from_before_the_notice_or_yet_to_come_is_taken(service: Service, peer: Peer) -> None:
    now = datetime.now(UTC)
    peer.send(BrowserHere(family="Chromium", private_windows=False))
    peer.send(HostVisited(host="a.example", at=now, private=False))
    peer.ask()
    assert service.hosts == []
    service.had_notice_an_hour_ago(ME)
    for at in (now - timedelta(hours=2), now + timedelta(minutes=1), now - timedelta(days=2)):
        peer.send(HostVisited(host="a.example", at=at, private=False))
    peer.send(HostShown(host="b.example", started=now - timedelta(hours=1, seconds=5), seconds=10, private=False))
    peer.ask()
    ((_, _, shown),) = service.hosts
    assert shown.host == "b.example"
    assert shown.seconds < 6
