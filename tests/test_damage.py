"""A file of a finished build that was damaged, whichever and however: the next build makes it again, or says in one
line what is in its place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builds import Place, Ran, furnished

from hlspike.tasks.system import files

CACHED = "cache.enabled=true"
DEEP = b"[" * 100_000


def retyped(content: bytes) -> bytes | None:
    """JSON of the same shape whose leaves are of other types; None for what is no JSON, or is damaged already: a build
    that has no need of a file leaves it as it is.
    """

    def other(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: other(item) for key, item in value.items()}
        if isinstance(value, list):
            return [other(item) for item in value]
        return {"a": 1} if isinstance(value, str) else "x"

    try:
        return json.dumps(other(json.loads(content))).encode()
    except (ValueError, RecursionError):
        return None


WAYS: dict[str, Callable[[bytes], bytes | None]] = {
    "empty": lambda content: b"", "cut": lambda content: content[:len(content) // 2],
    "noise": lambda content: b"\xff\x00\x80" * 50, "null": lambda content: b"null", "list": lambda content: b"[]",
    "map": lambda content: b"{}", "number": lambda content: b"7", "deep": lambda content: DEEP, "retyped": retyped,
}


def damage(path: Path, way: str) -> bool:
    """Whether there was something to damage."""
    content = WAYS[way](path.read_bytes())
    if content is None or content == path.read_bytes():
        return False
    path.unlink()  # copies of the folder may share it
    path.write_bytes(content)
    return True


def told_before_steps(place: Place) -> list[Path]:
    """What a build reads before it knows which steps there are, and what is kept of them."""
    folder = place.path / "build"
    names = ("network.json", "network.key", "log/steps.json", "manifest.json", "report.json")
    found = [*folder.glob(".cache/*.json"), *folder.glob(".headers/*/*.json")]
    every = [*(folder / "tiny" / name for name in names), *found]
    assert all(map(Path.is_file, every))
    return every


@pytest.mark.parametrize("way", ["cut", "deep", "retyped"])
def test_what_a_build_reads_first_is_made_again_where_it_is_damaged(place: Place, way: str) -> None:
    before = place.made()
    # a file of notes has a line for each
    every = [path for path in told_before_steps(place) if path.name != "steps.json" or way != "retyped"]
    for path in every:
        assert damage(path, way)
    place.build()
    assert place.made() == before
    assert place.build() == set()


def test_json_nested_too_deeply_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_bytes(DEEP)
    with pytest.raises(ValueError, match=r"deep\.json: is nested too deeply$"):
        files.read_json(tmp_path / "deep.json")


def test_a_folder_in_the_place_of_a_file_is_named_and_stays(tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    (target / "mine").mkdir(parents=True)
    with pytest.raises(OSError, match=r"a folder is in its place, move it away: '.*/design\.json'$"):
        files.write(target, b"new")
    assert [path.name for path in tmp_path.rglob("*")] == ["design.json", "mine"]


def _healed(ran: Ran, place: Place, before: dict[str, bytes]) -> bool:
    told = ran.err.replace("/.doit.db", "").count("\n") <= 1
    return ran.code == 0 and told and "Traceback" not in ran.err and place.made() == before


@pytest.mark.heavy
def test_every_file_of_a_build_damaged_in_every_way_is_made_again(tmp_path: Path) -> None:
    place = furnished(tmp_path)
    assert place.doit("build", CACHED).code == 0
    before = place.made()
    # of the mark it counts that it is there, and a header is compiled for a long time
    spared = (".hlspike", "ap.h.gch")
    every = [path for path in (tmp_path / "build").rglob("*") if path.is_file() and path.name not in spared]
    wrong = []
    for path in every:
        for way in WAYS:
            if path.is_file() and damage(path, way) and not _healed(place.doit("build", CACHED), place, before):
                wrong.append((str(path), way))
        content = path.read_bytes() if path.is_file() else None
        if content is None:
            continue
        path.unlink()
        path.mkdir()
        ran = place.doit("build", CACHED)
        if ran.err.count("\n") > 1 or "Traceback" in ran.err or ".part" in ran.err:
            wrong.append((str(path), "folder"))
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
    assert not wrong
