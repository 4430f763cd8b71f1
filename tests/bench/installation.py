"""How long IT waits for the agent on a clean system: from the package's file to an enrolled device."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from installers.linux import build
from installers.linux.contents import AGENT
from tests.bench.table import Row
from tests.installers.linux import clean_system
from tests.installers.linux.proof import Proof

LIMIT_SECONDS = 30.0


def run() -> list[Row]:
    """Make a clean system with debootstrap, and install into it beside a collector; raises RuntimeError."""
    why_not = clean_system.why_not()
    if why_not:
        raise RuntimeError(why_not)
    with TemporaryDirectory(prefix="fairwatch-bench-") as name:
        folder = Path(name)
        made = build.build(AGENT, folder / "dist", build.version(), build.epoch())
        deb = next(one for one in made if one.suffix == ".deb")
        proof = Proof(deb, folder)
        try:
            proof.prepare()
            proof.install()
        finally:
            proof.stage.end()
        seconds, size_mb = proof.seen["install_seconds"], deb.stat().st_size / 1024 / 1024
        placed = [path for path in (proof.system.root / "usr/lib/fairwatch").rglob("*") if path.is_file()]
        placed_mb = sum(path.stat().st_size for path in placed) / 1024 / 1024
    raw = f"{size_mb:.1f} MB fetched, {placed_mb:.0f} MB on disk"
    return [Row("agent's .deb on a clean system, enrolled", f"{seconds} s", raw, "30 s", seconds <= LIMIT_SECONDS)]
