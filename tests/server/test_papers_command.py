"""`fairwatch-server papers` writes every paper, and refuses in one line where there is nothing to make them from."""

from __future__ import annotations

import json

from server.__main__ import main
from server.papers_formats import PAPERS


def test_the_defaults_need_no_collector(tmp_path, capsys, data_dir):
    assert (
        main(
            [
                "papers",
                "--data-dir",
                str(data_dir),
                "--defaults",
                "--format",
                "html",
                "--json",
                "-o",
                str(tmp_path / "made"),
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert len(told["files"]) == len(PAPERS) + 1
    assert (tmp_path / "made" / "README.md").read_text().startswith("# Papers for the settings")


def test_a_folder_that_is_no_collectors_is_refused_in_one_line(tmp_path, capsys):
    assert main(["papers", "--data-dir", str(tmp_path), "-o", str(tmp_path / "made")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not a collector's data folder" in said
    assert not (tmp_path / "made").exists()
