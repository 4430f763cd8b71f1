"""Files are written whole, secret ones for their owner alone, and read within bounds."""

from __future__ import annotations

import pytest

from custody import files
from custody.errors import CustodyError


def test_a_private_file_is_its_owners_alone_and_never_replaced(tmp_path):
    path = tmp_path / "deep" / "key.pem"
    files.write_private(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CustodyError, match="only copy"):
        files.write_private(path, b"two")
    assert files.read(path) == b"one"


def test_a_public_file_is_replaced_whole_and_nothing_unfinished_stays(tmp_path):
    path = tmp_path / "list.json"
    (tmp_path / ".list.json.unfinished").write_bytes(b"half")
    files.write(path, b"one")
    files.write(path, b"two")
    assert [each.name for each in tmp_path.iterdir()] == ["list.json"]
    assert files.read(path) == b"two"


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(CustodyError, match="missing: can't be read"):
        files.read(tmp_path / "missing")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CustodyError, match="can't be written"):
        files.write(tmp_path / "file" / "below", b"")


def test_what_could_not_be_moved_to_its_place_is_not_left_beside_it(tmp_path):
    (tmp_path / "key.pem" / "below").mkdir(parents=True)
    with pytest.raises(CustodyError, match="can't be written"):
        files.write(tmp_path / "key.pem", b"one")
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]
