"""On Windows a visit in a browser's history becomes a sealed alert on the disk, and nothing of it is legible there."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from agent.windows.homes import PROFILE_LIST
from tests.agent.enrolling import collecting
from tests.agent.windows.wine_python import as_windows

URGENT = "sanctioned-suicide.net"
TABLES = """
CREATE TABLE urls(id INTEGER PRIMARY KEY, url, title);
CREATE TABLE visits(id INTEGER PRIMARY KEY, url, visit_time, transition, visit_duration, originator_cache_guid);
CREATE TABLE visit_source(id INTEGER PRIMARY KEY, source);
"""
WATCHING = f"""
import getpass, json, sqlite3, sys, time, winreg
from datetime import UTC, datetime
from pathlib import Path
import psutil
from agent import config
from agent.watchdog import reading
from agent.service import Service
from agent.windows.enrolment import with_token
data, home, host = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
me, place = getpass.getuser().lower(), {PROFILE_LIST!r}
history = home / "AppData/Local/Google/Chrome/User Data/Default/History"
def until(look, seconds=40):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end
        time.sleep(0.1)
assert with_token(data)
with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as listed:
    sids = [winreg.EnumKey(listed, number) for number in range(winreg.QueryInfoKey(listed)[0])]
mine = next(sid for sid in sids if sid.startswith("S-1-5-21-"))
with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place + chr(92) + mine, 0, winreg.KEY_ALL_ACCESS) as key:
    before = winreg.QueryValueEx(key, "ProfileImagePath")
    winreg.SetValueEx(key, "ProfileImagePath", 0, winreg.REG_EXPAND_SZ, str(home))
    service = Service(data, config.Config(tick_seconds=0.2, update_seconds=3600.0, heartbeat_seconds=3600.0))
    service.start()
    try:
        until(lambda: service._core.rules.bundle is not None)
        service._notices.shown(me, service._settings(me).notice.version, datetime.now(UTC))
        until(lambda: any(one.name == "browser_history" and one.state == "working"
                          for one in service._health.report().sources))
        with sqlite3.connect(history) as browser:
            at = int((time.time() + 11644473600) * 1_000_000)
            browser.execute("INSERT INTO urls VALUES (1, ?, 'secret')", (f"https://{{host}}/path?q=secret",))
            browser.execute("INSERT INTO visits VALUES (1, 1, ?, 805306369, 1500000, '')", (at,))
        until(lambda: any(one.kind == "alert" for one in service._core.spool.peek(10**6, 99)))
        service._look_after_itself()
        used = reading(psutil.Process(), 0)
        browser.close()
    finally:
        service.stop()
        winreg.SetValueEx(key, "ProfileImagePath", 0, before[1], before[0])
legible = [path.name for path in data.rglob("*") if path.is_file() and "rules" not in path.parts
           and (host.encode() in path.read_bytes() or b"secret" in path.read_bytes())]
print(json.dumps([legible, used.cpu_seconds > 0, service._watchdog.pace]))
"""


@pytest.mark.more
def test_on_windows_a_visit_becomes_a_sealed_alert(wine, nobody_else, pilot, tmp_path: Path) -> None:
    home = tmp_path / "anna"
    history = home / "AppData/Local/Google/Chrome/User Data/Default/History"
    history.parent.mkdir(parents=True)
    with sqlite3.connect(history) as made:
        made.executescript(TABLES)
    made.close()
    with collecting(pilot, tmp_path / "data") as setting:
        setting.folder.mkdir()
        (setting.folder / "token").write_text(setting.token(), "ascii")
        said = wine.run(WATCHING, as_windows(setting.folder), as_windows(home), URGENT, timeout=150)
    assert json.loads(said) == [[], True, 1]
