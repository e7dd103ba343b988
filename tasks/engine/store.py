"""The table of successes in a file: written as each comes about, waited for while another program holds it, and begun
anew where what is there is none. Nothing is removed: what is no table of ours is set aside.

A row is a step of a build's name, so that builds of several names, and single builds and sweeps, keep each other's.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from doit.dependency import SqliteDB
from doit.exceptions import InvalidDodoFile, InvalidTask

T = TypeVar("T")
_VERSION = 1
"""Of the table, in the file's user_version; doit itself leaves 0."""
_PATIENCE = 30.0
"""Seconds that another program may hold the file."""
_SOON = 0.5
"""Seconds after which the wait for it is told."""
_WHOLE = "/whole/"
"""Begins the names of rows that are of no task."""
_TABLE = "create table if not exists doit (task_id text not null primary key, task_data json)"


def whole_id(root: str) -> str:
    """The row of what is kept of all steps of the variant in the folder `root` together."""
    return f"{_WHOLE}{root}"


class Store(SqliteDB):  # type: ignore[misc]
    """doit's backend, task → what is known of its latest success.

    Args:
        codec: of doit, not used: rows are JSON.
    Raises:
        InvalidDodoFile: the file can be neither read nor made.
    """

    names: dict[str, str] = {}  # noqa: RUF012 - all of a process share it
    """Task → the build's name that it belongs to."""
    wholes: dict[str, str] = {}  # noqa: RUF012 - likewise
    """Task → the folder of the variant that it belongs to; what is kept of that as a whole ends with what it rests on.
    """

    def __init__(self, name: str, codec: Any = None, *, module_name: str | None = None) -> None:
        self.name = name
        self._cache: dict[str, dict[str, Any]] = {}
        self._dirty: set[str] = set()
        try:
            self._conn = opened(Path(name))
        except (sqlite3.Error, OSError) as error:
            raise InvalidDodoFile(told(Path(name), error)) from None

    def get(self, task_id: str, dependency: str) -> Any:
        return self.row(task_id).get(dependency)

    def row(self, task_id: str) -> dict[str, Any]:
        """All that is known of a task; nothing if it has not succeeded, or if what is there says nothing."""
        found = self._cache.get(task_id)
        if found is None:
            found = self._cache[task_id] = self._read(task_id)
        return found

    def put(self, task_id: str, row: dict[str, Any]) -> None:
        self._cache[task_id] = row
        self._dirty.add(task_id)

    def in_(self, task_id: str) -> bool:
        return bool(self.row(task_id))

    def remove(self, task_id: str) -> None:
        self._cache[task_id] = {}
        self._dirty.discard(task_id)
        # a task that nobody makes now may be a step of any variant
        known = {name for name, row in self._cache.items() if name.startswith(_WHOLE)}
        for name in known:
            self._cache[name] = {}
        self._dirty -= known
        which = (self._key(task_id), f"{_WHOLE}*")
        self._safely(lambda: self._delete(" where task_id=? or task_id glob ?", which))

    def remove_all(self) -> None:
        self._cache, self._dirty = {}, set()
        self._safely(self._delete)

    def commit(self) -> None:
        """Write what has been set since the last time.

        Raises:
            InvalidTask: the file cannot be written.
        """
        rows = [(self._key(name), json.dumps(self._cache[name])) for name in self._dirty]
        stale = {whole_id(self.wholes[name]) for name in self._dirty if name in self.wholes} - self._dirty
        for name in stale:
            self._cache[name] = {}
        self._dirty = set()
        if rows:
            self._safely(lambda: self._write(rows, [(self._key(name),) for name in stale]))

    def dump(self) -> None:
        try:
            self.commit()
        finally:
            self._conn.close()

    def _delete(self, which: str = "", values: tuple[str, ...] = ()) -> None:
        with self._conn:
            self._conn.execute(f"delete from doit{which}", values)

    def _write(self, rows: list[tuple[str, str]], stale: list[tuple[str]]) -> None:
        with self._conn:
            self._conn.executemany("delete from doit where task_id=?", stale)
            self._conn.executemany("insert or replace into doit values (?,?)", rows)

    def _key(self, task_id: str) -> str:
        return f"{task_id}@{self.names.get(task_id, '')}"

    def _read(self, task_id: str) -> dict[str, Any]:
        def select() -> Any:
            return self._conn.execute("select task_data from doit where task_id=?", (self._key(task_id),)).fetchone()

        row = self._safely(select)
        return sound(row[0]) if row else {}

    def _safely(self, action: Callable[[], T]) -> T | None:
        """What `action` returns; None once more has been found damaged, and a new table begun."""
        try:
            return action()
        except sqlite3.OperationalError as error:
            raise InvalidTask(told(Path(self.name), error)) from None
        except sqlite3.DatabaseError as error:
            self._conn.close()
            set_aside(Path(self.name), str(error))
            self._conn = opened(Path(self.name))
            # what is known here is on its way into the new one
            self._dirty |= {name for name, row in self._cache.items() if row}
            return None


def opened(path: Path) -> sqlite3.Connection:
    """The file, with its table.

    Raises:
        sqlite3.OperationalError: it is locked, or nothing can be written there.
    """
    if path.exists() and not path.is_file():
        set_aside(path, "it is no file")
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        set_aside(path, str(error))
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_SOON)
    try:
        try:
            _prepare(connection)
        except sqlite3.OperationalError as error:
            if not _is_lock(error):
                raise
            sys.stderr.write(f"waiting for {path}, which another program has locked\n")
            connection.execute(f"pragma busy_timeout = {int(1000 * _PATIENCE)}")
            _prepare(connection)
        connection.execute(f"pragma busy_timeout = {int(1000 * _PATIENCE)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table unless it is there; raise DatabaseError if what is there is another."""
    columns = [row[1] for row in connection.execute("pragma table_info(doit)")]
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"it is a record of version {version}, and {_VERSION} is the latest known here")
    if columns and columns != ["task_id", "task_data"]:
        raise sqlite3.DatabaseError("it is no record of builds")
    if not columns and connection.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it is a database of something else")
    if not columns or version < _VERSION:
        with connection:
            connection.execute(_TABLE)
            connection.execute(f"pragma user_version = {_VERSION}")


def set_aside(path: Path, reason: str) -> None:
    """Give what is no table of ours another name, with what sqlite keeps beside it."""
    number = 1
    while (place := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(place)
    for ending in ("-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(place.with_name(place.name + ending))
    sys.stderr.write(f"{path}: {reason}; it is kept as {place.name}, and a new one begun\n")


def told(path: Path, error: sqlite3.Error | OSError) -> str:
    """One line on why the file is of no use."""
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}; the build needs to read and write there"
    if _is_lock(error):
        return f"{path}: another program has locked it for {_PATIENCE:.0f} s; end that program, or let it finish"
    return f"{path}: {error}; the build needs to read and write there"


def sound(text: Any) -> dict[str, Any]:
    """What a row holds; nothing unless it has the shape of a success."""
    try:
        row = json.loads(text)
        values = row.get("_values_:")
        if values is None:
            return dict(row)
        states = [*values["files"].values(), *(row[dep] for dep in row["deps:"])]
        whole = (
            isinstance(values["rests"], dict) and isinstance(values["seconds"], int | float)
            and all(type(state) is list and state for state in states)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return row if whole else {}


def _is_lock(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
