"""`fairwatch-server phones` adds, lists and withdraws, and hands the secret out once, on a folder that `init` made."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.more

OUR_DEVICE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from server.start import set_up
set_up(Path(sys.argv[1]))
from server.store.models import Device
Device.objects.create(
    name="gateway-1", group="staff", public_key=bytes(32), enrolled_at=datetime.now(UTC), platform="Linux"
)
"""


@pytest.fixture(scope="module")
def collector(tmp_path_factory, fresh_collector):
    folder = fresh_collector(tmp_path_factory.mktemp("collector") / "data")
    subprocess.run([sys.executable, "-c", OUR_DEVICE, str(folder)], check=True, timeout=60)
    return folder


def phones(folder, *words):
    command = [sys.executable, "-m", "server", "phones", *map(str, words), "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_phone_is_added_with_its_files_listed_and_withdrawn(collector, tmp_path):
    assert phones(collector, "gateway", "gateway-1").stdout == "gateway-1: speaks for phones now\n"
    files = tmp_path / "files"
    done = phones(
        collector, "add", "Sam", "--group", "staff", "--platform", "ios", "--account", "sam", "--noticed",
        "--host", "dns.example.org", "-o", files, "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["https"] == f"https://dns.example.org/d/{told['id']}/dns-query"
    assert told["tls"] == f"{told['id']}.dns.example.org"
    assert {one.name.rpartition(".")[2] for one in files.iterdir()} >= {"mobileconfig", "txt"}
    assert told["id"].encode() not in (collector / "collector.sqlite3").read_bytes()
    listed = phones(collector).stdout
    assert listed == "active   Sam (ios, staff), never asked\n"
    assert phones(collector, "withdraw", "Sam").returncode == 0
    (one,) = json.loads(phones(collector, "--json").stdout)
    assert (one["status"], one["id"]) == ("revoked", told["device"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add",), "add needs a name"),
        (("add", "Lee", "--group", "staff", "--platform", "ios", "--noticed"), "--host"),
        (("add", "Lee", "--host", "dns.example.org"), "--group and --platform"),
        (("add", "Lee", "--host", "dns example", "--group", "staff", "--platform", "ios", "--noticed"), "host"),
        (("add", "Lee", "--host", "dns.example.org", "--group", "staff", "--platform", "ios"), "notice"),
        (("withdraw", "Nobody"), "no phone is called 'Nobody'"),
        (("gateway", "Nobody"), "no device is called 'Nobody'"),
        (("Lee",), "invalid choice"),
        (("list", "Lee"), "go with add"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_one_line(collector, words, said):
    done = phones(collector, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
