"""Engines that match host names, one a process: builds from the same names, opens, and answers the same questions.

Run as a script by `lookup`, with the peers' Python or our own: `engines.py build|ask ENGINE FOLDER`; prints JSON.
`ask` opens, then answers every line of its input, so that engines can take turns: `hosts` or `browsing` with the
seconds of one round, `done` with its figures. An answer is a mask of categories, of the name and all its parents; the
last three engines can only say yes or no.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path

MB = 1_000_000
Find = Callable[[str], int]
NO_DOMAIN = 3  # the answer code of a resolver that denies a name
REMEMBERED_HOSTS = 2048  # as many as `rules.engine` remembers
READY = 65_535  # the number of the question that only asks whether a resolver is up


def entries(folder: Path) -> Iterator[tuple[str, int]]:
    """Each name with its mask."""
    with (folder / "entries.tsv").open() as file:
        for line in file:
            name, mask = line.split("\t")
            yield name, int(mask)


def mask_of(get: Callable[[str, int], int]) -> Find:
    """Make the walk over a host and its parents, for an engine that finds whole names."""

    def find(host: str) -> int:
        mask = get(host, 0)
        parent = host.partition(".")[2]
        while parent:
            mask |= get(parent, 0)
            parent = parent.partition(".")[2]
        return mask

    return find


class Fairwatch:
    """Our pack, built as `fairwatch-rules build` does."""

    modules = ("rules.index",)

    def build(self, folder: Path, out: Path) -> None:
        from rules.compiler import compile_lists
        from rules.known import Known
        from rules.model import Taxonomy
        from rules.sources import ListSource
        from rules.suffixes import PublicSuffixes

        sources = [
            ListSource(format="domains", category=path.stem, path=path, list_id=path.stem)
            for path in sorted((folder / "lists").iterdir())
        ]
        compile_lists(sources, out / "made.pack", PublicSuffixes.shipped(), Known(), Taxonomy.shipped())

    def open(self, folder: Path, out: Path) -> Find:
        from rules.index import Index

        self._folder = folder
        self._index = Index.open(out / "made.pack")
        return self._index.find_host  # type: ignore[return-value]  # turned into masks by `mask`, outside the timing

    def mask(self, answer: object) -> int:
        if not hasattr(self, "_masks"):
            order = [path.stem for path in sorted((self._folder / "lists").iterdir())]
            self._masks = [sum({1 << order.index(category) for category, _ in pairs}) for pairs in self._index.sets]
        mask = 0
        for _, set_id in answer:  # type: ignore[attr-defined]
            mask |= self._masks[set_id]
        return mask


class Rules(Fairwatch):
    """Our pack as the agent asks it: names put right, protected sites, and what was asked a moment ago remembered."""

    modules = ("rules.engine",)

    def open(self, folder: Path, out: Path) -> Find:
        from rules.compiler import compile_shipped
        from rules.engine import Rules as InForce

        compile_shipped(out)
        (out / "packs" / "made.pack").write_bytes((folder / "fairwatch" / "made.pack").read_bytes())
        return partial(InForce.open(out).classify, "host")  # type: ignore[return-value]

    def build(self, folder: Path, out: Path) -> None:
        """Nothing: the pack is there."""

    def mask(self, answer: object) -> int:
        return len(answer.categories)  # type: ignore[attr-defined]


class Dict:
    """A plain dict, made anew at every start."""

    modules = ()

    def build(self, folder: Path, out: Path) -> None:
        self._names = dict(entries(folder))

    def open(self, folder: Path, out: Path) -> Find:
        return mask_of(self._names.get)


class Marisa:
    """marisa-trie, memory-mapped, with the masks in an array beside it."""

    modules = ("marisa_trie",)

    def build(self, folder: Path, out: Path) -> None:
        import marisa_trie

        names = dict(entries(folder))
        trie = marisa_trie.Trie(names)
        masks = bytearray(len(names))
        for name, mask in names.items():
            masks[trie[name]] = mask
        trie.save(str(out / "trie"))
        (out / "masks").write_bytes(masks)

    def open(self, folder: Path, out: Path) -> Find:
        import marisa_trie

        trie = marisa_trie.Trie().mmap(str(out / "trie"))
        with (out / "masks").open("rb") as file:
            masks = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        get_id = trie.get

        def get(name: str, otherwise: int) -> int:
            found = get_id(name)
            return otherwise if found is None else masks[found]

        return mask_of(get)


class Dawg:
    """DAWG2, masks as its values."""

    modules = ("dawg",)

    def build(self, folder: Path, out: Path) -> None:
        import dawg

        dawg.IntDAWG(sorted(entries(folder)), input_is_sorted=True).save(str(out / "dawg"))

    def open(self, folder: Path, out: Path) -> Find:
        import dawg

        return mask_of(dawg.IntDAWG().load(str(out / "dawg")).get)


class Lmdb:
    """LMDB, one byte a name."""

    modules = ("lmdb",)

    def build(self, folder: Path, out: Path) -> None:
        import lmdb

        with lmdb.open(str(out), map_size=4 << 30) as store, store.begin(write=True) as writing:
            for name, mask in sorted((name.encode(), mask) for name, mask in entries(folder)):
                writing.put(name, bytes((mask,)), append=True)

    def open(self, folder: Path, out: Path) -> Find:
        import lmdb

        store = lmdb.open(str(out), readonly=True, lock=False, map_size=4 << 30)
        read = store.begin().get

        def find(host: str) -> int:
            mask, name = 0, host.encode()
            while name:
                if found := read(name):
                    mask |= found[0]
                name = name.partition(b".")[2]
            return mask

        return find


class Adblock:
    """Brave's ad-block engine: a rule a name, made anew at every start."""

    modules = ("adblock",)

    def build(self, folder: Path, out: Path) -> None:
        import adblock

        rules = adblock.FilterSet()
        rules.add_filters([f"||{name}^" for name, _ in entries(folder)])
        self._engine = adblock.Engine(rules)

    def open(self, folder: Path, out: Path) -> Find:
        check = self._engine.check_network_urls
        return lambda host: int(check(f"https://{host}/", "https://example.org/", "script").matched)


IN_PROCESS = {
    "fairwatch": Fairwatch,
    "rules": Rules,
    "dict": Dict,
    "marisa-trie": Marisa,
    "DAWG2": Dawg,
    "lmdb": Lmdb,
    "adblock": Adblock,
}
IN_MEMORY = ("dict", "adblock")  # nothing is kept on disk: built again at every start


def memory(process: int, under: Path) -> tuple[float, float, float]:
    """Return a process's own MB, the MB of files below a folder that it has mapped and touched, and its peak."""
    place = Path(f"/proc/{process}")
    rollup = (place / "smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:"))
    mapped, ours = 0, False
    for line in (place / "smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            ours = len(words) > 5 and words[5].startswith(str(under))
        elif ours and words[0] == "Rss:":
            mapped += int(words[1])
    status = (place / "status").read_text().splitlines()
    peak = next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    return own * 1024 / MB, mapped * 1024 / MB, peak * 1024 / MB


def build(name: str, folder: Path) -> dict[str, float]:
    """Build in this process; seconds of wall time, peak MB, and MB on disk."""
    out = folder / name
    out.mkdir(exist_ok=True)
    began = time.perf_counter()
    IN_PROCESS[name]().build(folder, out)
    return {
        "build_s": time.perf_counter() - began,
        "build_cpu_s": time.process_time(),
        "peak_mb": memory(os.getpid(), out)[2],
        "disk_mb": size_mb(out),
    }


def ask(name: str, folder: Path) -> dict[str, float]:
    """Open in this process and ask in turns; for an engine without a file, opening includes the building."""
    out, engine = folder / name, IN_PROCESS[name]()
    out.mkdir(exist_ok=True)
    hosts = (folder / "hosts.txt").read_text().split()
    browsing = (folder / "browsing.txt").read_text().split()
    for module in engine.modules:
        importlib.import_module(module)  # a service has long done so when it opens a new pack
    figures: dict[str, float] = {}
    own_before = memory(os.getpid(), out)[0]
    began = time.perf_counter()
    if name in IN_MEMORY:
        engine.build(folder, out)
        figures |= {"build_s": time.perf_counter() - began, "build_cpu_s": time.process_time()}
        figures |= {"peak_mb": memory(os.getpid(), out)[2], "disk_mb": 0.0}
    find = engine.open(folder, out)
    figures["open_ms"] = (time.perf_counter() - began) * 1000
    remembering = lru_cache(maxsize=REMEMBERED_HOSTS)(find) if name == "fairwatch" else find
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "done\n":
            break
        seconds = spent(find, hosts) if line == "hosts\n" else spent(remembering, browsing)
        print(seconds, flush=True)
    own, mapped, _ = memory(os.getpid(), out)
    figures |= {"private_mb": max(0.0, own - own_before), "mapped_mb": mapped}
    to_mask = getattr(engine, "mask", int)
    keep_answers(name, folder, [to_mask(find(host)) for host in hosts])
    return figures


def reference(folder: Path) -> None:
    """Keep what a plain dict says of each host, every parent looked up by its text."""
    names = dict(entries(folder))
    masks = []
    for host in (folder / "hosts.txt").read_text().split():
        labels = host.split(".")
        mask = 0
        for first in range(len(labels)):
            mask |= names.get(".".join(labels[first:]), 0)
        masks.append(mask)
    keep_answers("reference", folder, masks)


def keep_answers(name: str, folder: Path, masks: Iterable[int]) -> None:
    """Write an engine's answers where they can be compared: a byte a question, in their order."""
    (folder / f"{name}.answers").write_bytes(bytes(masks))


def spent(find: Find, hosts: list[str]) -> float:
    """Return the processor time, in seconds, of asking all of these once."""
    began = time.process_time()
    for host in hosts:
        find(host)
    return time.process_time() - began


def size_mb(out: Path) -> float:
    """Return how much a folder really takes on disk."""
    return sum(path.stat().st_blocks * 512 for path in out.rglob("*") if path.is_file()) / MB


def squidguard(folder: Path) -> dict[str, float]:
    """SquidGuard with its Berkeley DB, asked over its pipe; processor time of its process."""
    out = folder / "squidGuard"
    out.mkdir()
    (out / "names").write_text("".join(f"{name}\n" for name, _ in entries(folder)))
    (out / "conf").write_text(
        f"dbhome {out}\nlogdir {out}\ndest listed {{ domainlist names }}\n"
        "acl { default { pass !listed all\n redirect http://127.0.0.1/ } }\n"
    )
    began = time.perf_counter()
    making = subprocess.Popen(["squidGuard", "-c", str(out / "conf"), "-C", "all"], stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(making.pid, 0)
    figures: dict[str, float] = {"build_s": time.perf_counter() - began}
    figures |= {"build_cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss * 1024 / MB}
    (out / "names").unlink()
    figures["disk_mb"] = size_mb(out)
    hosts = (folder / "hosts.txt").read_text().split()
    answers = out / "replies"
    with answers.open("wb") as output:
        running = subprocess.Popen(
            ["squidGuard", "-c", str(out / "conf")], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.DEVNULL
        )
    assert running.stdin is not None
    try:
        began = time.perf_counter()
        _tell(running, ["ready.invalid"])
        _lines(answers, 1, running)
        figures["open_ms"] = (time.perf_counter() - began) * 1000
        before = _processor_seconds(running.pid)
        _tell(running, hosts)
        _lines(answers, 1 + len(hosts), running)
        figures["rate"] = len(hosts) / (_processor_seconds(running.pid) - before)
        own, mapped, _ = memory(running.pid, out)
        figures |= {"private_mb": own, "mapped_mb": mapped}
    finally:
        running.stdin.close()
        running.wait(30)
    replies = answers.read_text().splitlines()[1:]
    keep_answers("squidGuard", folder, ["127.0.0.1/" in reply for reply in replies])
    return figures


def _tell(running: subprocess.Popen[bytes], hosts: list[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("".join(f"http://{host}/ 10.0.0.1/- - GET\n" for host in hosts).encode())
    running.stdin.flush()


def _lines(path: Path, wanted: int, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while path.read_bytes().count(b"\n") < wanted:
        if running.poll() is not None or time.monotonic() > until:
            raise RuntimeError("squidGuard gave fewer answers than it was asked for")
        time.sleep(0.05)


def unbound(folder: Path) -> dict[str, float]:
    """Unbound with a local zone a name, asked over UDP; processor time of its process."""
    out = folder / "unbound"
    out.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (out / "conf").write_text(
        f'server:\n interface: 127.0.0.1\n port: {port}\n directory: "{out}"\n chroot: ""\n username: ""\n'
        ' pidfile: ""\n use-syslog: no\n logfile: "/dev/null"\n do-daemonize: no\n num-threads: 1\n'
        ' module-config: "iterator"\n outbound-msg-retry: 0\n local-zone: "." always_refuse\n'
        + "".join(f' local-zone: "{name}" always_nxdomain\n' for name, _ in entries(folder))
        + "remote-control:\n control-enable: no\n"
    )
    hosts = (folder / "hosts.txt").read_text().split()
    began = time.perf_counter()
    running = subprocess.Popen(["/usr/sbin/unbound", "-d", "-c", str(out / "conf")], stderr=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect(("127.0.0.1", port))
            line.settimeout(0.2)
            until = time.monotonic() + 90
            while True:
                try:
                    line.send(_question(READY, "ready.invalid"))
                    line.recv(512)
                    break
                except OSError:
                    if running.poll() is not None or time.monotonic() > until:
                        raise RuntimeError("unbound gave no answer") from None
                    time.sleep(0.05)
            opened = time.perf_counter() - began
            line.settimeout(10)
            before = _processor_seconds(running.pid)
            masks = array("B", bytes(len(hosts)))
            for first in range(0, len(hosts), 64):
                some = hosts[first : first + 64]
                for number, host in enumerate(some, start=first % READY):
                    line.send(_question(number % READY, host))
                left = len(some)
                while left:
                    reply = line.recv(512)
                    number = int.from_bytes(reply[:2], "big")
                    if number != READY:
                        masks[first + (number - first) % READY] = reply[3] & 15 == NO_DOMAIN
                        left -= 1
            spent = _processor_seconds(running.pid) - before
            own, mapped, peak = memory(running.pid, out)
    finally:
        running.terminate()
        running.wait(30)
    keep_answers("unbound", folder, masks)
    return {
        "build_s": opened,
        "build_cpu_s": before,
        "peak_mb": peak,
        "disk_mb": 0.0,
        "open_ms": opened * 1000,
        "rate": len(hosts) / spent,
        "private_mb": own,
        "mapped_mb": mapped,
    }


def _question(number: int, host: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in host.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def _processor_seconds(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    what, which, where = sys.argv[1:]
    steps: dict[str, Callable[[], object]] = {
        "build": lambda: build(which, Path(where)),
        "ask": lambda: ask(which, Path(where)),
        "reference": lambda: reference(Path(where)),
        "squidGuard": lambda: squidguard(Path(where)),
        "unbound": lambda: unbound(Path(where)),
    }
    print(json.dumps(steps[what]()))
