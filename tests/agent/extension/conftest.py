"""A service's ear for what extensions tell, pages for every host, and real browsers that have the extension."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.extension.real_browsers import Browsers, Ear, Pages, Site
from tests.agent.marionette import until
from tests.agent.session.conftest import bare_display, screen  # noqa: F401 - fixtures


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., object]:
    return lambda ask, seconds=60: until(ask, seconds)


@pytest.fixture
def site() -> Iterator[tuple[int, dict[str, float]]]:
    """The port of a server on loopback that answers for every host name, and when each was first asked for."""
    pages = type("Pages", (Pages,), {"asked": {}})
    with Site(("127.0.0.1", 0), pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port, pages.asked
        server.shutdown()
        thread.join()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    folder = tmp_path / "agent"
    folder.mkdir()
    ear = Ear(folder)
    yield ear
    ear.server.stop()


@pytest.fixture
def browsers(tmp_path: Path, ear: Ear, site: tuple[int, dict[str, float]]) -> Iterator[Browsers]:
    made = Browsers(tmp_path, ear, site[0])
    yield made
    made.quit()
