"""Real browsers on made-up host names, made histories of each family, and a stand-in for the pipeline's store."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.agent.marionette import OPTIONS, Marionette, prepare, until

CHROMIUM_TABLES = """
CREATE TABLE urls(id INTEGER PRIMARY KEY AUTOINCREMENT, url LONGVARCHAR, title LONGVARCHAR,
  visit_count INTEGER DEFAULT 0 NOT NULL, hidden INTEGER DEFAULT 0 NOT NULL);
CREATE TABLE visits(id INTEGER PRIMARY KEY AUTOINCREMENT, url INTEGER NOT NULL, visit_time INTEGER NOT NULL,
  from_visit INTEGER, transition INTEGER DEFAULT 0 NOT NULL, visit_duration INTEGER DEFAULT 0 NOT NULL,
  originator_cache_guid TEXT);
CREATE TABLE visit_source(id INTEGER PRIMARY KEY, source INTEGER NOT NULL);
CREATE INDEX visits_time_index ON visits (visit_time);
"""
FIREFOX_TABLES = """
CREATE TABLE moz_places(id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, hidden INTEGER DEFAULT 0 NOT NULL);
CREATE TABLE moz_historyvisits(id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER,
  visit_type INTEGER, session INTEGER, source INTEGER DEFAULT 0 NOT NULL);
CREATE INDEX moz_historyvisits_dateindex ON moz_historyvisits (visit_date);
CREATE INDEX moz_historyvisits_fromindex ON moz_historyvisits (from_visit);
"""
SAFARI_TABLES = """
CREATE TABLE history_items(id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL UNIQUE);
CREATE TABLE history_visits(id INTEGER PRIMARY KEY AUTOINCREMENT, history_item INTEGER NOT NULL,
  visit_time REAL NOT NULL,
  title TEXT, load_successful BOOLEAN NOT NULL DEFAULT 1, synthesized BOOLEAN NOT NULL DEFAULT 0,
  redirect_source INTEGER, redirect_destination INTEGER, origin INTEGER NOT NULL DEFAULT 0);
"""
TYPED_IN_FULL = 0x30000001  # typed, chain start, chain end


class MadeHistory:
    """A history with the tables that a real browser makes, filled by hand."""

    def __init__(self, file: Path, tables: str, epoch: datetime):
        self.file, self.epoch = file, epoch
        file.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.executescript(tables)

    def at(self, moment: datetime) -> int:
        return (moment - self.epoch) // timedelta(microseconds=1)

    def sql(self, query: str, *values):
        return self.connection.execute(query, values)

    def close(self) -> None:
        self.connection.close()


class MadeChromium(MadeHistory):
    def __init__(self, file: Path):
        super().__init__(file, CHROMIUM_TABLES, datetime(1601, 1, 1, tzinfo=UTC))

    def add(self, url, moment, transition=TYPED_IN_FULL, source=None, guid="", number=None, duration=0) -> int:
        place = self.sql("INSERT INTO urls(url, title) VALUES (?, 'a secret title')", url).lastrowid
        visit = self.sql(
            "INSERT INTO visits(id, url, visit_time, transition, originator_cache_guid, visit_duration)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(
                number,
                place,
                self.at(moment),
                transition - (1 << 32) if transition >> 31 else transition,
                guid,
                duration,
            ),
        ).lastrowid
        if source is not None:
            self.sql("INSERT INTO visit_source VALUES (?, ?)", visit, source)
        return visit


class MadeFirefox(MadeHistory):
    def __init__(self, file: Path):
        super().__init__(file, FIREFOX_TABLES, datetime(1970, 1, 1, tzinfo=UTC))

    def add(self, url, moment, visit_type=1, hidden=0, from_visit=0, number=None) -> int:
        place = self.sql(
            "INSERT INTO moz_places(url, title, hidden) VALUES (?, 'a secret title', ?)", url, hidden
        ).lastrowid
        return self.sql(
            "INSERT INTO moz_historyvisits(id, from_visit, place_id, visit_date, visit_type) VALUES (?, ?, ?, ?, ?)",
            *(number, from_visit, place, self.at(moment), visit_type),
        ).lastrowid


class MadeSafari(MadeHistory):
    def __init__(self, file: Path):
        super().__init__(file, SAFARI_TABLES, datetime(2001, 1, 1, tzinfo=UTC))

    def add(self, url, moment, **columns) -> int:
        item = self.sql("INSERT INTO history_items(url) VALUES (?)", url).lastrowid
        columns |= {"history_item": item, "visit_time": (moment - self.epoch).total_seconds()}
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        return self.sql(f"INSERT INTO history_visits({names}) VALUES ({marks})", *columns.values()).lastrowid


class Kept:
    """What the pipeline keeps: batches and bookmarks, both or neither."""

    def __init__(self):
        self.batches, self.bookmarks, self.fail_next = [], {}, False
        self.changed = threading.Condition()

    def load(self, key):
        return self.bookmarks.get(key)

    def emit(self, batch):
        if self.fail_next:
            self.fail_next = False
            raise OSError("no room")
        with self.changed:
            self.batches.append(batch)
            if batch.bookmark is not None:
                self.bookmarks[batch.bookmark[0]] = batch.bookmark[1]
            self.changed.notify_all()

    @property
    def observations(self):
        return [observation for batch in list(self.batches) for observation in batch.observations]

    @property
    def names(self):
        return [observation.name for observation in self.observations]

    def wait_for(self, *names, seconds=30):
        """Wait until these hosts have come; fails when they have not after `seconds`."""
        with self.changed:
            came = self.changed.wait_for(lambda: set(names) <= set(self.names), timeout=seconds)
        assert came, f"waited for {names}, got {self.names}"


class _Pages(http.server.BaseHTTPRequestHandler):
    """Every host answers, as itself or as a proxy's target; some redirect, frame, or send the visitor on."""

    BODIES = {  # noqa: RUF012
        "framer.test": '<iframe src="http://framed.test/inner?secret=3"></iframe>',
        "refresh.test": '<meta http-equiv="refresh" content="0;url=http://refreshed.test/">',
    }

    def do_GET(self):
        url = urlsplit(self.path)
        host = url.hostname or self.headers.get("Host", "").partition(":")[0]
        if host == "redirecting.test":
            self.send_response(302)
            self.send_header("Location", "http://redirected.test/there?secret=2")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = f"<title>a secret title</title>{self.BODIES.get(host, 'hello')}".encode()
        self.send_response(404 if url.path == "/favicon.ico" else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Browsers hang up at will."""


@pytest.fixture(scope="session")
def site():
    """The port of a server on loopback that answers for every host name."""
    with _Site(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class RunningBrowser:
    """A browser that runs until `quit`; only its own process group is ended."""

    def __init__(self, words, folder: Path):
        home = folder.parent / f"{folder.name}-home"
        home.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        self.folder = folder

    def quit(self):
        for way, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, way)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class RunningChromium(RunningBrowser):
    def __init__(self, folder: Path, port: int):
        super().__init__(
            [
                shutil.which("chromium") or pytest.skip("chromium is not installed"),
                *[
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-sync",
                ],
                *["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
                "--disable-sync",
                f"--host-resolver-rules=MAP * 127.0.0.1:{port}",
                f"--user-data-dir={folder}",
                "--remote-debugging-port=0",
                "about:blank",
            ],
            folder,
        )
        self.profile = folder / "Default"
        self._control = until(lambda: (folder / "DevToolsActivePort").read_text().split()[0])

    def visit(self, url: str):
        request = urllib.request.Request(f"http://127.0.0.1:{self._control}/json/new?{url}", method="PUT")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


class RunningFirefox(RunningBrowser):
    """Driven by Marionette."""

    def __init__(self, folder: Path, port: int):
        control = prepare(folder, port)
        program = shutil.which("firefox-esr") or shutil.which("firefox") or pytest.skip("firefox is not installed")
        super().__init__([program, "--headless", *OPTIONS, str(folder)], folder)
        self.profile = folder
        self._control = Marionette(control)
        self._ask = self._control.ask

    def visit(self, url: str):
        return self._ask("WebDriver:Navigate", {"url": url})

    def insert(self, url: str, seconds_ago: float):
        """Add a visit as sync, import and extensions do: through the browser's own interface for it."""
        self._ask("Marionette:SetContext", {"value": "chrome"})
        script = """
            const [url, ago, done] = arguments;
            const {PlacesUtils} = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
            const visits = [{date: new Date(Date.now() - ago * 1000)}];
            PlacesUtils.history.insertMany([{url, title: "a secret title", visits}]).then(() => done("ok"), done);
        """
        done = self._ask("WebDriver:ExecuteAsyncScript", {"script": script, "args": [url, seconds_ago]})
        self._ask("Marionette:SetContext", {"value": "content"})
        assert done == {"value": "ok"}

    def quit(self):
        self._control.close()
        super().quit()


@pytest.fixture(name="until")
def until_fixture():
    return until


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def chromium(tmp_path, site):
    browser = RunningChromium(tmp_path / "chromium", site)
    yield browser
    browser.quit()


@pytest.fixture
def firefox(tmp_path, site):
    browser = RunningFirefox(tmp_path / "firefox", site)
    yield browser
    browser.quit()


@pytest.fixture
def made(tmp_path):
    """Makers of histories by family: `made.chromium(folder)` and so on; all closed at the end."""

    class Made:
        opened: list[MadeHistory] = []  # noqa: RUF012

        def _open(self, history):
            self.opened.append(history)
            return history

        def chromium(self, folder=tmp_path / "profile"):
            return self._open(MadeChromium(folder / "History"))

        def firefox(self, folder=tmp_path / "profile"):
            return self._open(MadeFirefox(folder / "places.sqlite"))

        def safari(self, folder=tmp_path / "profile"):
            return self._open(MadeSafari(folder / "History.db"))

    makers = Made()
    yield makers
    for history in makers.opened:
        history.close()
