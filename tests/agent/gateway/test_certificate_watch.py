"""A renewed certificate is noticed once both of its files are there."""

from __future__ import annotations

from agent.gateway.certificate_watch import CertificateWatch
from tests.agent.devices import until


def test_a_renewal_is_told_once_and_a_look_at_the_files_is_not(tmp_path):
    files = tmp_path / "c.pem", tmp_path / "c.key"
    for file in files:
        file.write_text("old")
    told = []
    watch = CertificateWatch(files, lambda: told.append([file.read_text() for file in files]), settle=2)
    watch.start()
    try:
        files[0].read_text()
        for file in files:
            fresh = file.with_suffix(".new")
            fresh.write_text("new")
            fresh.replace(file)
        until(lambda: told)
        (tmp_path / "other").write_text("x")
        files[0].unlink()
        watch._changed()
        assert told == [["new", "new"]]
    finally:
        watch.stop()
    assert not watch.is_alive


def test_where_no_thread_can_be_had_a_renewal_is_taken_up_all_the_same(tmp_path, monkeypatch):
    def full(_timer):
        raise RuntimeError("can't start new thread")

    files = (tmp_path / "c.pem",)
    files[0].write_text("old")
    told = []
    watch = CertificateWatch(files, lambda: told.append(files[0].read_text()), settle=0.01)
    watch.start()
    try:
        monkeypatch.setattr("threading.Timer.start", full)
        fresh = tmp_path / "c.new"
        fresh.write_text("new")
        fresh.replace(files[0])
        until(lambda: told == ["new"])
        assert watch.is_alive
    finally:
        watch.stop()
