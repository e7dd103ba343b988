"""What is ours to write over and to remove, and that nothing else is: marked folders, files known by their bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hlspike.generators.errors import ConfigError
from hlspike.tasks.engine import marks
from hlspike.tasks.system import files


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str = "x") -> Path:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_a_folder_that_is_missing_or_empty_becomes_ours_and_stays_so() -> None:
    Path("build/empty").mkdir(parents=True)
    for name in ("missing", "empty"):
        marks.claim(Path("build", name))
        write(f"build/{name}/mine.txt")
        marks.claim(Path("build", name))
        assert marks.carries(Path("build", name)) and marks.carries(Path("build", name, "a-variant"))
    assert not marks.carries(Path("build/other")) and not marks.carries(Path("build"))


def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is() -> None:
    write("build/lib/module.py")
    told = (
        "name: build/lib holds files that are of no build, there is no .hlspike in it; choose another name, or another "
        "folder for builds by HLSPIKE_BUILD"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        marks.claim(Path("build/lib"))
    assert [path.name for path in Path("build/lib").iterdir()] == ["module.py"]


def test_what_was_made_goes_with_the_folders_it_leaves_empty_and_what_was_changed_stays() -> None:
    made = {name: files.digest(write(f"build/net/{name}", name).read_bytes()) for name in ("a/b/one", "a/two", "three")}
    known: dict[str, str | None] = {f"build/net/{name}": digest for name, digest in made.items()}
    write("build/net/three", "edited by hand")
    write("build/net/half")
    known |= {"build/net/half": None, "build/net/never": None}
    assert marks.remove(known) == [Path("build/net/three")]
    assert [path.name for path in Path("build/net").rglob("*")] == ["three"]


def test_a_folder_that_took_the_place_of_a_file_stays() -> None:
    write("build/net/report.md/mine.txt")
    assert marks.remove({"build/net/report.md": None}) == [Path("build/net/report.md")]
    assert Path("build/net/report.md/mine.txt").is_file()


def test_a_mark_goes_last() -> None:
    marks.claim(Path("build/net"))
    kept = write("build/net/mine.txt")
    marks.release(Path("build/net"))
    assert marks.carries(Path("build/net"))
    kept.unlink()
    marks.release(Path("build/net"))
    assert not Path("build/net").exists()


def test_what_a_killed_build_left_half_written_is_removed_by_the_next_and_nothing_beside_it() -> None:
    marks.claim(Path("build/net"))
    marks.began(alone=True)
    left = [
        write("build/net/log/.steps.json.abc12345.hlspike.part"), write("build/.cache/.0123.json.x_y.hlspike.part"),
        write("build/net/csim/.trace.npz.qwertyui.hlspike.part/mem__lif1.npy").parent,
    ]
    mine = [
        write("build/net/.mine.part"), write("build/net/movie.part"), write("build/net/hlspike.part"),
        write("build/other/.steps.json.abc12345.hlspike.part"), write(".steps.json.abc12345.hlspike.part"),
    ]
    marks.began(alone=False)
    assert all(path.exists() for path in (*left, *mine)), "others may be writing them"
    marks.began(alone=True)
    assert [path for path in left if path.exists()] == []
    assert all(path.exists() for path in mine)
    marks.ended()
    later = write("build/net/.late.json.abc12345.hlspike.part")
    marks.began(alone=True)
    assert later.exists(), "no build was killed: there is nothing to look for"
