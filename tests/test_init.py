"""`hlspike init`: a project that builds, and nothing of anybody's is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from builds import ROOT

from hlspike.tasks import init

EXAMPLE = ROOT / "examples" / "own_project"


def test_a_new_project_is_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init.main(["init", str(tmp_path / "a" / "bars")]) == 0
    assert capsys.readouterr().out == (
        f"conf/config.yaml, data.py, dodo.py, doit.cfg, model.py in {tmp_path}/a/bars; "
        "build it there with `doit build`\n"
    )
    for path in (tmp_path / "a" / "bars").rglob("*.*"):
        assert path.read_bytes() == (EXAMPLE / path.relative_to(tmp_path / "a" / "bars")).read_bytes()


def test_a_file_that_is_there_stays_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.py").write_text("mine")
    assert init.main(["init", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/model.py: is there already, and nothing is overwritten; name another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    assert (tmp_path / "model.py").read_text() == "mine"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        init.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("hlspike 0.")
