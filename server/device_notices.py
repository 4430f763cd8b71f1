"""What a device notices about itself, in words for IT: what happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext, gettext_noop

from protocol.messages import HealthNotice

WORDS: Final[dict[HealthNotice, tuple[str, str]]] = {
    "stopped_badly": (
        gettext_noop("its service was killed, or kept from running"),
        gettext_noop("Ask whoever has it. Look who may administer that device."),
    ),
    "files_changed": (
        gettext_noop("an installed file of Fairwatch was changed"),
        gettext_noop("Install the package again. If it comes back, somebody changes it on purpose."),
    ),
    "extension_removed": (
        gettext_noop("a browser runs without the extension that it had"),
        gettext_noop("Look whether the browser still has the policy that installs it."),
    ),
    "clock_moved": (
        gettext_noop("its clock was moved by more than two minutes"),
        gettext_noop("See that it takes its time from the network."),
    ),
    "slowed_memory": (
        gettext_noop("it looks less often, to use less memory"),
        gettext_noop("If it stays so for days, tell whoever maintains Fairwatch."),
    ),
    "slowed_cpu": (
        gettext_noop("it looks less often, to use less of the processor"),
        gettext_noop("If it stays so for days, tell whoever maintains Fairwatch."),
    ),
    "slowed_disk": (
        gettext_noop("it looks less often, to write less to the disk"),
        gettext_noop("If it stays so for days, tell whoever maintains Fairwatch."),
    ),
    "slowed_network": (
        gettext_noop("it looks less often, to send less"),
        gettext_noop("If it stays so for days, tell whoever maintains Fairwatch."),
    ),
    "identity_in_use": (
        gettext_noop("another device uses its identity"),
        gettext_noop("A disk was copied. Retire this device, and enrol both anew."),
    ),
}
"""Each word of the closed list: what happened, and what to do."""


def told(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return what was noticed and what to do, by each word that is known; a newer agent's others are left out."""
    return [(gettext(WORDS[word][0]), gettext(WORDS[word][1])) for word in words if word in WORDS]
