"""What an agent notices about itself, in one sentence each, for whoever looks at the device."""

from __future__ import annotations

from typing import Final

from protocol.messages import HealthNotice

SENTENCES: Final[dict[HealthNotice, str]] = {
    "stopped_badly": "Within the last day the service was killed, or kept from running while this device was on.",
    "files_changed": "An installed file of Fairwatch is not what was installed; install it again.",
    "extension_removed": "A browser runs without the Fairwatch extension that it had.",
    "clock_moved": "Within the last day this device's clock was moved by more than two minutes.",
    "slowed_memory": "The service used more memory than it may, so it looks less often until it does not.",
    "slowed_cpu": "The service used more of the processor than it may, so it looks less often until it does not.",
    "slowed_disk": "The service wrote more to the disk than it may, so it looks less often until it does not.",
    "slowed_network": "The service sent more than it may, so it looks less often until it does not.",
    "identity_in_use": "Another device uses this one's identity, so the collector takes nothing; enrol it again.",
}
