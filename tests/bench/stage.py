"""A whole Fairwatch with a real Chromium, for the measurements that need one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from server.children import free_port
from server.stage import Stage


@contextmanager
def whole(display: str | None = None, agent_pace: str | None = None) -> Iterator[tuple[Stage, Page]]:
    """Found an organisation, enrol this machine, and open a browser in the watched profile; all of it ends after.

    `agent_pace` are lines of `agent.toml` in the place of the demonstration's.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    former = os.environ.pop("DISPLAY", None)
    if display is not None:
        os.environ["DISPLAY"] = display
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as folder:
        stage = Stage(Path(folder), free_port(), unattended=display is None)
        if agent_pace is not None:
            stage.agent_pace = agent_pace
        try:
            stage.found()
            stage.enrol()
            with sync_playwright() as playwright:
                yield stage, _page(playwright, stage)
        finally:
            stage.end()
            os.environ.pop("DISPLAY", None)
            if former is not None:
                os.environ["DISPLAY"] = former


def _page(playwright: Any, stage: Stage) -> Page:
    context = playwright.chromium.launch_persistent_context(
        str(stage.browser),
        executable_path="/usr/bin/chromium",
        args=[
            f"--host-resolver-rules=MAP * 127.0.0.1:{stage.sites.port}",
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
        ],
    )  # fmt: skip
    page: Page = context.new_page()
    return page


@contextmanager
def screen() -> Iterator[str]:
    """A virtual screen with a window manager and one window; gives its name."""
    read, write = os.pipe()
    started = [
        subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x768x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    ]
    os.close(write)
    try:
        with os.fdopen(read) as said:
            name = f":{said.readline().strip()}"
        environment = {**os.environ, "DISPLAY": name}
        started += [
            subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for program in ("openbox", "xterm")
        ]
        yield name
    finally:
        for child in reversed(started):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
