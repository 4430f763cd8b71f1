"""Matching host names: our pack beside a dict and six other engines, on the same names in the same run.

Each engine builds in a process of its own and answers in another, so that memory is its own. Those that are compared
by a limit are asked in turns, round by round, and the best round of each counts: whatever else the machine does then
slows all of them alike. On real lists where the folder with them is there, on 500,000 made domains, and on 5 million.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import accumulate
from operator import ne
from pathlib import Path
from threading import Timer

from rules.errors import HostRefused
from rules.hosts import normalise_host
from rules.suffixes import PublicSuffixes
from tests.bench.engines import IN_MEMORY
from tests.bench.peers import programs
from tests.bench.table import Row

_SCRIPT = str(Path(__file__).with_name("engines.py"))
LISTS = Path(__file__).parents[3] / "shared" / "data" / "domain-lists"
MADE_ENTRIES = 5_000_000
FEWER_MADE_ENTRIES = 500_000
QUESTIONS = 100_000
SITES_VISITED = 10_000  # different hosts in the browsing-like stream
ROUNDS = 7
ENGINE_SECONDS = 180
IN_TURNS = ("fairwatch", "dict", "marisa-trie")  # what the limits compare
ENGINES = (*IN_TURNS, "rules", "DAWG2", "lmdb")
SMALL_ENGINES = ("adblock", "squidGuard", "unbound")  # they need gigabytes or minutes for five million
PEERS = ("dict", "marisa-trie", "DAWG2", "lmdb", "adblock", "squidGuard", "unbound")
CATEGORIES = ("dating", "drugs", "file_sharing", "gambling", "malware", "phishing", "pornography", "social_networking")
LIST_CATEGORIES = {
    "adult": "pornography",
    "dating": "dating",
    "drugs": "drugs",
    "facebook": "social_networking",
    "gambling": "gambling",
    "malware": "malware",
    "phishing": "phishing",
    "piracy": "file_sharing",
    "scam": "phishing",
    "tiktok": "social_networking",
    "torrent": "file_sharing",
    "twitter": "social_networking",
    "vaping": "drugs",
}

Figures = Mapping[str, float]


def run() -> list[Row]:
    """Measure all engines on both sets of names."""
    peers_python = programs() / "python"
    rows: list[Row] = []
    engines = (*ENGINES, *SMALL_ENGINES)
    if LISTS.is_dir():
        real = list(_real_entries())
        rows += _measure(f"{len(dict(real)) // 1000}k listed names", real, engines, peers_python, whole=False)
        del real
        engines = IN_TURNS
    made = _made_entries(FEWER_MADE_ENTRIES)
    rows += _measure(f"{FEWER_MADE_ENTRIES // 1000}k made names", made, engines, peers_python, whole=False)
    rows += _measure("5 M made names", _made_entries(MADE_ENTRIES), ENGINES, peers_python, whole=True)
    return rows


def _measure(
    title: str, entries: Iterable[tuple[str, str]], engines: tuple[str, ...], peers_python: Path, *, whole: bool
) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as place:
        folder = Path(place)
        _prepare(folder, entries)
        figures: dict[str, Figures] = {}
        for group in (IN_TURNS, *((engine,) for engine in engines if engine not in IN_TURNS)):
            began = time.monotonic()
            figures |= _figures(group, folder, peers_python)
            print(f"  {title}: {', '.join(group)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            for engine in set(group) - {"fairwatch"}:
                shutil.rmtree(folder / engine, ignore_errors=True)
        _step(sys.executable, "reference", "dict", folder)
        plain = (folder / "reference.answers").read_bytes()
        differ = {}
        for engine in figures.keys() - {"rules"}:
            given = (folder / f"{engine}.answers").read_bytes()
            wanted = bytes(map(bool, plain)) if engine in SMALL_ENGINES else plain
            differ[engine] = sum(map(ne, given, wanted)) + abs(len(given) - len(wanted))
    return _rows(title, figures, differ, asked_all=engines, whole=whole)


def _figures(engines: tuple[str, ...], folder: Path, peers_python: Path) -> dict[str, Figures]:
    (first, *_) = engines
    if first in ("squidGuard", "unbound"):
        if not shutil.which(first, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin"):
            return {}
        try:
            return {first: _step(str(peers_python), first, first, folder)}
        except (subprocess.SubprocessError, json.JSONDecodeError) as error:
            print(f"  {first} could not be measured: {error}", file=sys.stderr)
            return {}
    pythons = {engine: sys.executable if engine in ("fairwatch", "rules") else str(peers_python) for engine in engines}
    built = {
        engine: {} if engine in (*IN_MEMORY, "rules") else _step(python, "build", engine, folder)
        for engine, python in pythons.items()
    }
    asked = _asked_in_turns(pythons, folder)
    return {engine: {**built[engine], **asked[engine]} for engine in engines}


def _asked_in_turns(pythons: Mapping[str, str], folder: Path) -> dict[str, Figures]:
    with ExitStack() as running:
        # One after another: none opens while another builds.
        asked = {name: running.enter_context(_Asked(python, name, folder)) for name, python in pythons.items()}
        best = {name: {"hosts": float("inf"), "browsing": float("inf")} for name in asked}
        for _ in range(ROUNDS):
            for kind in ("hosts", "browsing"):
                for name, engine in asked.items():
                    best[name][kind] = min(best[name][kind], float(engine.answer(kind)))
        return {
            name: {
                **json.loads(engine.answer("done")),
                "rate": QUESTIONS / best[name]["hosts"],
                "browsing_rate": QUESTIONS / best[name]["browsing"],
            }
            for name, engine in asked.items()
        }


class _Asked:
    """One engine in a process of its own, open and waiting for its turn."""

    def __init__(self, python: str, engine: str, folder: Path) -> None:
        self._running = subprocess.Popen(
            [python, _SCRIPT, "ask", engine, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._limit = Timer(ENGINE_SECONDS, self._running.kill)

    def __enter__(self) -> _Asked:
        self._limit.start()
        self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._limit.cancel()
        self._running.kill()
        self._running.communicate()

    def answer(self, kind: str) -> str:
        """Let the engine have its turn."""
        assert self._running.stdin is not None
        self._running.stdin.write(f"{kind}\n")
        self._running.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        if not line:
            raise RuntimeError(f"an engine ended early, or took more than {ENGINE_SECONDS} s")
        return line


def _step(python: str, step: str, engine: str, folder: Path) -> dict[str, float]:
    done = subprocess.run(
        [python, _SCRIPT, step, engine, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=ENGINE_SECONDS,
        check=True,
    )
    return json.loads(done.stdout) or {}


def _rows(
    title: str,
    figures: Mapping[str, Figures],
    differ: Mapping[str, int],
    *,
    asked_all: tuple[str, ...],
    whole: bool,
) -> list[Row]:
    ours, plain, tries = figures["fairwatch"], figures["dict"], figures["marisa-trie"]

    def row(what: str, key: str, form: str, limit: str, met: bool | None, own: Figures = ours) -> Row:
        texts = []
        for peer in PEERS:
            if peer in figures and key in figures[peer]:
                texts.append(f"{peer} {form.format(figures[peer][key])}")
            elif peer in asked_all and peer not in figures:
                texts.append(f"{peer} not here")
        return Row(f"{title}: {what}", form.format(own[key]), ", ".join(texts), limit, met)

    def within(key: str, limit: float) -> bool | None:
        return ours[key] <= limit if whole else None

    share, browsing = ours["rate"] / plain["rate"], ours["browsing_rate"] / plain["browsing_rate"]
    rows = [
        row(
            f"questions/s, half hits ({share:.2f} of dict)",
            "rate",
            "{:,.0f}",
            "0.75 of dict, above marisa-trie",
            share >= 0.75 and ours["rate"] > tries["rate"],
        ),
        row(
            f"questions/s, browsing-like, the last 2,048 hosts remembered ({browsing:.2f} of dict)",
            "browsing_rate",
            "{:,.0f}",
            "that of dict",
            browsing >= 1,
        ),
        Row(
            f"{title}: answers other than a plain reference's, of {QUESTIONS:,}",
            str(differ["fairwatch"]),
            ", ".join(f"{peer} {differ[peer]}" for peer in PEERS if peer in differ),
            "0",
            differ["fairwatch"] == 0,
        ),
        row("build, s", "build_s", "{:.1f}", "15" if whole else "", within("build_s", 15)),
        row("build, s of processor time", "build_cpu_s", "{:.1f}", "15" if whole else "", within("build_cpu_s", 15)),
        row("build, peak MB", "peak_mb", "{:.0f}", "200" if whole else "", within("peak_mb", 200)),
        row("on disk, MB", "disk_mb", "{:.0f}", "", None),
        row("private memory, MB", "private_mb", "{:.1f}", "5", ours["private_mb"] <= 5),
        row("mapped memory, MB", "mapped_mb", "{:.0f}", "60", ours["mapped_mb"] <= 60),
        row("open, ms", "open_ms", "{:.1f}", "10", ours["open_ms"] <= 10),
    ]
    if "rules" in figures:
        verdicts = figures["rules"]
        rows.append(
            row(
                "browsing-like, as whole verdicts of the rules in force", "browsing_rate", "{:,.0f}", "", None, verdicts
            )
        )
    return rows


def _prepare(folder: Path, entries: Iterable[tuple[str, str]]) -> None:
    """Write the names for all engines, and the questions: three labels, half of them listed by a parent."""
    (folder / "lists").mkdir()
    files = {category: (folder / "lists" / f"{category}.txt").open("w") for category in CATEGORIES}
    masks: dict[str, int] = {}
    for name, category in entries:
        files[category].write(f"{name}\n")
        masks[name] = masks.get(name, 0) | 1 << CATEGORIES.index(category)
    for category, file in files.items():
        file.close()
        path = folder / "lists" / f"{category}.txt"
        if not path.stat().st_size:
            raise AssertionError(f"no names of {category}")
    with (folder / "entries.tsv").open("w") as table:
        table.writelines(f"{name}\t{mask}\n" for name, mask in masks.items())
    chance = random.Random(2)
    two_labels = [name for name in masks if name.count(".") == 1]
    listed = {f"www.{name}" for name in chance.sample(two_labels, QUESTIONS // 2)}
    others: set[str] = set()
    while len(others) < QUESTIONS - len(listed):
        name = f"{chance.getrandbits(40):010x}.{chance.choice(('com', 'net', 'org'))}"
        if name not in masks:
            others.add(f"www.{name}")
    hosts = sorted(listed) + sorted(others)
    chance.shuffle(hosts)
    (folder / "hosts.txt").write_text("\n".join(hosts))
    ranks = list(accumulate(1 / rank for rank in range(1, SITES_VISITED + 1)))  # Zipf's law
    visits = chance.choices(hosts[:SITES_VISITED], cum_weights=ranks, k=QUESTIONS)
    (folder / "browsing.txt").write_text("\n".join(visits))


def _made_entries(count: int) -> Iterator[tuple[str, str]]:
    """Made names, each in one of eight categories, one in twenty in a second one too."""
    chance = random.Random(1)
    for _ in range(count):
        name = f"{chance.getrandbits(40):010x}.{chance.choice(('com', 'net', 'org', 'info'))}"
        yield name, chance.choice(CATEGORIES)
        if chance.random() < 0.05:
            yield name, chance.choice(CATEGORIES)


def _real_entries() -> Iterator[tuple[str, str]]:
    """The names of the real lists that may be entries at all, as each engine is given them."""
    suffix_list = PublicSuffixes.shipped()
    for path in sorted(LISTS.glob("*.domains.gz")):
        category = LIST_CATEGORIES.get(path.name.split(".")[0].rpartition("-")[2])
        if category is None:
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                try:
                    name = normalise_host(line.partition("#")[0].strip())
                except HostRefused:
                    continue
                if not suffix_list.holds(name):
                    yield name, category
