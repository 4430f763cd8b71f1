"""What each Linux package puts where, beside the version's own folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from installers.browsers.build import FIREFOX_POLICIES, SHARE
from installers.browsers.policies import AGENT as AGENT_NAME
from installers.browsers.policies import LINUX_HOSTS, LINUX_POLICIES

Form = Literal["deb", "rpm"]


@dataclass(frozen=True)
class Placed:
    """One file: where it lies in this repository, where it goes on the machine, and its mode.

    `source` is empty for one that the build makes (`installers.browsers.build`). `forms` are the packages that have it.
    """

    source: str
    target: str
    mode: int = 0o644
    forms: tuple[Form, ...] = ("deb", "rpm")


@dataclass(frozen=True)
class Package:
    """One package: `extra` names what it needs, `code` our folders in it, `home` where its version's folder lies.

    `updates_itself`: whether what it installs takes later versions by itself, for which an archive is made beside it.
    `links` are symbolic links: where each lies, and what it points to.
    `scripts` are shell scripts by the step of the installation that runs them, `rpm_scripts` by those only rpm has.
    """

    name: str
    summary: str
    extra: str
    code: tuple[str, ...]
    home: str
    depends: tuple[str, ...]
    recommends: tuple[str, ...]
    rpm_depends: tuple[str, ...]
    files: tuple[Placed, ...]
    links: tuple[tuple[str, str], ...]
    scripts: tuple[tuple[str, str], ...]
    forms: tuple[Form, ...]
    rpm_recommends: tuple[str, ...] = ()
    rpm_scripts: tuple[tuple[str, str], ...] = ()
    updates_itself: bool = False


BROWSER_FILES: Final = (
    Placed("", "/usr/lib/fairwatch/browser", 0o755),
    *(Placed("", f"{SHARE}/{name}") for name in ("fairwatch.crx", "fairwatch.xpi", "updates.xml")),
    Placed("", FIREFOX_POLICIES),
    *(Placed("", f"/{folder}/fairwatch.json") for folder in LINUX_POLICIES.values()),
    *(
        Placed("", f"/{folder}/{AGENT_NAME}.json", forms=("rpm",) if "lib64" in folder else ("deb", "rpm"))
        for folder in LINUX_HOSTS.values()
    ),
)
"""The extension, the program that browsers start, and each browser's policy and manifest: made, not copied."""

_UNITS: Final = "/usr/lib/systemd/system"

AGENT: Final = Package(
    name="fairwatch-agent",
    summary="Open, fair monitoring of company-owned devices: the agent on a laptop",
    extra="agent",
    code=("agent", "protocol", "rules"),
    home="/usr/lib/fairwatch",
    depends=("python3 (>= 3.11)", "python3 (<< 3.14)"),
    recommends=("python3-tk",),
    rpm_depends=("python3 >= 3.11", "python3 < 3.14"),
    rpm_recommends=("python3-tkinter",),
    files=(
        Placed("installers/linux/agent/launch.py", "/usr/lib/fairwatch/launch.py", 0o755),
        Placed("installers/linux/agent/enrol.sh", "/usr/lib/fairwatch/enrol.sh", 0o755),
        *(
            Placed(f"installers/linux/agent/{unit}", f"{_UNITS}/{unit}")
            for unit in ("fairwatch-agent.service", "fairwatch-enrol.service", "fairwatch-enrol.timer")
        ),
        # No configuration file: whether people are told that they are watched is not for a device to decide.
        Placed("installers/linux/agent/fairwatch-session.desktop", "/etc/xdg/autostart/fairwatch-session.desktop"),
        Placed("LICENSE", "/usr/share/doc/fairwatch-agent/copyright"),
        *BROWSER_FILES,
    ),
    links=(
        ("/usr/bin/fairwatch-agent", "/usr/lib/fairwatch/launch.py"),
        # Wanted from the start, without a helper that an image being made may not have; IT can mask it.
        (f"{_UNITS}/multi-user.target.wants/fairwatch-agent.service", "../fairwatch-agent.service"),
        (f"{_UNITS}/timers.target.wants/fairwatch-enrol.timer", "../fairwatch-enrol.timer"),
    ),
    scripts=(
        ("preinstall", "installers/linux/agent/preinst"),
        ("postinstall", "installers/linux/agent/postinst"),
        ("preremove", "installers/linux/agent/prerm"),
        ("postremove", "installers/linux/agent/postrm"),
    ),
    rpm_scripts=(("posttrans", "installers/linux/agent/posttrans"),),
    forms=("deb", "rpm"),
    updates_itself=True,
)

_COLLECTOR_HOME: Final = "/usr/lib/fairwatch-collector"

COLLECTOR: Final = Package(
    name="fairwatch-collector",
    summary="Open, fair monitoring of company-owned devices: the collector",
    extra="server",
    code=("server", "protocol", "rules"),
    home=_COLLECTOR_HOME,
    # Pango draws the monthly summary as a PDF.
    depends=("python3 (>= 3.11)", "python3 (<< 3.14)", "passwd", "libpangoft2-1.0-0", "fonts-dejavu-core"),
    recommends=(),
    rpm_depends=(),
    files=(
        Placed("LICENSE", "/usr/share/doc/fairwatch-collector/copyright"),
        Placed("installers/linux/collector/fairwatch-collector.service", f"{_UNITS}/fairwatch-collector.service"),
    ),
    links=(
        ("/usr/bin/fairwatch-server", f"{_COLLECTOR_HOME}/start.py"),
        (f"{_UNITS}/multi-user.target.wants/fairwatch-collector.service", "../fairwatch-collector.service"),
    ),
    scripts=(
        ("preinstall", "installers/linux/collector/preinst"),
        ("postinstall", "installers/linux/collector/postinst"),
        ("preremove", "installers/linux/collector/prerm"),
        ("postremove", "installers/linux/collector/postrm"),
    ),
    forms=("deb",),
)

PACKAGES: Final = (AGENT, COLLECTOR)
