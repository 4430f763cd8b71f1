"""A report is written whole or not at all, and to standard output where no file is named."""

from __future__ import annotations

import pytest

from server import report_file
from server.errors import SetUpError


def test_a_report_takes_the_place_of_an_earlier_one(tmp_path):
    path = tmp_path / "review.pdf"
    report_file.write(path, b"old")
    report_file.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_can_t_be_written_the_earlier_one_stays_and_it_is_said(tmp_path, monkeypatch):
    path = tmp_path / "review.pdf"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SetUpError, match=r"No space left on device\); the earlier report is still there"):
        report_file.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(SetUpError, match=r"could not be written \(No such file or directory\)$"):
        report_file.write(tmp_path / "none" / "review.pdf", b"new")


def test_without_a_file_it_goes_to_standard_output(capfdbinary):
    report_file.write(None, b"%PDF-")
    assert capfdbinary.readouterr().out == b"%PDF-"
