"""Know which keys can open evidence here: the leads' own, and all that the published list names (recovery too)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from protocol.errors import NotTrusted
from protocol.publication import RECIPIENTS_TARGET, decode_recipients
from server.store.models import LeadKey

LISTS_READ = 20
"""Published lists remembered: a device that was away for a year still seals to the list it had."""


def known_key_ids() -> frozenset[str]:
    """Return the ids of all keys that somebody here has or had.

    Older lists count: an alert sealed to last year's lead and the recovery key must not be thrown away.
    """
    return frozenset(LeadKey.objects.values_list("key_id", flat=True)) | _published(Path(settings.RULES_DIR))


def _published(rules: Path) -> frozenset[str]:
    folder, _, name = RECIPIENTS_TARGET.rpartition("/")
    try:
        files = [(entry.stat().st_mtime_ns, entry) for entry in (rules / "targets" / folder).glob(f"*.{name}")]
    except OSError:
        return frozenset()
    newest = tuple(path for _, path in sorted(files, reverse=True)[:LISTS_READ])
    return frozenset[str]().union(*(_ids(path) for path in newest))


@lru_cache(maxsize=2 * LISTS_READ)
def _ids(path: Path) -> frozenset[str]:
    # A file's name holds its hash, so what was read of it once stays true.
    try:
        return frozenset(one.key_id for one in decode_recipients(path.read_bytes()).recipients)
    except (OSError, NotTrusted):
        return frozenset()
