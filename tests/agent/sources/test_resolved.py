"""Names from systemd-resolved's monitor: by the real one, in namespaces of its own, and by what it said, for faults."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.health import SourceHealth
from agent.sources.resolved import MESSAGE_MAX_BYTES, SUBSCRIBE, Resolved
from tests.agent.devices import until

# What systemd-resolved 252 said to the same question.
READY = b'{"parameters":{"ready":true},"continues":true}\0'
FOUND = (
    b'{"parameters":{"state":"success","question":[{"class":1,"type":1,"name":"www.example.com"}],"answer":[{"rr":'
    b'{"key":{"class":1,"type":1,"name":"www.example.com"},"address":[192,0,2,1]},"raw":"A3d3dwdleGFtcGxlA2NvbQAAAQABAA'
    b'AAPAAEwAACAQ=="}]},"continues":true}\0'
)
NETWORK_DOWN = FOUND.replace(b'"state":"success"', b'"state":"network-down"').replace(b"www.", b"down.")
WORKING = SourceHealth(name="resolved", state="working")


class Hearer:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.trouble = ""
        self.names: list[tuple[str, int]] = []
        self.forgot = 0

    def note(self, name: str, qtype: int) -> None:
        self.names.append((name, qtype))

    def turn(self) -> float | None:
        return None

    def forget(self) -> None:
        self.forgot += 1


class Monitor:
    """A stand-in at the monitor's place, which says what it is told to, one connection after the other."""

    def __init__(self, path: Path, *answers: bytes, stays: bool = True) -> None:
        self.path, self.answers, self.stays = path, answers, stays
        self.asked: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.peers: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for answer in self.answers:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.asked.append(peer.recv(1000))
            self.peers.append(peer)
            peer.sendall(answer)
            if not self.stays:
                peer.close()

    def close(self) -> None:
        for one in (self._listener, *self.peers):
            one.close()


@pytest.fixture
def listen(tmp_path, monkeypatch):
    """Starts the source at a stand-in that gives these answers; ends both."""
    monkeypatch.setattr("agent.sources.resolved.TRY_AGAIN_SECONDS", 0.05)
    started: list = []

    def start(*answers: bytes, stays: bool = True) -> tuple[Hearer, list[SourceHealth | None], Monitor]:
        place = tmp_path / "monitor"
        monitor = Monitor(place, *answers, stays=stays)
        hearer, said = Hearer(), []
        source = Resolved(hearer, said.append, monitor=place)
        started[:] = [source, monitor]
        source.want(True)
        return hearer, said, monitor

    yield start
    for one in started:
        one.want(False) if isinstance(one, Resolved) else one.close()


def test_names_that_exist_are_told_and_of_what_could_not_be_asked_nothing(listen):
    hearer, said, monitor = listen(READY + FOUND + NETWORK_DOWN + FOUND.replace(b'"type":1', b'"type":28'))
    until(lambda: len(hearer.names) == 2)
    assert hearer.names == [("www.example.com", 1), ("www.example.com", 28)]
    assert monitor.asked == [SUBSCRIBE]
    assert said == [WORKING]


def test_a_message_that_comes_in_pieces_and_what_a_newer_one_says_besides_are_understood(listen):
    newer = FOUND.replace(b'"state"', b'"ifindex":3,"state"').replace(b"www", b"new")
    hearer, _, monitor = listen(READY + FOUND[:40])
    until(lambda: monitor.peers)
    monitor.peers[0].sendall(FOUND[40:] + newer)
    until(lambda: len(hearer.names) == 2)
    assert [name for name, _ in hearer.names] == ["www.example.com", "new.example.com"]


@pytest.mark.parametrize(
    "odd",
    [
        b"not JSON\0",
        b"[" * 100_000 + b"\0",
        b'{"error":"org.varlink.service.MethodNotFound","parameters":{}}\0',
        b'{"parameters":{"question":[{"name":7}]}}\0',
        b"x" * (MESSAGE_MAX_BYTES + 1),
        b"",
    ],
    ids=["no JSON", "nested", "another version", "no name", "without end", "silence"],
)
def test_what_is_not_understood_is_said_and_it_is_tried_again(listen, odd):
    hearer, said, _ = listen(odd, READY + FOUND, stays=odd != b"")
    until(lambda: hearer.names)
    until(lambda: WORKING in said)
    assert said[0] is not None
    assert said[0].state == "unknown"


def test_why_nothing_can_be_made_of_names_is_what_it_says_of_itself(listen):
    hearer, said, monitor = listen(READY)
    until(lambda: said)
    hearer.trouble = "Several people’s programs run here."
    monitor.peers[0].sendall(FOUND)
    until(lambda: len(said) == 2)
    assert said[1] == SourceHealth(name="resolved", state="unknown", reason=hearer.trouble)


def test_without_systemd_resolved_it_says_so_and_once_not_wanted_nothing(tmp_path):
    hearer, said = Hearer(), []
    source = Resolved(hearer, said.append, monitor=tmp_path / "gone")
    source.want(True)
    source.want(True)
    until(lambda: said)
    assert said[0] is not None
    assert "does not run here" in said[0].reason
    source.want(False)
    source.want(False)
    assert (said[1:], hearer.forgot) == ([None], 1)


def test_a_fault_of_who_hears_ends_nothing_also_while_it_waits_to_try_again(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.sources.resolved.TRY_AGAIN_SECONDS", 0.05)

    class Faulty(Hearer):
        def turn(self):
            faults.append(1)
            raise OSError("processes can't be listed")

    faults, hearer, said = [], Faulty(), []
    source = Resolved(hearer, said.append, monitor=tmp_path / "monitor")
    source.want(True)
    try:
        until(lambda: len(faults) > 2)
        assert said[-1].state == "unknown"
        monkeypatch.setattr(hearer, "turn", lambda: None)
        monitor = Monitor(tmp_path / "monitor", READY + FOUND)
        until(lambda: hearer.names)
    finally:
        source.want(False)
    monitor.close()


@pytest.mark.parametrize("place", ["threading.Thread.start", "socket.socketpair"])
def test_what_could_not_begin_begins_when_it_is_wanted_again(tmp_path, monkeypatch, place):
    def full(*_arguments):
        raise OSError("too many open files") if place == "socket.socketpair" else RuntimeError("can't start new thread")

    hearer, said = Hearer(), []
    monitor = Monitor(tmp_path / "monitor", READY + FOUND)
    source = Resolved(hearer, said.append, monitor=tmp_path / "monitor")
    with monkeypatch.context() as at_the_limit:
        at_the_limit.setattr(place, full)
        source.want(True)
    assert [one.state for one in said] == ["unknown"]
    source.want(True)
    try:
        until(lambda: hearer.names)
    finally:
        source.want(False)
        monitor.close()


@pytest.mark.more
@pytest.mark.skipif(os.getuid() != 0, reason="only root has powers to do without")
def test_a_service_that_may_not_ask_says_so(tmp_path):
    place = tmp_path / "monitor"
    monitor = Monitor(place, READY)
    place.chmod(0o600)
    os.chown(place, 64_991, 64_991)
    watch = (
        "import os, sys, time; from pathlib import Path; from agent.sources.resolved import Resolved\n"
        "from tests.agent.sources.test_resolved import Hearer\n"
        "said = []; source = Resolved(Hearer(), said.append, monitor=Path(sys.argv[1])); source.want(True)\n"
        "while not said: time.sleep(0.01)\n"
        "print(said[0].reason)"
    )
    kept = "-all,+dac_read_search,+sys_ptrace"
    done = subprocess.run(
        ["setpriv", "--bounding-set", kept, sys.executable, "-c", watch, place],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    monitor.close()
    assert done.stdout.startswith("The service may not ask systemd-resolved"), done.stderr


# A machine of its own: its processes, its network without a way out, its /run, and a resolver that knows all names
# under example.org. Programs ask as they do anywhere, by the C library.
MACHINE = """
set -e
python=$1 resolved=$2 watch=$3
mount -t tmpfs none /run && mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d
cp /etc/passwd /etc/group /run
echo 'systemd-resolve:x:64991:64991::/:/bin/false' >>/run/passwd; echo 'systemd-resolve:x:64991:' >>/run/group
for one in passwd group; do mount --bind /run/$one /etc/$one; done
chown systemd-resolve: /run/systemd/resolve
ip link set lo up; ip link add v0 type veth peer name v1; ip addr add 192.0.2.2/24 dev v0
ip link set v0 up; ip link set v1 up; ip route add default via 192.0.2.1
printf '[Resolve]\\nDNS=127.0.0.9\\nLLMNR=no\\nMulticastDNS=no\\nDNSSEC=no\\nFallbackDNS=\\n' \\
    >/run/systemd/resolved.conf.d/a.conf
"$python" -c '
import socket
at = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); at.bind(("127.0.0.9", 53))
while True:
    asked, peer = at.recvfrom(4096)
    end = asked.index(0, 12) + 5
    known = asked[:end].find(bytes([7]) + b"example" + bytes([3]) + b"org") > 0
    answer = bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000201") if known and asked[end - 3] == 1 else b""
    flags, counts = bytes([0x81, 0x80 if known else 0x83]), bytes([0, 1, 0, bool(answer), 0, 0, 0, 0])
    at.sendto(asked[:2] + flags + counts + asked[12:end] + answer, peer)' &
"$resolved" >/dev/null 2>&1 &
tries=0 monitor=/run/systemd/resolve/io.systemd.Resolve.Monitor
until [ -S $monitor ]; do sleep 0.1; tries=$((tries + 1)); [ $tries -lt 100 ]; done
mount --bind /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
printf 'hosts: files dns\\n' >/run/nsswitch.conf && mount --bind /run/nsswitch.conf /etc/nsswitch.conf
exec "$python" -c "$watch"
"""

WATCH = """
import json, subprocess, sys, time
from datetime import UTC, datetime
from uuid import UUID
from agent import lookups
from agent.observation import Observation
from agent.people_here import PeopleHere, LOOK_AGAIN_SECONDS
from agent.sources.resolved import MONITOR, Resolved
lookups.HOLD_SECONDS = 1.0
told, said = [], []
began = datetime.now(UTC)
names = lookups.Lookups(UUID(int=1), lambda batch: told.extend(batch.observations), source="resolved",
    lists=lambda name: True, is_background=lambda name: False, people=PeopleHere({4211: "sam", 4212: "kim"}.get),
    collect_from=lambda person: began, clock=lambda: datetime.now(UTC))
source = Resolved(names, said.append)
source.want(True)
def until(look):
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, (told, said)
        time.sleep(0.05)
def asks(*hosts):
    subprocess.run(["getent", "ahosts", *hosts], user=4211, capture_output=True)
def as_the_service(*powers):
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    kept = "-all," + ",".join(f"+{one}" for one in ("dac_read_search", "sys_ptrace", *powers))
    return subprocess.run(["setpriv", "--bounding-set", kept, sys.executable, "-c", connect, str(MONITOR)],
        capture_output=True).returncode
until(lambda: said and said[-1].state == "working")
sam = subprocess.Popen(["sleep", "99"], user=4211)
asks("page.example.org", "pictures.a.example.org", "counts.b.example.org", "mistyped.example.com")
until(lambda: len(told) == 3)
names.told(Observation(device=UUID(int=1), kind="host", name="visited.example.org", started=datetime.now(UTC),
    seconds=0.0, person="sam", source="browser_extension", browser="Firefox"))
asks("visited.example.org", "advert.example.org")
time.sleep(5)
kim = subprocess.Popen(["sleep", "99"], user=4212)
time.sleep(LOOK_AGAIN_SECONDS)
asks("whose.example.org")
until(lambda: said[-1].state == "unknown")
kim.kill(); kim.wait(); time.sleep(LOOK_AGAIN_SECONDS)
asks("alone.example.org")
until(lambda: len(told) == 4)
source.want(False)
print(json.dumps([[(one.name, one.person, one.certainty) for one in told], [one and one.state for one in said],
    [as_the_service(), as_the_service("dac_override")]]))
"""


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real program: this machine's, or out of Debian's package.

    The package is opened and not installed, since it would make itself this machine's resolver.
    """
    own = Path("/lib/systemd/systemd-resolved")
    if own.exists():
        return own
    folder = tmp_path_factory.mktemp("resolved")
    if shutil.which("apt-get") is not None:
        subprocess.run(
            ["apt-get", "download", "-q", "systemd-resolved"],
            cwd=folder, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    package = next(folder.glob("*.deb"), None)
    if package is None:
        pytest.skip("systemd-resolved is neither here nor to be had from this machine's package sources")
    subprocess.run(["dpkg", "-x", package, folder], check=True)
    return folder / "lib/systemd/systemd-resolved"


@pytest.mark.more
@pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="only root may make namespaces")
def test_the_real_systemd_resolved_tells_what_programs_look_up_and_only_what_no_browser_told_is_one_persons(resolved):
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += ["sh", "-c", MACHINE, "sh", sys.executable, str(resolved), WATCH]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    told, said, allowed = json.loads(done.stdout)
    assert told == [
        ["page.example.org", "sam", "likely"],
        ["pictures.a.example.org", "sam", "unclear"],
        ["counts.b.example.org", "sam", "unclear"],
        ["alone.example.org", "sam", "unclear"],
    ]
    assert said == ["working", "unknown", "working", None]
    # With the powers of our unit it may not be asked, and with the one that the package's README names it may.
    assert [code == 0 for code in allowed] == [False, True]
