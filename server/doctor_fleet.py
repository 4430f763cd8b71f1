"""What the doctor looks at of the fleet: the signed rules that devices take, and which laptops need a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from server.doctor_machine import CERTIFICATE_WARNING, Finding

BY_IT = frozenset({"packs"})
"""Signed by IT alone; everything else that is signed off the collector takes the custodians."""

TAMPERING = frozenset(
    {
        "identity_held", "identity_in_use", "stopped_badly", "files_changed", "version_back", "extension_removed",
        "clock_jumped", "clock_moved",
    }
)  # fmt: skip
"""What looks like somebody's hand, and so is wrong until IT looked or muted it."""


def publication(data_dir: Path) -> Finding:
    """Whether each signed part lasts, and whether the collector itself keeps saying which is the newest."""
    from server.publish import Publication

    collector = Publication(data_dir)
    published = collector.published()
    if published is None:
        sentence = "nothing is published yet; devices observe nothing until then"
        return Finding("publication", ok=False, sentence=sentence)
    return publication_finding(published.expiries, collector.stamped_until(), datetime.now(UTC))


def publication_finding(expiries: Mapping[str, datetime], stamped_until: datetime | None, now: datetime) -> Finding:
    """Judge when the signed parts end, and the collector's own stamp on them, which `run` renews."""
    if stamped_until is None or stamped_until <= now:
        sentence = "devices take nothing new, since its stamp is over: `fairwatch-server run` renews it while it runs"
        return Finding("publication", ok=False, sentence=sentence)
    ending = {name: when for name, when in expiries.items() if when <= now + CERTIFICATE_WARNING}
    if not ending:
        return Finding("publication", ok=True, sentence=f"signed rules valid until {min(expiries.values()):%Y-%m-%d}")
    parts = ", ".join(f"{name} on {when:%Y-%m-%d}" for name, when in sorted(ending.items(), key=lambda one: one[1]))
    who = [who for who, named in (("the custodians", ending.keys() - BY_IT), ("IT", ending.keys() & BY_IT)) if named]
    verb = "ended or ends" if any(when <= now for when in ending.values()) else "ends"
    sentence = f"{verb}: {parts}; {' and '.join(who)} must sign again (fairwatch-custody sign), then publish it"
    return Finding("publication", ok=False, sentence=sentence)


def devices(data_dir: Path) -> Finding:  # noqa: ARG001
    """How many laptops need a look, and where to look."""
    from django.conf import settings

    from server import device_looks

    found = device_looks.sections(None, datetime.now(UTC), most=1)
    where = f"{settings.CONFIG.url.rstrip('/')}/devices/look/"
    return devices_finding([(one.kind, one.what, one.count) for one in found], where)


def devices_finding(sections: Sequence[tuple[str, str, int]], where: str) -> Finding:
    """Judge the kinds of what was noticed, each with how many laptops: what looks like somebody's hand is wrong."""
    if not sections:
        return Finding("devices", ok=True, sentence="none needs a look")
    told = "; ".join(f"{what}: {count}" for _, what, count in sections)
    sentence = f"{told}. Look into each at {where} or with `fairwatch-server devices look`, or mute it there"
    return Finding("devices", not any(kind in TAMPERING for kind, _, _ in sections), sentence)
