"""Writes what IT needs to give browsers the extension: the packed files, and each platform's policies and hosts.

`python -m installers.browsers.build [--key FILE] [--url URL] [--into DIR]`; `make installers` calls it first, since the
packages take the Linux files in. Whoever keeps the key keeps the extension's id: a later version packed with another
key would be another extension.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from installers.browsers import packing, policies

TOP: Final = Path(__file__).parents[2]
SHARE: Final = "/usr/share/fairwatch/extension"
"""Where the Linux packages put the packed files; browsers there fetch them from the disk."""
LINUX_PROGRAM: Final = "/usr/lib/fairwatch/browser"
LINUX_COMMAND: Final = "/usr/bin/fairwatch-agent"
MACOS_PROGRAM: Final = "/Library/Fairwatch/browser"
MACOS_COMMAND: Final = "/Library/Fairwatch/fairwatch-agent"
WINDOWS_FOLDER: Final = r"C:\Program Files\Fairwatch\browsers"
WINDOWS_PROGRAM: Final = r"C:\Program Files\Fairwatch\browser.cmd"
KEY_NAME: Final = "extension-key.pem"
EXAMPLE_URL: Final = "https://it.example/fairwatch"
FIREFOX_POLICIES: Final = f"{SHARE}/firefox-policies.json"


def main(words: Sequence[str] | None = None) -> int:
    """Write everything and say where; returns 0, or 2 with one line where the key can't be used."""
    parser = argparse.ArgumentParser(prog="installers.browsers.build", description="Pack the browser extension.")
    parser.add_argument("--into", type=Path, default=TOP / "dist/browsers", help="where to put it")
    parser.add_argument("--key", type=Path, help=f"the RSA key to pack with (default: {KEY_NAME} beside it, made once)")
    parser.add_argument("--url", help="where Windows and macOS fetch the files: an https folder of yours")
    parser.add_argument("--private-windows", choices=("as_is", "closed", "watched"), default="as_is")
    parser.add_argument("--signed-xpi", action="store_true", help="the file for Firefox was signed by Mozilla")
    parser.add_argument("--organisation", default="Your organisation", help="who sends the profile for macOS")
    asked = parser.parse_args(words)
    try:
        key = _key(asked.key, asked.into)
        files = written(
            key,
            url=asked.url or EXAMPLE_URL,
            private_windows=asked.private_windows,
            signed=asked.signed_xpi,
            organisation=asked.organisation,
        )
    except (OSError, ValueError) as fault:
        print(f"installers: the extension's key can't be used: {fault}", file=sys.stderr)
        return 2
    for name, body in files.items():
        place = asked.into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    print(f"{asked.into} (extension {packing.extension_id(key)})")
    return 0


def written(
    key: bytes, *, url: str, private_windows: policies.PrivateWindows, signed: bool, organisation: str
) -> dict[str, bytes]:
    """Every file, by its path: `linux/` as it lies under the root, `windows/`, `macos/` and `web/`, which is served."""
    here = _extension(key, f"file://{SHARE}", private_windows, signed=signed)
    served = _extension(key, url.rstrip("/"), private_windows, signed=signed)
    packed = {"fairwatch.crx": packing.crx(key), "fairwatch.xpi": packing.xpi()}
    files = {f"web/{name}": body for name, body in packed.items()}
    files["web/updates.xml"] = policies.updates(served).encode()
    files |= {f"linux{SHARE}/{name}": body for name, body in packed.items()}
    files[f"linux{SHARE}/updates.xml"] = policies.updates(here).encode()
    files |= {f"linux/{name}": body.encode() for name, body in policies.linux(here, LINUX_PROGRAM).items()}
    files[f"linux{LINUX_PROGRAM}"] = _starter(here, LINUX_COMMAND)
    files["windows/browsers.reg"] = policies.windows(served, WINDOWS_FOLDER).encode("utf-16")
    for family in ("chromium", "firefox"):
        host = policies.host(served, WINDOWS_PROGRAM, firefox=family == "firefox")
        files[f"windows/host-{family}.json"] = host.encode()
    files["macos/browsers.mobileconfig"] = policies.macos(served, organisation)
    files |= {f"macos/{name}": body.encode() for name, body in policies.macos_hosts(served, MACOS_PROGRAM).items()}
    files[f"macos{MACOS_PROGRAM}"] = _starter(served, MACOS_COMMAND)
    return files


def linux_files(key: bytes) -> dict[str, bytes]:
    """What the Linux package places, by its path on the machine.

    Firefox's policies are one file that an organisation may have already, so the package brings them under another
    name, and puts them in place only where there are none.
    """
    files = written(key, url=EXAMPLE_URL, private_windows="as_is", signed=False, organisation="")
    found = {name.removeprefix("linux"): body for name, body in files.items() if name.startswith("linux/")}
    found[FIREFOX_POLICIES] = found.pop("/etc/firefox/policies/policies.json")
    return found


def package_key(into: Path) -> bytes:
    """The key that packages are built with: the file that FAIRWATCH_EXTENSION_KEY names, else one kept in `into`."""
    named = os.environ.get("FAIRWATCH_EXTENSION_KEY")
    return _key(Path(named) if named else None, into)


def _extension(key: bytes, place: str, private_windows: policies.PrivateWindows, *, signed: bool) -> policies.Extension:
    return policies.Extension(
        chromium_id=packing.extension_id(key),
        firefox_id=packing.firefox_id(),
        version=str(packing.manifest()["version"]),
        update_url=f"{place}/updates.xml",
        crx_url=f"{place}/fairwatch.crx",
        xpi_url=f"{place}/fairwatch.xpi",
        private_windows=private_windows,
        signed=signed,
    )


def _starter(extension: policies.Extension, command: str) -> bytes:
    """The program that a manifest names, for manifests have no room for options."""
    ids = f"--extension {extension.chromium_id} --extension {extension.firefox_id}"
    return f'#!/bin/sh\nexec {command} browser {ids} -- "$@"\n'.encode()


def _key(given: Path | None, into: Path) -> bytes:
    place = given if given is not None else into / KEY_NAME
    if given is None and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(mode=0o600)
        place.write_bytes(packing.make_key())
    return place.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
