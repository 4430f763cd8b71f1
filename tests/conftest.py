"""What every test may use: the vectors, and the promise that tests reach loopback only."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

VECTORS = Path(__file__).parent / "vectors"
ROOT = Path(__file__).parent.parent

# How fast a machine is says nothing about what a property holds for.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture
def vectors() -> Callable[[str], list[dict[str, Any]]]:
    """Return a reader of one file of vectors."""
    return lambda name: json.loads((VECTORS / f"{name}.json").read_text())


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that this process makes to anything but loopback or a local socket."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            assert host == "localhost" or host == "::1" or host.startswith("127."), f"a test reached for {host}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


# --- an organisation whose rules are signed: the same steps as its people take, by the same command ------------------


@dataclass(frozen=True)
class Organisation:
    """Folders of an organisation: what the ceremony made, the people's keys, and the collector's data folder."""

    folder: Path

    @property
    def ceremony(self) -> Path:
        """What the first custodian's ceremony made."""
        return self.folder / "ceremony"

    @property
    def collector(self) -> Path:
        """The collector's data folder."""
        return self.folder / "collector"

    def custody(self, *words: str | Path) -> int:
        """Run fairwatch-custody in this process; returns its exit code."""
        from custody.__main__ import main

        return main([str(word) for word in words])

    def sign(self, *words: str | Path, key: str = "custodian") -> int:
        """Sign with one of the keys: custodian, second (where there are two) or it."""
        place = {
            "custodian": self.ceremony / "private" / "custodian.pem",
            "second": self.folder / "second.pem",
            "it": self.folder / "it.pem",
        }[key]
        secret = ("--passphrase-file", self.folder / "passphrase", "--yes")
        return self.custody("sign", *words, "--dir", self.ceremony, "--key", place, *secret)

    def sign_everything(self, keys: Sequence[str]) -> None:
        """Sign a list of recipients, the shipped policy and the shipped packs, as far as these keys can."""
        rules = self.folder / "rules"
        lists = [rules / name for name in ("categories.toml", "protected.pack", "nameable.pack")]
        assert self.sign("recipients", "--lead-key", f"Alex={self.folder / 'lead.json'}") == 0
        assert self.sign("policy", ROOT / "rules" / "policy.toml", *lists) == 0
        assert self.sign("packs", rules / "packs" / "curated.pack", key="it") == 0
        for key in keys[1:]:
            assert self.sign(key=key) == 0

    def put_packs(self, contents: Mapping[str, bytes]) -> int:
        """Sign exactly these files, deltas among them, as the next packs, as IT could by any program."""
        from tuf.api.metadata import Metadata, Targets

        from custody.draft import Draft
        from protocol.publication import dated
        from protocol.rolekeys import from_pem, sign

        draft = Draft(self.ceremony)
        old = draft.in_force("packs")
        assert old is not None
        version = old.signed.version + 1
        targets = {path: draft.put_target(path, data, version) for path, data in contents.items()}
        expires, extra = dated("packs", datetime.now(UTC))
        piece = Metadata(Targets(version, None, expires, targets, None, extra))
        sign(piece, from_pem((self.folder / "it.pem").read_bytes(), (self.folder / "passphrase").read_text()))
        draft.put("packs", piece)
        return version

    def packs(self) -> dict[str, bytes]:
        """The files that the packs in force list, by path."""
        from custody.draft import Draft

        draft = Draft(self.ceremony)
        old = draft.in_force("packs")
        assert old is not None
        return {path: draft.target(target) for path, target in old.signed.targets.items()}

    def publish(self, now: datetime | None = None) -> Any:
        """Take what is signed to the collector; returns its Publication."""
        from server.publish import Publication

        publication = Publication(self.collector)
        publication.accept(self.ceremony, now if now is not None else datetime.now(UTC))
        return publication


def _found(folder: Path, *, pilot: bool) -> Organisation:
    import msgspec

    from protocol.leadkeys import make
    from rules.compiler import compile_shipped
    from server.publish import init_online_keys

    here = Organisation(folder)
    secret = folder / "passphrase"
    secret.write_text("quiet lamp river seven ocean bread")
    (folder / "lead.json").write_bytes(msgspec.json.encode(make(secret.read_text())))
    (folder / "rules").mkdir()
    compile_shipped(folder / "rules")
    init_online_keys(here.collector)
    people: list[str | Path] = ["--pilot"] if pilot else ["--custodian", folder / "second.public.json"]
    for name in ("it", "second"):
        out = ("--out", folder / f"{name}.pem", "--name", name)
        assert here.custody("key", *out, "--passphrase-file", secret, "--yes") == 0
    people += ["--it-key", folder / "it.public.json", "--passphrase-file", secret, "--yes"]
    online = ("--online-keys", here.collector / "keys" / "online-keys.json")
    assert here.custody("ceremony", "--dir", here.ceremony, *online, *people) == 0
    if not pilot:
        assert here.sign(key="second") == 0
    here.sign_everything(["custodian"] if pilot else ["custodian", "second"])
    return here


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Organisation]:
    return {pilot: _found(tmp_path_factory.mktemp("organisation"), pilot=pilot) for pilot in (True, False)}


@pytest.fixture
def custodians(_templates: dict[bool, Organisation], tmp_path: Path) -> Organisation:
    """Return an organisation with two custodians, everything signed, nothing published yet."""
    shutil.copytree(_templates[False].folder, tmp_path / "organisation")
    return Organisation(tmp_path / "organisation")


@pytest.fixture
def pilot(_templates: dict[bool, Organisation], tmp_path: Path) -> Organisation:
    """Return a pilot with one custodian, everything signed, nothing published yet."""
    shutil.copytree(_templates[True].folder, tmp_path / "pilot")
    return Organisation(tmp_path / "pilot")


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Any]:
    """Playwright, once a worker: its loop lives in the tests' thread, and a second one would not start beside it."""
    from playwright.sync_api import sync_playwright  # late: few tests need a browser

    # Django would take Playwright's loop for asynchronous code of its own.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as driver:
        yield driver
