"""The folder that a tool works in: emptied of what the tool has left, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hlspike.tasks.system import scratch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """After a run."""
    folder = tmp_path / "work" / "design"
    assert scratch.emptied(folder) is None
    run(folder, "csynth.log", "snn/report.xml")
    scratch.over(folder, later="stands")
    run(folder, "stands")
    return folder


def run(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {".hlspike"}


def test_what_a_run_has_left_goes(folder: Path) -> None:
    assert scratch.emptied(folder) is None
    assert names(folder) == set()
    assert [path.name for path in folder.parent.iterdir()] == ["design"]


def test_what_somebody_keeps_there_is_kept_with_the_whole_folder(folder: Path) -> None:
    for number in (1, 2):
        run(folder, "snn/waves.wcfg")
        assert scratch.emptied(folder) == folder.with_name(f"design.kept-{number}")
        assert "snn/waves.wcfg" in names(folder.with_name(f"design.kept-{number}"))
        assert names(folder) == set()
        scratch.over(folder)


def test_what_a_killed_run_has_left_goes(folder: Path) -> None:
    scratch.emptied(folder)
    run(folder, "half.log")
    assert scratch.emptied(folder) is None
    assert names(folder) == set()


def test_a_run_that_goes_on_takes_nothing_for_its_own_that_was_there_before(folder: Path) -> None:
    run(folder, "mine.txt")
    others = scratch.others(folder)
    assert others == {"mine.txt"}
    run(folder, "cosim.log")
    scratch.over(folder, others)
    assert scratch.others(folder) == {"mine.txt"}
    scratch.discarded(folder)
    assert names(folder) >= {"mine.txt", "cosim.log"}
    (folder / "mine.txt").unlink()
    scratch.discarded(folder)
    assert not folder.exists()


def test_a_folder_without_a_list_is_somebody_elses(tmp_path: Path) -> None:
    run(tmp_path / "work", "thesis.tex")
    assert scratch.emptied(tmp_path / "work") == tmp_path / "work.kept-1"
    assert names(tmp_path / "work.kept-1") == {"thesis.tex"}
