"""Host names looked up a second in a pack, beside a dict and marisa-trie on the same names in the same run."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import marisa_trie

from rules.hosts import suffixes
from tests.bench.table import Row

ENTRIES = 1_000_000
LOOKUPS = 100_000
ROUNDS = 3
MB = 1024 * 1024


def run() -> list[Row]:
    """Measure on made names: a million entries, hosts of three labels, half of them listed by a parent."""
    chance = random.Random(1)
    entries = [f"{chance.getrandbits(40):010x}.{chance.choice(('com', 'net', 'org', 'co'))}" for _ in range(ENTRIES)]
    hosts = [f"www.{chance.choice(entries)}" for _ in range(LOOKUPS // 2)]
    hosts += [f"www.{chance.getrandbits(40):010x}.info" for _ in range(LOOKUPS - len(hosts))]
    chance.shuffle(hosts)
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as folder:
        pack, build_seconds = _build(Path(folder), entries)
        before = _anonymous_mb()
        began = time.perf_counter()
        index = _open(pack)
        opened_ms = (time.perf_counter() - began) * 1000
        ours, hits = _rate(index.find_host, hosts)
        private_mb = max(0.0, _anonymous_mb() - before)
        size_mb = pack.stat().st_size / MB
    plain = dict.fromkeys(entries, 1)
    theirs, plain_hits = _rate(lambda host: next((s for s in suffixes(host) if s in plain), None), hosts)
    trie = marisa_trie.Trie(entries)
    tries, trie_hits = _rate(lambda host: next((s for s in suffixes(host) if s in trie), None), hosts)
    assert hits == plain_hits == trie_hits == LOOKUPS // 2
    return [
        Row(
            "lookups/s, 1 M entries, half hits",
            f"{ours / 1000:.0f}k",
            f"dict {theirs / 1000:.0f}k, marisa-trie {tries / 1000:.0f}k",
            "0.75 of dict",
            ours >= 0.75 * theirs and ours > tries,
        ),
        Row(
            "pack of 1 M entries: open, private memory",
            f"{opened_ms:.1f} ms, {private_mb:.1f} MB",
            "-",
            "10 ms, 5 MB",
            opened_ms <= 10 and private_mb <= 5,
        ),
        Row("pack of 1 M entries: build, on disk", f"{build_seconds:.1f} s, {size_mb:.0f} MB", "-", "-"),
    ]


def _build(folder: Path, entries: Sequence[str]) -> tuple[Path, float]:
    from rules.__main__ import main

    (folder / "list.txt").write_text("\n".join(entries))
    pack = folder / "made.pack"
    began = time.perf_counter()
    assert main(["build", f"domains:gambling:{folder / 'list.txt'}", "-o", str(pack), "--json"]) == 0
    return pack, time.perf_counter() - began


def _open(pack: Path):
    from rules.index import Index

    return Index.open(pack)


def _anonymous_mb() -> float:
    """Return this process's own memory, without pages of files that it maps (the kernel may drop those at any time)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


def _rate(find: Callable[[str], object], hosts: Sequence[str]) -> tuple[float, int]:
    """Return the best of some rounds in lookups a second, and how many were found."""
    best, found = float("inf"), 0
    for _ in range(ROUNDS):
        began = time.process_time()
        found = sum(1 for host in hosts if find(host))
        best = min(best, time.process_time() - began)
    return len(hosts) / best, found
