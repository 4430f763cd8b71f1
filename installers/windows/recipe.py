"""Writes the recipe of the Windows package: the .wxs that `wixl` builds.

Elements: https://wixtoolset.org/docs/v3/xsd/wix/; tables: https://learn.microsoft.com/windows/win32/msi/database-tables.
Every id and GUID follows from a path, so that the same files make the same package, and a file keeps its component.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import UUID, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from installers.windows.actions import ACTIONS, GIVEN, LIBRARY, REMOVE_FORMER_PLACE

NAMESPACE: Final = UUID("7c0d6c54-7d9b-5f55-9d0e-7f2f1c8b6a33")
"""Ours alone: the ids of components, of versions and of the product follow from it."""
UPGRADE_CODE: Final = str(uuid5(NAMESPACE, "fairwatch-agent")).upper()
"""What all versions have in common, by which a newer one finds the older: never to be changed."""
SERVICE: Final = "Fairwatch"
PROGRAM: Final = "fairwatch-agent.exe"
SESSION_PROGRAM: Final = "fairwatch-session.exe"
RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
EVENTS_KEY: Final = rf"SYSTEM\CurrentControlSet\Services\EventLog\Application\{SERVICE}"
EVENT_WORDS: Final = r"%SystemRoot%\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll"
"""Windows' own library, whose words for every number are what it was given: so an event's name, and no warning."""
OLDER_SENTENCE: Final = (
    "A newer version of the Fairwatch agent is installed, and this older one may not read what it wrote: "
    "nothing was changed."
)
SERVICE_SENTENCE: Final = "Watches host names and apps on this company-owned device, and says so."


@dataclass(frozen=True)
class Wanted:
    """What the package holds: the staged folder, and what is set beside its files.

    `words` are the words after `fairwatch-agent.exe` with which Windows starts the service; `starts` is false for a
    package without Python, whose service can't. `keys` are default values below HKEY_LOCAL_MACHINE, by their key.
    """

    staged: Path
    library: Path
    version: str
    words: str
    starts: bool
    keys: Mapping[str, str]


def product_code(wanted: Wanted) -> str:
    """Return the id of exactly this content: Windows takes another content under the same id for a broken source."""
    found = hashlib.sha256(repr((wanted.version, wanted.words, wanted.starts, sorted(wanted.keys.items()))).encode())
    for path in (*_files(wanted.staged), wanted.library):
        found.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return str(uuid5(NAMESPACE, found.hexdigest())).upper()


def recipe(wanted: Wanted) -> bytes:
    """Return the .wxs."""
    wix = Element("Wix", xmlns="http://schemas.microsoft.com/wix/2006/wi")
    product = SubElement(
        wix,
        "Product",
        Id=product_code(wanted),
        Name="Fairwatch agent",
        Manufacturer="Fairwatch",
        Version=wanted.version,
        Language="2057",
        UpgradeCode=UPGRADE_CODE,
    )
    SubElement(product, "Package", InstallerVersion="500", Compressed="yes", InstallScope="perMachine")
    _upgrade(product, wanted.version)
    SubElement(product, "Media", Id="1", Cabinet="fairwatch.cab", EmbedCab="yes")
    _properties(product)
    _actions(product, wanted)
    _content(product, wanted)
    ElementTree.indent(wix, " ")
    return ElementTree.tostring(wix, encoding="utf-8", xml_declaration=True)


def _upgrade(product: Element, version: str) -> None:
    """A newer package, or another of the same version, takes the place of what is there; an older one is refused."""
    upgrade = SubElement(product, "Upgrade", Id=UPGRADE_CODE)
    former = {"Minimum": "0.0.0", "IncludeMinimum": "yes", "Maximum": version, "IncludeMaximum": "yes"}
    SubElement(upgrade, "UpgradeVersion", Property="FORMER", OnlyDetect="no", **former)
    SubElement(upgrade, "UpgradeVersion", Property="NEWER", OnlyDetect="yes", Minimum=version, IncludeMinimum="no")
    SubElement(product, "Condition", Message=OLDER_SENTENCE).text = "NOT NEWER"


def _properties(product: Element) -> None:
    SubElement(product, "Property", Id="MsiHiddenProperties", Value=";".join((*GIVEN, "HandOver")))
    SubElement(product, "Property", Id="ARPNOMODIFY", Value="1")


def _actions(product: Element, wanted: Wanted) -> None:
    SubElement(product, "Binary", Id=LIBRARY, SourceFile=wanted.library.name)
    order = SubElement(product, "InstallExecuteSequence")
    SubElement(order, "RemoveExistingProducts", Sequence=str(REMOVE_FORMER_PLACE))
    for one in ACTIONS:
        if one.entry:
            does = {"BinaryKey": LIBRARY, "DllEntry": one.entry, "Execute": "deferred"}
        elif one.runs:
            does = {"Property": one.property_, "ExeCommand": one.runs, "Execute": "deferred"}
        else:
            does = {"Property": one.property_, "Value": one.value}
        SubElement(product, "CustomAction", Id=one.name, **does)
        SubElement(order, "Custom", Action=one.name, Sequence=str(one.place)).text = one.condition


def _content(product: Element, wanted: Wanted) -> None:
    top = SubElement(product, "Directory", Id="TARGETDIR", Name="SourceDir")
    programs = SubElement(top, "Directory", Id="ProgramFiles64Folder")
    home = SubElement(programs, "Directory", Id="Home", Name="Fairwatch")
    feature = SubElement(product, "Feature", Id="Agent", Title="Fairwatch agent", Level="1", Absent="disallow")
    folders = {PurePosixPath("."): home}
    for folder in _folders(wanted.staged):
        folders[folder] = SubElement(folders[folder.parent], "Directory", Id=identifier("d", folder), Name=folder.name)
    for path in _files(wanted.staged):
        name = PurePosixPath(path.relative_to(wanted.staged).as_posix())
        component = _component(folders[name.parent], feature, str(name))
        SubElement(
            component,
            "File",
            Id=identifier("f", name),
            Name=name.name,
            Source=f"{wanted.staged.name}/{name}",
            KeyPath="yes",
        )
        if str(name) == PROGRAM:
            _service(component, wanted)
    session = _component(home, feature, RUN_KEY)
    _value(session, RUN_KEY, "Fairwatch", f'"[Home]{SESSION_PROGRAM}" session')
    for key, value in sorted(wanted.keys.items()):
        _value(_component(home, feature, key), key, None, value)
    events = _component(home, feature, EVENTS_KEY)
    _value(events, EVENTS_KEY, "EventMessageFile", EVENT_WORDS, "expandable")


def _service(component: Element, wanted: Wanted) -> None:
    SubElement(
        component,
        "ServiceInstall",
        Id="Service",
        Name=SERVICE,
        DisplayName="Fairwatch agent",
        Description=SERVICE_SENTENCE,
        Arguments=wanted.words,
        Type="ownProcess",
        Start="auto",
        ErrorControl="normal",
        Vital="yes",
        Account="LocalSystem",
    )
    control = {"Stop": "both", "Remove": "uninstall", "Wait": "yes"}
    SubElement(component, "ServiceControl", Id="ServiceEnds", Name=SERVICE, **control)
    if wanted.starts:
        # Not waited for: a device that is not enrolled yet, or a slow one, is no failed installation.
        SubElement(component, "ServiceControl", Id="ServiceStarts", Name=SERVICE, Start="install", Wait="no")


def _component(parent: Element, feature: Element, name: str) -> Element:
    made = identifier("c", name)
    SubElement(feature, "ComponentRef", Id=made)
    return SubElement(parent, "Component", Id=made, Guid=str(uuid5(NAMESPACE, name.lower())).upper(), Win64="yes")


def _value(component: Element, key: str, name: str | None, value: str, kind: str = "string") -> None:
    named = {} if name is None else {"Name": name}
    SubElement(component, "RegistryValue", Root="HKLM", Key=key, Type=kind, Value=value, KeyPath="yes", **named)


def _files(staged: Path) -> Sequence[Path]:
    return sorted(path for path in staged.rglob("*") if path.is_file())


def _folders(staged: Path) -> Sequence[PurePosixPath]:
    """Return every folder, a parent before what is in it."""
    return sorted(PurePosixPath(path.relative_to(staged).as_posix()) for path in staged.rglob("*") if path.is_dir())


def identifier(kind: str, name: PurePosixPath | str) -> str:
    """Return the identifier in Windows Installer for a path: short, of letters and digits, and always the same."""
    return kind + hashlib.sha256(str(name).encode()).hexdigest()[:24]
