"""The shared cache: what goes in comes out, whole or not at all, and no more than its bound stays."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hlspike.generators.errors import ConfigError
from hlspike.tasks.cache.care import manage
from hlspike.tasks.cache.entry import Damaged
from hlspike.tasks.cache.shared import Cache, folder_of
from hlspike.tasks.system import locks

KEY, OTHER = "ab" + "0" * 62, "cd" + "1" * 62
META = {"step": "compile:fc1", "seconds": 1.5}


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path



@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 2**30)


def test_an_entry_gives_back_bytes_modes_and_what_is_known_of_it(cache: Cache, tmp_path: Path) -> None:
    program = _file(tmp_path / "csim", "run")
    program.chmod(0o755)
    cache.put(KEY, {"{variant}/csim": program, "{variant}/log": _file(tmp_path / "log", "")}, {}, META)
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None and entry.meta == META and entry.size == 3
    entry.restore({"{variant}/csim": tmp_path / "a" / "csim", "{variant}/log": tmp_path / "a" / "log"})
    assert (tmp_path / "a" / "csim").read_text() == "run"
    assert os.access(tmp_path / "a" / "csim", os.X_OK) and not os.access(tmp_path / "a" / "log", os.X_OK)


def test_what_is_there_already_is_not_written_again(cache: Cache, tmp_path: Path) -> None:
    made = _file(tmp_path / "made", "bytes")
    cache.put(KEY, {"made": made}, {}, META)
    before = made.stat()
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None
    entry.restore({"made": made})
    assert made.stat() == before


def test_discovered_inputs_tell_the_results_of_a_key_apart(cache: Cache, tmp_path: Path) -> None:
    for text in ("old", "new"):
        cache.put(KEY, {"made": _file(tmp_path / "made", f"from {text}")}, {"model.py": text}, META)
    for text in ("old", "new"):
        entry = cache.get(KEY, lambda name, known, text=text: {"model.py": text}.get(name))
        assert entry is not None
        entry.restore({"made": tmp_path / "made"})
        assert (tmp_path / "made").read_text() == f"from {text}"
    assert cache.get(KEY, lambda name, known: {"model.py": "another"}.get(name)) is None
    assert cache.get(KEY, lambda name, known: None) is None


def test_a_damaged_file_is_told_before_anything_is_written(cache: Cache, tmp_path: Path) -> None:
    names = {"one": _file(tmp_path / "one", "1"), "two": _file(tmp_path / "two", "2")}
    cache.put(KEY, names, {}, META)
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None
    (entry.folder / "1").write_text("3")
    with pytest.raises(Damaged, match=r"^two is not what was put in$"):
        entry.restore({name: tmp_path / "restored" / name for name in names})
    assert not (tmp_path / "restored").exists()
    (entry.folder / "1").unlink()
    with pytest.raises(Damaged, match=r"^two cannot be read, No such file or directory$"):
        entry.verify()


def test_an_entry_without_its_description_is_none(cache: Cache, tmp_path: Path) -> None:
    cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    description = next((tmp_path / "cache").rglob("entry.json"))
    description.write_text(description.read_text()[:-4])
    assert cache.get(KEY, lambda name, known: None) is None
    assert list(cache.entries()) == []
    assert cache.unreadable() == [description.parent]
    cache.put(KEY, {"made": tmp_path / "made"}, {}, META)
    assert cache.get(KEY, lambda name, known: None) is not None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 250)
    keys = [f"{number:02}" + "0" * 62 for number in range(3)]
    for number, key in enumerate(keys):
        cache.put(key, {"made": _file(tmp_path / "made", "x" * 100)}, {}, META)
        entry = cache.get(key, lambda name, known: None)
        assert entry is not None
        os.utime(entry.folder / "entry.json", (number, number))
    first = cache.get(keys[0], lambda name, known: None)
    assert first is not None
    first.restore({"made": tmp_path / "made"})
    assert cache.prune() == (1, 100)
    assert [cache.get(key, lambda name, known: None) is not None for key in keys] == [True, False, True]
    assert cache.prune() == (0, 0)
    assert cache.prune(0) == (2, 200)


def test_what_a_killed_writer_left_is_removed_when_it_is_old(cache: Cache, tmp_path: Path) -> None:
    cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    old, new = tmp_path / "cache" / "new" / "entry-old", tmp_path / "cache" / "new" / "entry-young"
    for folder in (old, new):
        _file(folder / "0", "half")
    os.utime(old, (0, 0))
    cache.prune()
    assert not old.exists() and new.exists()


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_of_the_users_is_removed_from_the_folder_that_cache_dir_names(tmp_path: Path) -> None:
    shared, key = tmp_path / "shared", "ab" + "0" * 62
    mine = [
        "new/run7/weights.pt", "results/2024/seed1/log.txt", f"results/ab/{key}/{'0' * 16}/thesis.tex", "locks/door",
        "entry.json", "hlspike/new/entry-old/0", f"hlspike/results/ab/{key}/{'0' * 16}/entry.json", "0",
    ]
    for name in mine:
        os.utime(_file(shared / name, name).parent, (0, 0))
    before = _tree(shared)
    config = {"enabled": True, "dir": str(shared), "size": 1e-9}
    cache = Cache.of(config)
    for words in (["show"], ["verify"], ["prune", "0"]):
        manage(words, config)
    cache.put(KEY, {"made": _file(tmp_path / "made", "x" * 100)}, {}, META)
    assert cache.get(KEY, lambda name, known: None) is not None
    manage(["verify"], config)
    cache.prune()
    assert cache.get(KEY, lambda name, known: None) is None
    after = _tree(shared)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"hlspike"}


def test_a_folder_in_the_place_of_the_cache_is_left_alone(tmp_path: Path) -> None:
    config = {"enabled": True, "dir": str(tmp_path), "size": 1}
    cache = Cache.of(config)
    assert cache.folder is not None
    kept = _file(cache.folder / "new" / "entry-mine" / "0", "mine")
    os.utime(kept.parent, (0, 0))
    told = (
        "it is no cache of hlspike, which would hold a CACHEDIR.TAG of its own; remove it, or set cache.dir"
    )
    with pytest.raises(OSError, match=re.escape(told)) as refused:
        cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    assert refused.value.filename == str(cache.folder)
    with pytest.raises(ConfigError, match=re.escape(f"cache.dir: {cache.folder} is no cache of hlspike; remove it")):
        manage(["verify"], config)
    cache.prune(0)
    assert list(cache.entries()) == cache.unreadable() == []
    assert _tree(cache.folder) == {"new/entry-mine/0": b"mine"}
    assert [path.name for path in cache.folder.parent.iterdir()] == ["cache"]


def test_what_else_lies_in_an_entry_stays(cache: Cache, tmp_path: Path) -> None:
    cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None
    _file(entry.folder / "notes.txt", "mine")
    _file(entry.folder / "1" / "deep.txt", "mine")
    assert cache.prune(0) == (1, 1)
    assert _tree(entry.folder) == {"1/deep.txt": b"mine", "notes.txt": b"mine"}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: [],
        lambda data: {**data, "made": {}} | {"made": [{**data["made"][0], "size": "1"}]},
        lambda data: {**data, "made": [{**data["made"][0], "file": "../0"}]},
        lambda data: {**data, "made": [{**data["made"][0], "digest": None}]},
        lambda data: {**data, "made": [{**data["made"][0], "executable": 0}]},
        lambda data: {**data, "made": [{**data["made"][0], "size": True}]},
        lambda data: {**data, "made": [{**data["made"][0], "more": 1}]},
        lambda data: {**data, "made": 3},
        lambda data: {**data, "found": {"model.py": 7}},
        lambda data: {**data, "found": []},
        lambda data: {**data, "meta": {"step": "x", "seconds": "soon"}},
        lambda data: {**data, "meta": {"step": 5, "seconds": 1.0}},
        lambda data: {**data, "meta": {"step": "x", "seconds": float("nan")}},
        lambda data: {**data, "meta": {}},
    ],
)
def test_a_description_of_wrong_types_is_none(
    cache: Cache, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    description = next((tmp_path / "cache").rglob("entry.json"))
    description.write_text(json.dumps(change(json.loads(description.read_text()))))
    assert cache.get(KEY, lambda name, known: None) is None
    assert cache.unreadable() == [description.parent]


def test_an_entry_that_lacks_a_file_or_has_another_size_is_damaged(cache: Cache, tmp_path: Path) -> None:
    cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None
    with pytest.raises(Damaged, match=r"^another is missing$"):
        entry.restore({"made": tmp_path / "made", "another": tmp_path / "another"})
    description = entry.folder / "entry.json"
    description.write_text(description.read_text().replace('"size": 1', '"size": 2'))
    entry = cache.get(KEY, lambda name, known: None)
    assert entry is not None
    with pytest.raises(Damaged, match=r"^made is not what was put in$"):
        entry.verify()


def test_the_folder_of_the_user_is_that_of_the_standard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert folder_of(None) == tmp_path / ".cache" / "hlspike"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert folder_of(None) == tmp_path / "x" / "hlspike"
    assert folder_of("~/c") == tmp_path / "c" / "hlspike"
    told = "cache.dir: ~nobody-here/c: there is no such home folder; set cache.dir"
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        folder_of("~nobody-here/c")


def test_a_cache_that_is_off_holds_nothing(tmp_path: Path) -> None:
    cache = Cache.of({"enabled": False, "dir": str(tmp_path / "cache"), "size": 1})
    with cache.lock(KEY, lambda: None):
        cache.put(KEY, {"made": _file(tmp_path / "made", "x")}, {}, META)
    assert cache.get(KEY, lambda name, known: None) is None
    assert list(cache.entries()) == [] and cache.prune() == (0, 0)
    assert not (tmp_path / "cache").exists()


def _hold(path: str, taken: str, release: float) -> None:
    with locks.locked(Path(path)):
        Path(taken).touch()
        time.sleep(release)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_lock_waits_for_its_holder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    holder = context.Process(target=_hold, args=(str(tmp_path / "l"), str(tmp_path / "taken"), 0.5))
    holder.start()
    _wait_for(tmp_path / "taken")
    told: list[str] = []
    with locks.locked(tmp_path / "l", lambda: told.append("waiting")):
        assert holder.exitcode is None or not holder.is_alive()
    assert told == ["waiting"]
    assert not (tmp_path / "l").exists()
    holder.join()


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    holder = context.Process(target=_hold, args=(str(tmp_path / "l"), str(tmp_path / "taken"), 60))
    holder.start()
    _wait_for(tmp_path / "taken")
    holder.kill()
    holder.join()
    told: list[str] = []
    with locks.locked(tmp_path / "l", lambda: told.append("waiting")):
        assert told == []


def test_show_verify_and_prune(tmp_path: Path) -> None:
    config = {"enabled": True, "dir": str(tmp_path / "cache"), "size": 1}
    cache = Cache.of(config)
    cache.put(KEY, {"made": _file(tmp_path / "made", "x" * 2**20)}, {}, META)
    cache.put(OTHER, {"made": _file(tmp_path / "made", "y" * 2**19)}, {}, {"step": "train", "seconds": 60.0})
    assert manage([], config) == manage(["show"], config) == (
        f"{cache.folder}: 2 results, 1.5 MiB of at most 1024\n"
        "step     results  MiB  seconds to make\n"
        "compile        1  1.0              1.5\n"
        "train          1  0.5             60.0"
    )
    assert manage(["verify"], config) == "2 results are whole, 0 were damaged"
    entry = cache.get(OTHER, lambda name, known: None)
    assert entry is not None
    (entry.folder / "0").write_bytes(b"z")
    assert manage(["verify"], config) == (
        f"{entry.folder}: made is not what was put in; removed\n1 results are whole, 1 were damaged"
    )
    assert manage(["prune"], config) == "0 results removed, 0.0 MiB"
    assert manage(["prune", "0"], config) == "1 results removed, 1.0 MiB"
    asked = r"^cache: prune takes a size in GiB, found 'much'; write for instance prune 2\.5$"
    with pytest.raises(ConfigError, match=asked):
        manage(["prune", "much"], config)
    with pytest.raises(ConfigError, match=r"^cache: 'empty it' is no command; write show, verify or prune"):
        manage(["empty", "it"], config)
    assert manage(["show"], {**config, "enabled": False}) == "the cache is not enabled; set cache.enabled=true"
