"""Makes one .deb or .rpm with nfpm: the version's folder, the further files, the links and the scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.installed_files import write_manifest
from installers.browsers.build import linux_files, package_key
from installers.linux.bill import BILL, bill
from installers.linux.closure import TOP, read_lock
from installers.linux.contents import Form, Package, Placed
from installers.linux.tree import lay_out, packages_of, settle

ARCHITECTURE: Final = "amd64"
KEYS: Final = TOP / "dist/browsers"
NFPM_SECONDS: Final = 300.0


def stage(package: Package, folder: Path, version: str, epoch: int) -> None:
    """Lay the package's files out below a new folder, as they will lie on the machine."""
    home = folder / package.home.lstrip("/")
    home.mkdir(parents=True)
    lay_out(home, package.code, version, packages_of(package.extra, read_lock((TOP / "requirements.lock").read_text())))
    made = linux_files(package_key(KEYS)) if any(not placed.source for placed in package.files) else {}
    for placed in package.files:
        target = folder / placed.target.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if placed.source:
            shutil.copyfile(TOP / placed.source, target)
        else:
            target.write_bytes(made[placed.target])
    write_manifest(home)
    bill_of(package, folder).write_text(bill(package.name, version, home, epoch))
    programs = ["start.py", *(Path(one.target).name for one in package.files if one.mode & 0o111)]
    settle(folder, epoch, programs)


def bill_of(package: Package, folder: Path) -> Path:
    """Return where the package's bill of materials lies among what was staged."""
    return folder / "usr/share/doc" / package.name / BILL


def make(package: Package, staged: Path, form: Form, version: str, epoch: int, into: Path) -> Path:
    """Make the package from what was staged and return its file; raises CalledProcessError where nfpm refuses."""
    wanted = _wanted(package, staged, form, version, epoch)
    recipe = staged.parent / f"{package.name}.{form}.json"
    recipe.write_text(json.dumps(wanted, indent=1))
    before = set(into.glob(f"*.{form}"))
    nfpm = Path(sys.executable).with_name("nfpm")
    command = [str(word) for word in (nfpm, "package", "-f", recipe, "-p", form, "-t", into)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=NFPM_SECONDS)
    (made,) = set(into.glob(f"*.{form}")) - before
    return made


def _wanted(package: Package, staged: Path, form: Form, version: str, epoch: int) -> dict[str, Any]:
    """Return nfpm's configuration: https://nfpm.goreleaser.com/docs/configuration/ (JSON is YAML as well)."""
    return {
        "name": package.name,
        "arch": ARCHITECTURE,
        "platform": "linux",
        "version": version,
        "release": "1" if form == "rpm" else "",
        "mtime": _moment(epoch),
        "section": "admin",
        "priority": "optional",
        "maintainer": "Fairwatch <fairwatch@localhost>",
        "description": package.summary,
        "license": "Apache-2.0",
        "umask": 0o022,
        "depends": list(package.rpm_depends if form == "rpm" else package.depends),
        "recommends": list(package.rpm_recommends if form == "rpm" else package.recommends),
        "contents": [
            {"src": str(staged / package.home.lstrip("/")), "dst": package.home, "type": "tree"},
            _one(Placed("", f"/usr/share/doc/{package.name}/{BILL}"), staged),
            *(
                _one(placed, staged)
                for placed in package.files
                if form in placed.forms and not placed.target.startswith(f"{package.home}/")
            ),
            *({"src": points_to, "dst": place, "type": "symlink"} for place, points_to in package.links),
        ],
        "scripts": {event: str(TOP / path) for event, path in package.scripts},
        "deb": {"compression": "zstd"},
        "rpm": {
            "compression": "zstd",
            "buildhost": "localhost",
            "group": "System Environment/Daemons",
            "scripts": {event: str(TOP / path) for event, path in package.rpm_scripts},
        },
    }


def _one(placed: Placed, staged: Path) -> dict[str, Any]:
    return {
        "src": str(staged / placed.target.lstrip("/")),
        "dst": placed.target,
        "file_info": {"mode": placed.mode, "owner": "root", "group": "root"},
    }


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
