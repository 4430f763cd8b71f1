"""The signed rules in force on this device: what is on the disk is verified and taken up, and asked for anew in time.

Whoever edits the files on the disk is noticed within a second; what was loaded before stays in force, and the signed
files are fetched again. The check for new ones runs in a short-lived child, so that what it loads never stays in the
service's memory.
"""

from __future__ import annotations

import gc
import logging
import subprocess
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from agent import child, memory, updates
from agent.bundle import Bundle
from agent.health import SourceHealth
from agent.program import own_command
from agent.rules_watch import RulesWatch

log = logging.getLogger(__name__)

RULES_OLD_AFTER: Final = timedelta(days=7)
"""As long as the snapshot of what is published lives: older rules stay in force, and the lead's IT hears of it."""
UPDATE_MAX_SECONDS: Final = 2 * 3600.0
"""Two packs of 58 MB at `agent.http.LEAST_BYTES_PER_SECOND`; a child that hangs is ended."""
_EDITED: Final = "The signed rules on this disk were changed by hand; those loaded before stay in force."
_EDITED_AND_NOTHING_LOADED: Final = "The signed rules on this disk were changed by hand; none are in force."


class SignedRules:
    """What is in force, and the care for it. `load` and `update` may be called from any thread."""

    def __init__(
        self,
        data_dir: Path,
        clock: Callable[[], datetime],
        on_new: Callable[[Bundle], None],
        stopping: threading.Event,
    ) -> None:
        """`on_new(bundle)` takes each set that comes into force; `stopping` ends a check that is under way."""
        self._data_dir = data_dir
        self._clock = clock
        self._on_new = on_new
        self._stopping = stopping
        self.bundle: Bundle | None = None
        self._problem = ""
        self._loading, self._updating = threading.Lock(), threading.Lock()
        self._update_wanted = threading.Event()
        self.watch = RulesWatch(data_dir / updates.RULES_FOLDER, self.changed)

    def update(self) -> None:
        """Ask for newly signed rules in a child, and take up what it left. What is in force stays in force."""
        self._update_wanted.set()
        if not self._updating.acquire(blocking=False):
            return  # one is under way, perhaps for an hour: it asks once more before it ends
        try:
            while self._update_wanted.is_set() and not self._stopping.is_set():
                self._update_wanted.clear()
                self._run_update()
        finally:
            self._updating.release()

    def _run_update(self) -> None:
        command = [*own_command(), "update", "--data-dir", str(self._data_dir)]
        try:
            code = child.run(command, limit_seconds=UPDATE_MAX_SECONDS, stopping=self._stopping)
        except (OSError, subprocess.TimeoutExpired) as fault:
            log.warning("service.update_failed kind=%s", type(fault).__name__)
            return
        if code is None:
            return
        if code != 0:
            log.warning("service.update_failed exit=%d", code)
        self.load()

    def changed(self) -> None:
        """Take up rules that were put on this disk, where they are signed; where not, have them put right at once."""
        self.load()
        if self._problem and not self._stopping.is_set():
            self.update()

    def load(self) -> None:
        """Verify what is on the disk and take it up, if it is other than what was looked at last."""
        with self._loading:
            if self.bundle is not None and not self._problem and self.watch.is_as_noted:
                return
            self.watch.note()
            fresh, problem = updates.look(self._data_dir)
            if fresh is None:
                self._problem = problem or ("the signed rules are gone" if self.bundle is not None else "")
                if self._problem:
                    log.warning("service.rules_refused")
                return
            if self.bundle is not None and _older(fresh, self.bundle):
                self._problem = "the signed rules on this disk are older than those in force"
                log.warning("service.rules_refused")
                return
            self._problem = ""
            if self.bundle is None or not _same(fresh, self.bundle):
                self.bundle = fresh
                self._on_new(fresh)
                log.info("service.rules policy=%d recipients=%d", fresh.policy_version, fresh.recipients_version)
                gc.collect()
                memory.give_back()

    def health(self) -> SourceHealth:
        """How it is with the rules, for status and heartbeat."""
        if self._problem:
            reason = _EDITED if self.bundle is not None else _EDITED_AND_NOTHING_LOADED
            return SourceHealth(name="rules", state="failing", reason=reason)
        if self.bundle is None:
            return SourceHealth(name="rules", state="unknown", reason="There are no signed rules yet.")
        if not self.bundle.can_seal:
            return SourceHealth(name="rules", state="failing", reason="No signed key to seal evidence to.")
        state = updates.read_state(self._data_dir)
        age = state.age(self._clock())
        if age is not None and age > RULES_OLD_AFTER:
            reason = f"The signed rules in force were last confirmed {age.days} days ago."
            return SourceHealth(name="rules", state="failing", reason=reason)
        return SourceHealth(name="rules", state="working")

    def lists(self, identity: str) -> bool:
        """Whether the rules in force have a category for an app."""
        bundle = self.bundle
        return bundle is not None and bool(bundle.rules.classify("app", identity).categories)

    def lists_host(self, name: str) -> bool:
        """Whether the rules in force, or a list on trial, have a category for a host, or it is the harmless test's."""
        bundle = self.bundle
        if bundle is None:
            return False
        verdict = bundle.rules.classify("host", name)
        return bool(verdict.categories or verdict.trial or verdict.trip)

    def is_background(self, name: str) -> bool:
        """Whether the rules in force call a host background traffic."""
        bundle = self.bundle
        return bundle is not None and bundle.rules.classify("host", name).background


def _same(one: Bundle, other: Bundle) -> bool:
    return (one.recipients_version, one.policy_version, dict(one.packs)) == (
        other.recipients_version,
        other.policy_version,
        dict(other.packs),
    )


def _older(one: Bundle, other: Bundle) -> bool:
    # Only what stands under custodians' versions counts: a pack may be taken off the list.
    return one.recipients_version < other.recipients_version or one.policy_version < other.policy_version
