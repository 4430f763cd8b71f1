"""Writes the bill of materials of a package: what is in the version's folder, by its packages' own metadata.

CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/), with purls (`pkg:pypi/…`) for vulnerability scanners.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

BILL: Final = "bom.cdx.json"
_NAMES: Final = UUID("5c8b1d2e-9a53-5f0e-8f5c-3b1f0f6d7a11")
"""Ours alone: a bill's serial number follows from the package's name, version and time, and so does not change."""


def bill(name: str, version: str, home: Path, epoch: int, further: Iterable[Component] = ()) -> str:
    """Return the bill of the package whose version's folder is `home`; the same bytes for the same content.

    `further` is what else is in the package, beside the folders of Python's packages.
    """
    product = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version}")
    product.licenses.add(LicenseExpression("Apache-2.0"))
    made = Bom(serial_number=uuid5(_NAMES, f"{name} {version} {epoch}"))
    made.metadata.component = product
    made.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    parts = [*_parts(home), *further]
    for part in parts:
        made.components.add(part)
    made.register_dependency(product, parts)
    return f"{JsonV1Dot6(made).output_as_string(indent=1)}\n"


def _parts(home: Path) -> Iterable[Component]:
    """Each package in the folders `shared` and `cp311`…, with the folders it is in; one for each of its versions."""
    held: dict[tuple[str, str], list[str]] = {}
    told: dict[tuple[str, str], PackageMetadata] = {}
    for folder in sorted(path for path in home.iterdir() if path.name == "shared" or path.name.startswith("cp")):
        for one in distributions(path=[str(folder)]):
            held.setdefault((one.name, one.version), []).append(folder.name)
            told[one.name, one.version] = one.metadata
    for (name, version), folders in sorted(held.items()):
        purl = PackageURL("pypi", name=name.lower().replace("_", "-"), version=version)
        part = Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl))
        part.properties.add(Property(name="fairwatch:folders", value=" ".join(folders)))
        licence = _licence(told[name, version])
        if licence is not None:
            part.licenses.add(licence)
        yield part


def _licence(metadata: PackageMetadata) -> LicenseExpression | DisjunctiveLicense | None:
    """Return what a package says of its licence: an SPDX expression (PEP 639), or else the first line of its words."""
    if "License-Expression" in metadata:
        return LicenseExpression(metadata["License-Expression"])
    words = metadata["License"].strip().splitlines() if "License" in metadata else []
    return DisjunctiveLicense(name=words[0]) if words and words[0] else None
