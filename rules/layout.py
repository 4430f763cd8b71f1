"""The bytes of a compiled pack: header, labels, prefix table, filter, sorted hashes, set ids.

All numbers are little-endian and every section begins at a multiple of eight:

    header   HEADER_BYTES: magic, version, counts, sizes, and three checksums (XXH3-128)
    labels   JSON: {"sets": [[[category, list], ...], ...], "names": [...]}; a set is every list that named one entry
    table    u32 [2**prefix_bits + 1]: where the hashes that begin with each prefix begin
    filter   a bit for each beginning of a hash (they are a power of two): a clear one means that no entry begins so
    hashes   u64 [entries], ascending: XXH3-64 of the entry's name
    ids      [entries] of id_bytes each: which set of the labels belongs to the hash beside it

A pack of lists holds no name: the suffix whose hash is found is the entry. XXH3 is quick, not cryptographic. By chance
one name in 2**64 matches an entry; on purpose, somebody can choose a domain that has the hash of a listed one, and is
then taken for listed: nothing that linking to the listed one would not do. To be taken for a protected or an allowed
site would hide a site from every rule, so the packs that put a site out of reach hold their `names` too, in the order
of the hashes, and what is found is compared with them whole. (Sixty-four bits of a cryptographic hash would not do:
a second preimage over some hundred entries is a few weeks' work.)

The header, labels and table are checked at every open, the rest by `Index.verify`. The checksums find damage, for which
a quick hash does; what somebody changed on purpose is found before, by the pack's signed SHA-256.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec
from xxhash import xxh3_64_intdigest, xxh3_128

from rules.errors import PackError

MAGIC = b"FWRULES\n"
VERSION = 3
HEADER_BYTES = 128
MAX_ENTRIES = 2**31 - 1  # the table's numbers are 32 bits wide
MAX_PREFIX_BITS = 20  # a table of 4 MB; 5 M entries need 19
_MIN_PREFIX_BITS = 8
FILTER_BITS_PER_ENTRY = 8  # at least; between one in nine and one in seventeen absent names is still searched for

_header = struct.Struct("<8sHBBIQQQQ16s16s")  # then zeros up to the header's own checksum
_SUM_BYTES = 16

name_hash: Final = xxh3_64_intdigest
"""The 64-bit hash under which a name, in UTF-8, is stored. No function of ours around it: called by the million."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a header says; the sections' places follow from it. `front` covers labels and table, `body` the rest."""

    id_bytes: int
    prefix_bits: int
    entries: int
    labels_bytes: int
    filter_bits: int
    front: bytes
    body: bytes

    @property
    def table_at(self) -> int:
        """Where the prefix table begins."""
        return _aligned(HEADER_BYTES + self.labels_bytes)

    @property
    def filter_at(self) -> int:
        """Where the filter begins."""
        return _aligned(self.table_at + 4 * ((1 << self.prefix_bits) + 1))

    @property
    def hashes_at(self) -> int:
        """Where the hashes begin."""
        return _aligned(self.filter_at + (self.filter_bits + 7) // 8)

    @property
    def ids_at(self) -> int:
        """Where the set ids begin."""
        return self.hashes_at + 8 * self.entries

    @property
    def length(self) -> int:
        """The whole pack's length in bytes."""
        return _aligned(self.ids_at + self.id_bytes * self.entries)

    def to_bytes(self) -> bytes:
        """The header, its checksum last."""
        start = _header.pack(
            MAGIC,
            VERSION,
            self.id_bytes,
            self.prefix_bits,
            0,
            self.entries,
            self.labels_bytes,
            self.filter_bits,
            self.length,
            self.front,
            self.body,
        ).ljust(HEADER_BYTES - _SUM_BYTES, b"\0")
        return start + checksum(start)


def read_header(header: bytes) -> Layout:
    """What the header says; raises PackError where it is no pack's, of another version, or damaged."""
    if header[: len(MAGIC)] != MAGIC:
        raise PackError("not a compiled pack (it does not begin with the pack's magic)")
    if len(header) < HEADER_BYTES:
        raise PackError("the pack is cut short within its header")
    (_, version, id_bytes, prefix_bits, _, entries, labels_bytes, filter_bits, length, front, body) = _header.unpack(
        header[: _header.size]
    )
    if checksum(header[:-_SUM_BYTES]) != header[-_SUM_BYTES:]:
        raise PackError("the pack's header is damaged (its checksum is wrong)")
    if version != VERSION:
        advice = "build it anew" if version < VERSION else "update Fairwatch"
        raise PackError(f"the pack is of version {version}, this Fairwatch reads version {VERSION}: {advice}")
    layout = Layout(
        id_bytes=id_bytes,
        prefix_bits=prefix_bits,
        entries=entries,
        labels_bytes=labels_bytes,
        filter_bits=filter_bits,
        front=front,
        body=body,
    )
    if id_bytes not in (1, 2, 4) or prefix_bits > MAX_PREFIX_BITS or entries > MAX_ENTRIES or layout.length != length:
        raise PackError("the pack's header contradicts itself")
    if filter_bits < 8 or filter_bits & (filter_bits - 1):
        raise PackError("the pack's header contradicts itself")
    return layout


def filter_size(entries: int) -> int:
    """How many bits a filter of so many entries has: a power of two, so that it stays when a few entries more come."""
    return min(1 << 32, max(64, 1 << (FILTER_BITS_PER_ENTRY * entries - 1).bit_length()))


def filter_shift(filter_bits: int) -> int:
    """By how much a hash is shifted to have its bit of the filter."""
    return 65 - filter_bits.bit_length()


def prefix_size(entries: int, entries_per_prefix: int) -> int:
    """How many bits of the hash the table of so many entries goes by."""
    return min(MAX_PREFIX_BITS, max(_MIN_PREFIX_BITS, (entries // entries_per_prefix).bit_length()))


def checksum(*parts: bytes | memoryview) -> bytes:
    """The checksum over these parts, one after another."""
    digest = xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _aligned(offset: int) -> int:
    return (offset + 7) & ~7
