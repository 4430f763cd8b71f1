"""A package's bill of materials is valid, and names what is in the package: no more, no less."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import cyclonedx
import jsonschema_rs
import pytest

from installers.linux.bill import bill
from installers.linux.closure import TOP, read_lock
from installers.linux.contents import PACKAGES
from installers.linux.tree import packages_of

SCHEMAS = Path(cyclonedx.__file__).parent / "schema" / "_res"


def valid(found: dict[str, Any]) -> bool:
    """Whether it is what CycloneDX 1.6 asks for, by the published schema that the library carries."""
    names = ("spdx", "jsf-0.82", "cryptography-defs", "bom-1.6")
    files = {name: f"{name}.SNAPSHOT.schema.json" for name in names}
    schemas = {name: json.loads((SCHEMAS / file).read_text()) for name, file in files.items()}
    base = schemas["bom-1.6"]["$id"].rpartition("/")[0]
    registry = jsonschema_rs.Registry([(f"{base}/{files[name]}", schema) for name, schema in schemas.items()])
    return jsonschema_rs.validator_for(schemas["bom-1.6"], registry=registry).is_valid(found)


def package(folder: Path, name: str, version: str, licence: str) -> None:
    own = folder / f"{name}-{version}.dist-info"
    own.mkdir(parents=True)
    (own / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{licence}\n")


def test_it_names_each_version_of_each_package_once_with_where_it_lies(tmp_path):
    package(tmp_path / "shared", "tuf", "7.0.1", "License-Expression: Apache-2.0 OR MIT")
    package(tmp_path / "cp311", "numpy", "2.4.6", "License: BSD")
    package(tmp_path / "cp312", "numpy", "2.5.5", "")
    package(tmp_path / "cp313", "numpy", "2.5.5", "")
    text = bill("fairwatch-agent", "0.1.0", tmp_path, 1_700_000_000)
    found = json.loads(text)
    assert valid(found)
    assert found["specVersion"] == "1.6"
    assert found["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
    assert [(one["purl"], one["properties"][0]["value"]) for one in found["components"]] == [
        ("pkg:pypi/numpy@2.4.6", "cp311"),
        ("pkg:pypi/numpy@2.5.5", "cp312 cp313"),
        ("pkg:pypi/tuf@7.0.1", "shared"),
    ]
    assert found["components"][2]["licenses"][0]["expression"] == "Apache-2.0 OR MIT"
    assert bill("fairwatch-agent", "0.1.0", tmp_path, 1_700_000_000) == text


def test_the_check_refuses_what_is_no_bill(tmp_path):
    found = json.loads(bill("fairwatch-agent", "0.1.0", tmp_path, 1_700_000_000))
    assert valid(found)
    assert not valid({**found, "components": [{"type": "library"}]})
    assert not valid({**found, "bomFormat": "Other"})


@pytest.mark.more
@pytest.mark.timeout(900)
@pytest.mark.parametrize("which", PACKAGES, ids=lambda which: which.name)
def test_each_packages_bill_is_in_it_and_beside_it_and_names_what_is_locked(built, tmp_path, which):
    (deb,) = built.glob(f"{which.name}_*.deb")
    (beside,) = built.glob(f"{which.name}_*.cdx.json")
    subprocess.run(["dpkg-deb", "-x", deb, tmp_path], check=True, timeout=60)
    inside = tmp_path / "usr/share/doc" / which.name / "bom.cdx.json"
    assert inside.read_bytes() == beside.read_bytes()
    found = json.loads(inside.read_text())
    assert valid(found)
    named = {re.sub(r"[-_.]+", "-", one["name"]).lower() + "==" + one["version"] for one in found["components"]}
    lock = read_lock((TOP / "requirements.lock").read_text("utf-8"))
    wanted = {one.name + "==" + one.version for of in packages_of(which.extra, lock).values() for one in of}
    assert named == wanted
