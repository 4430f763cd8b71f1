"""The packed extension: the same bytes each time, an id that follows from the key, and no more than it needs."""

from __future__ import annotations

import io
import json
import re
import struct
import tomllib
import zipfile

import pytest

from installers.browsers import packing

KEY = packing.make_key()


def opened(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_the_same_key_gives_the_same_bytes_and_another_key_another_id():
    assert packing.crx(KEY) == packing.crx(KEY)
    assert packing.xpi() == packing.xpi()
    assert re.fullmatch("[a-p]{32}", packing.extension_id(KEY))
    assert packing.extension_id(packing.make_key()) != packing.extension_id(KEY)


def test_both_files_hold_the_extension_and_each_only_its_own_familys_words():
    packed = packing.crx(KEY)
    magic, version, header = struct.unpack_from("<4sII", packed)
    assert (magic, version) == (b"Cr24", 3)
    chromium, firefox = opened(packed[12 + header :]), opened(packing.xpi())
    assert set(chromium) == set(firefox) == {"manifest.json", "background.js", "about.html", "about.css", "about.js"}
    said, other = (json.loads(one["manifest.json"]) for one in (chromium, firefox))
    assert said["background"] == {"service_worker": "background.js"}
    assert other["background"] == {"scripts": ["background.js"]}
    assert "browser_specific_settings" not in said
    assert "key" not in other


def test_it_asks_for_no_more_than_it_needs_and_can_see_no_title_and_no_page():
    said = packing.manifest()
    assert said["permissions"] == ["idle", "nativeMessaging", "webNavigation"]
    assert not {"host_permissions", "content_scripts", "optional_permissions", "externally_connectable"} & set(said)
    code = {path.name: re.sub(r"^ *//[^\n]*", "", path.read_text("utf-8")) for path in packing.WEB.glob("*.js")}
    network = r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|innerHTML|scripting|cookies)\b"
    assert [name for name, script in code.items() if re.search(network, script)] == []
    assert not re.search(r"\b(title|favIconUrl)\b", re.sub(r"//[^\n]*", "", code["background.js"]))
    assert {name: script.count("new URL(") for name, script in code.items()} == {"background.js": 1, "about.js": 0}
    assert re.findall(r"\bapi\.[\w.]+", code["about.js"]) == ["api.runtime.sendMessage"]


def test_its_page_loads_nothing_but_its_own_files():
    page = (packing.WEB / "about.html").read_text("utf-8")
    named = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert sorted(named) == ["about.css", "about.js"]
    assert packing.manifest()["action"]["default_popup"] == "about.html"
    assert "web_accessible_resources" not in packing.manifest()


def test_its_version_is_the_projects_or_no_browser_would_fetch_a_newer_one():
    project = tomllib.loads((packing.WEB.parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert packing.manifest()["version"] == project["version"]


def test_only_an_rsa_key_packs():
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="RSA"):
        packing.crx(other)
