"""The record's file: damaged, cut, foreign, newer, locked or not to be written; nothing is removed without a word."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doit.exceptions import InvalidDodoFile, InvalidTask

from hlspike.tasks.engine import store
from hlspike.tasks.engine.store import Store

ROW: dict[str, Any] = {
    "_values_:": {"rests": {}, "files": {"made": [1, 2, 3, 4, "d"]}, "seconds": 1.0, "reused": False},
    "deps:": ["in"], "in": [1, 2, 3, 4, "d"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".doit.db"


def fill(path: Path, count: int = 1) -> None:
    filled = Store(str(path))
    for number in range(count):
        filled.put(f"step:{number}", ROW)
    filled.dump()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Store]:
    found = Store(str(path))
    try:
        yield found
    finally:
        found.dump()


def test_a_success_is_read_back(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(path)
    with opened(path) as found:
        assert found.row("step:0") == ROW and found.in_("step:0")
        assert found.row("step:1") == {} and not found.in_("step:1")
        found.remove("step:0")
    with opened(path) as found:
        assert found.row("step:0") == {}
    assert capsys.readouterr().err == ""


def test_steps_of_builds_of_another_name_have_rows_of_their_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setattr(Store, "names", {"extract": name})
        with opened(path) as found:
            assert found.row("extract") == {}
            found.put("extract", {**ROW, "of": name})
    for name in ("one", "two"):
        monkeypatch.setattr(Store, "names", {"extract": name})
        with opened(path) as found:
            assert found.row("extract")["of"] == name


def _older(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table doit (task_id text not null primary key, task_data json)")
        connection.execute("insert into doit values ('step:0', ?)", (json.dumps(ROW),))


def _foreign(path: Path, table: str = "create table albums (title text)") -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(table)


def _newer(path: Path) -> None:
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma user_version = 7")


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"garbage" * 100), "file is not a database"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 500), "file is not a database"),
        (_foreign, "it is a database of something else"),
        (lambda path: _foreign(path, "create table doit (key text, value text)"), "it is no record of builds"),
        (_newer, "it is a record of version 7, and 1 is the latest known here"),
        (_folder, "it is no file"),
    ],
)
def test_what_is_no_record_is_kept_and_a_new_one_begun(
    path: Path, damage: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    for number in (1, 2):
        fill(path)
        if number == 1:
            told = f"{path}: {reason}; it is kept as .doit.db.damaged-1, and a new one begun\n"
            assert capsys.readouterr().err == told
    with opened(path) as found:
        assert found.row("step:0") == ROW
    kept = path.with_name(".doit.db.damaged-1")
    assert kept.read_bytes() == before if before is not None else (kept / "mine.txt").read_text() == "mine"
    assert capsys.readouterr().err == ""


def test_an_empty_file_and_one_of_doit_itself_are_a_beginning(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.touch()
    fill(path)
    path.unlink()
    _older(path)
    fill(path)
    with opened(path) as found:
        assert found.row("step:0") == ROW
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("left", [3000, 8192, 20000])
def test_a_file_that_was_cut_is_found_out_when_it_is_read_at_the_latest(
    path: Path, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(path, 500)
    path.write_bytes(path.read_bytes()[:left])
    with opened(path) as found:
        rows = [found.row(f"step:{number}") for number in range(500)]
        assert all(row in ({}, ROW) for row in rows)
        found.put("step:0", ROW)
    assert capsys.readouterr().err.count("it is kept as .doit.db.damaged-1, and a new one begun\n") == 1
    with opened(path) as found:
        assert found.row("step:0") == ROW


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "null", '"x"', "{}", '{"_values_:": 3}', '{"_values_:": []}', '{"_values_:": {}}',
        "[" * 9999,
        json.dumps({**ROW, "_values_:": {**ROW["_values_:"], "files": []}}),
        json.dumps({**ROW, "_values_:": {**ROW["_values_:"], "files": {"made": 3}}}),
        json.dumps({**ROW, "_values_:": {**ROW["_values_:"], "files": {"made": []}}}),
        json.dumps({**ROW, "_values_:": {**ROW["_values_:"], "seconds": "1"}}),
        json.dumps({**ROW, "_values_:": {**ROW["_values_:"], "rests": 1}}),
        json.dumps({**ROW, "in": None}), json.dumps({**ROW, "deps:": 4}), json.dumps({**ROW, "deps:": ["other"]}),
    ],
)
def test_a_row_of_another_shape_says_nothing(text: str) -> None:
    assert store.sound(text) == {}


def test_a_lock_is_told_and_waited_for(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(path)
    holder = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    holder.execute("begin exclusive")
    end = threading.Timer(1.5, lambda: holder.execute("commit"))
    end.start()
    with opened(path) as found:
        assert found.row("step:0") == ROW
    end.join()
    holder.close()
    assert capsys.readouterr().err == f"waiting for {path}, which another program has locked\n"


def test_a_lock_that_stays_is_named_and_never_taken_for_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    monkeypatch.setattr(store, "_PATIENCE", 0.2)
    named = f"^{re.escape(f'{path}: another program has locked it for 0 s; end that program, or let it finish')}$"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        found = Store(str(path))
        holder.execute("begin exclusive")
        with pytest.raises(InvalidDodoFile, match=named):
            Store(str(path))
        with pytest.raises(InvalidTask, match=named):
            found.row("step:0")
        found.put("step:1", ROW)
        with pytest.raises(InvalidTask, match=named):
            found.commit()
        holder.execute("commit")
        found.dump()
    assert [item.name for item in path.parent.iterdir()] == [".doit.db"]


def test_a_folder_that_takes_no_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = r"^[^\n]*/file/\.doit\.db: unable to open database file; the build needs to read and write there$"
    with pytest.raises(InvalidDodoFile, match=told):
        Store(str(tmp_path / "file" / ".doit.db"))
