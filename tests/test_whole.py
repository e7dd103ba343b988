"""A variant stands as a whole exactly as long as each of its steps does."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builds import Place, furnished

from hlspike.generators.errors import ToolError
from hlspike.tasks.configuration import declared, variants
from hlspike.tasks.engine import record, states, whole
from hlspike.tasks.layout import BUILD

ROOT = str(BUILD / "tiny")
DECLARED = "data.env=[GAIN]", "data.inputs=[extra/*]"
SWEEP = "readout.class_threshold=2,3"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A directory with a build that names what nothing sees; not to be changed but for a while."""
    place = furnished(tmp_path_factory.mktemp("whole"))
    place.write("extra/one", "")
    place.build(*DECLARED)
    return place


@pytest.fixture
def here(made: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(made.path)
    _forget()
    yield made
    _forget()


def _forget() -> None:
    """What a process keeps as long as it builds."""
    for known in (whole._found, whole._seen):
        known.clear()
    for once in (whole._ours, declared.matching, states.installed, record._store):
        once.cache_clear()
    record.agreement._standing.clear()


def stands(*overrides: str) -> bool:
    _forget()
    return not whole.pending(variants.load(overrides or DECLARED))


def inputs() -> list[str]:
    """What nobody but the user's code, the compiler or a step has read, and what steps have made."""
    return [name for name, _ in record.whole(ROOT)["states"]]


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Whatever happens to it meanwhile, the file is the same at the end."""
    aside = path.with_name(f"{path.name}.aside")
    os.rename(path, aside)
    shutil.copy2(aside, path)
    try:
        yield
    finally:
        os.replace(aside, path)


def test_what_is_kept_is_every_file_of_the_build(here: Place) -> None:
    names = {str(Path(name)) for name in inputs()}
    found = {str(path.relative_to(here.path)) for path in (here.path / "build" / "tiny").rglob("*") if path.is_file()}
    of_none = {name for name in found - names if "/log/" not in name and not name.endswith(".hlspike")}
    assert of_none == set()
    assert {"weights.pt", "extra/one"} <= names
    assert {"model.py", "data.py"} <= {Path(name).name for name in names}


def test_each_file_that_changes_or_goes_is_found(here: Place) -> None:
    assert stands()
    ours = [Path(name) for name in inputs() if Path(name).is_file() and (Path.cwd() / name).is_relative_to(here.path)]
    assert len(ours) > 60
    for path in ours:
        with kept(path):
            data = path.read_bytes()
            path.write_bytes(bytes([data[0] ^ 1]) + data[1:] if data else b"1")
            assert not stands(), path
            path.unlink()
            assert not stands(), path
    # bytes count, not when they were written
    assert stands()


def _touch(place: Place) -> Callable[[], None]:
    (place.path / "model.py").touch()
    return lambda: None


def _file(name: str) -> Callable[[Place], Callable[[], None]]:
    def make(place: Place) -> Callable[[], None]:
        place.write(name, "")
        return (place.path / name).unlink

    return make


@pytest.mark.parametrize(("change", "same"), [
    (_touch, True),
    (_file("beside.txt"), True),
    (_file("extra/two"), False),
    # a module of that name would be imported in the place of the installed one
    (_file("snntorch.py"), False),
])
def test_what_is_new_counts_where_it_would_be_found(
    here: Place, change: Callable[[Place], Callable[[], None]], same: bool
) -> None:
    undo = change(here)
    try:
        assert stands() is same
    finally:
        undo()
    assert stands()


def test_the_configuration_and_the_environment_count(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not stands(*DECLARED, "seed=1")
    assert not stands(*DECLARED, "model.kwargs.beta=0.5")
    monkeypatch.setenv("UNNAMED", "1")
    assert stands()
    monkeypatch.setenv("GAIN", "2")
    assert not stands()


def test_our_own_sources_count(here: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("generators", "tasks", "hls_src"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("")
    monkeypatch.setattr(whole, "PACKAGE", tmp_path)
    assert not stands()
    first = whole._ours()
    (tmp_path / "hls_src" / "b.h").write_text("")
    whole._ours.cache_clear()
    assert whole._ours() != first


def test_a_row_that_says_nothing_is_of_no_consequence(here: Place) -> None:
    good = dict(record.whole(ROOT))
    try:
        for row in ({}, {"key": good["key"]}, {**good, "states": [["model.py"]]}, {**good, "states": 3},
                    {**good, "states": [["model.py", []]]}, {**good, "steps": {}}, {**good, "steps": {"report": "1"}}):
            record.keep_wholes({ROOT: row})
            assert not stands(), row
    finally:
        record.keep_wholes({ROOT: good})
    assert stands()


def test_what_stands_has_a_part_in_the_agreement_of_a_build(here: Place) -> None:
    assert stands()
    name, state = next((name, state) for name, state in record.whole(ROOT)["states"] if name.endswith("data.py"))
    record.agreement.check({name: state})
    with pytest.raises(ToolError, match=re.escape(f"{name}: it changed while the build ran; run the build again")):
        record.agreement.check({name: [*state[:-1], "other"]})


def summary(place: Place, *words: str) -> str:
    """Without the time that it took."""
    return re.sub(r", \d+\.\d s", "", place.doit(*words).out.splitlines()[-1], count=1)


def test_a_build_tells_of_as_many_steps_as_one_that_looks_at_each(place: Place) -> None:
    # the last looks at each
    assert summary(place, "build") == summary(place, "-v", "2", "build") == summary(place, "run", "build")
    with sqlite(place) as names:
        assert names == [f"/whole/{ROOT}@"]
    # whatever is recorded of a step, what was kept of all of them is no more
    assert place.doit("forget", "stimulus").code == 0
    with sqlite(place) as names:
        assert names == []
    assert place.build() == {"stimulus"}
    assert place.doit("ignore", "csim").code == 0
    with sqlite(place) as names:
        assert names == []
    place.doit("build")
    with sqlite(place) as names:
        assert names == []


@contextlib.contextmanager
def sqlite(place: Place) -> Iterator[list[str]]:
    """The rows that are of no step."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(place.path / "build" / ".doit.db")) as connection:
        yield [row[0] for row in connection.execute("select task_id from doit where task_id like '/whole/%'")]


def test_of_a_sweep_only_what_changed_is_looked_at_step_by_step(place: Place) -> None:
    place.build(SWEEP)
    assert place.build(SWEEP) == set()
    told = summary(place, "build", SWEEP)
    (place.path / "build" / "tiny" / "readout.class_threshold-3" / "report.md").unlink()
    ran = place.doit("build", SWEEP)
    assert ran.tasks == {"report:readout.class_threshold-3"}
    assert re.findall(r"^[* ]*(\d)  +ok", ran.out, re.MULTILINE) == ["2", "3"]
    known = int(re.search(r"(\d+) were", told)[1])  # type: ignore[index]
    assert f"1 steps ran, {known - 1} were up to date" in ran.out
    # and one that fails is told of, with the other
    place.write("build/tiny/readout.class_threshold-3/report.md", "")
    place.edit("model.py", "def build(beta=0.75):", "def build(beta=0.75):\n    raise ValueError('no')\n")
    ran = place.doit("build", SWEEP)
    assert ran.code != 0 and re.findall(r"^[* ]*(\d)  +failed", ran.out, re.MULTILINE) == ["2", "3"]
