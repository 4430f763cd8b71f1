"""Set Django up on one data folder: what every command does before it touches a record."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT_DATA_DIR = Path("/var/lib/fairwatch-collector")


def set_up(data_dir: Path) -> None:
    """Read the folder's configuration and load the models; raises ConfigError. One folder a process."""
    os.environ["FAIRWATCH_DATA_DIR"] = str(data_dir.absolute())
    os.environ["DJANGO_SETTINGS_MODULE"] = "server.settings"
    import django  # late: the settings are read from the environment above

    django.setup()


def require_own_account(data_dir: Path) -> None:
    """Refuse to work as root in the folder of another account, which could not use what is left; raises SetUpError."""
    from server.errors import SetUpError

    if os.name == "posix" and os.geteuid() == 0 and data_dir.is_dir() and data_dir.stat().st_uid != 0:
        owner = data_dir.owner()
        raise SetUpError(f"{data_dir} is the account {owner}'s: run this as it, with: runuser -u {owner} -- …")


def is_made(data_dir: Path) -> bool:
    """Whether `init` came to its end here: the session key is the last that it writes, and an empty one is none."""
    key = data_dir / "keys" / "django"
    return key.is_file() and key.stat().st_size > 0


def require(data_dir: Path) -> None:
    """Set Django up on a folder that `init` made; raises SetUpError when it was not."""
    from server.errors import SetUpError

    if not is_made(data_dir):
        raise SetUpError(f"{data_dir} is not a collector's data folder; make one with: fairwatch-server init")
    set_up(data_dir)
