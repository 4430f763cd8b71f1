"""Everything that IT's tools need is written in one go, and the same key gives the same files."""

from __future__ import annotations

import json

from installers.browsers import build, packing


def test_every_platforms_files_are_written_and_the_key_is_kept(tmp_path, capsys):
    assert build.main(["--into", str(tmp_path)]) == 0
    key = tmp_path / build.KEY_NAME
    assert key.stat().st_mode & 0o077 == 0
    assert packing.extension_id(key.read_bytes()) in capsys.readouterr().out
    first = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert build.main(["--into", str(tmp_path)]) == 0
    again = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert first == again
    assert {name.split("/")[0] for name in first} == {"linux", "windows", "macos", "web", build.KEY_NAME}


def test_on_linux_browsers_fetch_from_the_disk_and_elsewhere_from_the_organisation(tmp_path):
    build.main(["--into", str(tmp_path), "--url", "https://it.example/x/", "--private-windows", "closed"])
    here = json.loads((tmp_path / "linux/etc/chromium/policies/managed/fairwatch.json").read_bytes())
    assert here["ExtensionInstallForcelist"][0].endswith(";file:///usr/share/fairwatch/extension/updates.xml")
    assert here["IncognitoModeAvailability"] == 1
    assert "https://it.example/x/fairwatch.crx" in (tmp_path / "web/updates.xml").read_text()
    assert "https://it.example/x/updates.xml" in (tmp_path / "windows/browsers.reg").read_text("utf-16")


def test_a_key_that_is_none_is_refused_in_one_line(tmp_path, capsys):
    key = tmp_path / "key.pem"
    key.write_text("no key")
    assert build.main(["--into", str(tmp_path / "b"), "--key", str(key)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("installers: the extension's key can't be used:")
    assert said.count("\n") == 1
