"""An exported log is checked on any computer: a change in it is located, a kept head that is gone is named."""

from __future__ import annotations

import csv
import json

import msgspec
import pytest

from custody import chain
from custody.__main__ import main
from custody.errors import CustodyError
from protocol.audit import CSV_COLUMNS, EXPORT_FORMAT, GENESIS, AuditLine, detail_hash, for_table, line_hash

AT = "2026-11-20T10:00:00.000000+00:00"


def _log(count=6, actor="user:1"):
    previous, made = GENESIS, []
    for seq in range(1, count + 1):
        values = {"seq": seq, "at": AT, "actor": actor, "action": "opened", "subject": f"incident:{seq}"}
        values |= {"detail_hash": detail_hash("s", "=words"), "previous": previous}
        previous = line_hash(**values)
        made.append(AuditLine(**values, hash=previous, salt="s", detail="=words"))
    return made


def _json(path, lines):
    body = b",\n".join(map(msgspec.json.encode, lines))
    path.write_bytes(b'{"format":"%s","lines":[\n' % EXPORT_FORMAT.encode() + body + b"\n]}\n")
    return path


def _csv(path, lines):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(CSV_COLUMNS)
        table.writerows([for_table(str(getattr(line, name))) for name in CSV_COLUMNS] for line in lines)
    return path


WAYS = pytest.mark.parametrize("write", [_json, _csv])


@WAYS
def test_a_log_as_it_was_written_holds_with_its_kept_heads(tmp_path, write):
    lines = _log()
    found = chain.check(write(tmp_path / "x", lines), [f"6:{lines[5].hash}", f"2:{lines[1].hash}", f"0:{GENESIS}"])
    assert (found.good, found.last.seq) == (True, 6)


@WAYS
@pytest.mark.parametrize(
    ("attack", "seq"),
    [
        (lambda lines: lines[:2] + lines[3:], 3),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], 3),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], 3),
        (lambda lines: [*lines[:3], msgspec.structs.replace(lines[3], actor="user:9"), *lines[4:]], 4),
        (lambda lines: [*lines[:3], msgspec.structs.replace(lines[3], detail="=other"), *lines[4:]], 4),
        (lambda lines: lines[1:], 1),
        (lambda lines: [*lines[:3], *_log(6, "user:9")[3:]], 4),
    ],
    ids=["removed", "reordered", "twice", "changed", "words changed", "beginning cut off", "from elsewhere"],
)
def test_an_attack_is_found_and_located(tmp_path, write, attack, seq):
    found = chain.check(write(tmp_path / "x", attack(_log())), [])
    assert not found.good
    assert found.broken.seq == seq


@WAYS
def test_only_a_kept_head_finds_an_end_that_was_cut_off_or_a_log_computed_anew(tmp_path, write):
    lines = _log()
    kept = f"6:{lines[5].hash}"
    for forged in (lines[:4], _log(6, "user:9")):
        path = write(tmp_path / "x", forged)
        assert chain.check(path, []).good
        found = chain.check(path, [kept])
        assert not found.good
        assert [str(head) for head in found.lost] == [kept]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an exported audit log"),
        (b"\xff\xfe", "not an exported audit log"),
        (b'{"lines":[]}', "not an exported audit log"),
        (b'{"format":"fairwatch-audit/9","lines":[\n]}\n', "of a form that is not known"),
        (b'{"format":"fairwatch-audit/1","lines":[\n{"seq":1}\n]}\n', "line 2"),
        (b'{"format":"fairwatch-audit/1","lines":[\n', "ends before the log does"),
        (b'{"format":"fairwatch-audit/1","lines":[\n]}\nmore\n', "after the log's end"),
        (",".join(CSV_COLUMNS).encode() + b"\n1,2\n", "a row is not one"),
        (",".join(CSV_COLUMNS).encode() + b"\nx,2,3,4,5,6,7,8,9,10,11\n", "a row is not one"),
    ],
)
def test_what_is_no_export_is_refused_in_a_sentence(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CustodyError, match=words):
        chain.check(tmp_path / "x", [])


def test_the_command_says_it_in_words_and_by_its_exit(tmp_path, capsys):
    lines = _log()
    path = _json(tmp_path / "x", lines)
    assert main(["audit", str(path), "--head", f"6:{lines[5].hash}"]) == 0
    assert "Every kept head is in it." in capsys.readouterr().out
    assert main(["audit", str(_json(tmp_path / "x", lines[:4])), "--head", f"6:{lines[5].hash}", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["kept_heads_lost"] == [f"6:{lines[5].hash}"]
    assert main(["audit", str(_json(tmp_path / "x", lines[1:]))]) == 1
    assert "BROKEN at line 1" in capsys.readouterr().out
