"""A file that changes while the code that read it runs is never what was read; what that code makes is no input."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from calling import call

from hlspike.generators.errors import ToolError
from hlspike.tasks.engine import states


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    for name in ("one.txt", "two.txt"):
        Path(name).write_text(f"text of {name}")
    os.symlink("one.txt", "link.txt")
    Path("clips").mkdir()
    Path("clips/a").touch()
    Path("settings.py").write_text("SIZE = 1\n")
    np.arange(6.0).tofile("raw.bin")
    with h5py.File("rec.h5", "w") as file:
        file["rates"] = np.arange(3.0)
    with sqlite3.connect("rec.db") as base:
        base.executescript("create table t(a); insert into t values (1)")
    os.mkfifo("go")
    return tmp_path


def _rewritten(path: str) -> Callable[[], object]:
    def change() -> None:
        data, found = Path(path).read_bytes(), os.stat(path)
        with open(path, "r+b") as file:
            file.write(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    return change


def _replaced(path: str) -> Callable[[], object]:
    def change() -> None:
        Path("new").write_bytes(Path(path).read_bytes()[::-1])
        os.replace("new", path)

    return change


def _relinked() -> None:
    Path("link.txt").unlink()
    os.symlink("two.txt", "link.txt")


MEANWHILE: dict[str, tuple[str, Callable[[], object], str]] = {
    "rewritten": ("open('one.txt').read()", _rewritten("one.txt"), "one.txt"),
    "replaced": ("open('one.txt').read()", _replaced("one.txt"), "one.txt"),
    "removed": ("open('one.txt').read()", lambda: Path("one.txt").unlink(), "one.txt"),
    "opened for update": ("open('one.txt', 'r+').read()", _rewritten("one.txt"), "one.txt"),
    "read by another program": ("os.system('cat one.txt > /dev/null')", _rewritten("one.txt"), "one.txt"),
    "h5py": ("import h5py; h5py.File('rec.h5', 'r').close()", _rewritten("rec.h5"), "rec.h5"),
    "sqlite3": ("import sqlite3; sqlite3.connect('rec.db').execute('select * from t').fetchall()",
                _rewritten("rec.db"), "rec.db"),
    "numpy.load": ("np.fromfile('raw.bin')", _rewritten("raw.bin"), "raw.bin"),
    "memmap": ("np.memmap('raw.bin', mode='c')[0]", _rewritten("raw.bin"), "raw.bin"),
    "through a link": ("open('link.txt').read()", _rewritten("one.txt"), "link.txt"),
    "the link itself": ("open('link.txt').read()", _relinked, "link.txt"),
    "one more file": ("os.listdir('clips')", lambda: Path("clips/b").touch(), "clips"),
    "one file less": ("os.listdir('clips')", lambda: Path("clips/a").unlink(), "clips"),
    "what was missing": ("os.path.exists('three.txt')", lambda: Path("three.txt").touch(), "three.txt"),
    "what was there": ("os.path.exists('one.txt')", lambda: Path("one.txt").unlink(), "one.txt"),
    "another size": ("os.path.getsize('one.txt')", lambda: Path("one.txt").write_text("more"), "one.txt"),
    "a module": ("import settings", _rewritten("settings.py"), "settings.py"),
    "the code itself": ("pass", _rewritten("data.py"), "data.py"),
}


def _meanwhile(body: str, change: Callable[[], object]) -> dict[str, states.State]:
    """The inputs of a call, with `change` made after its body has run and before it ends."""
    done: list[dict[str, states.State] | BaseException] = []

    def work() -> None:
        try:
            done.append(call(f"{body}\nopen('go').read()"))
        except BaseException as error:
            done.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    with open("go", "w") as go:
        change()
        go.write("!")
    thread.join()
    if isinstance(done[0], BaseException):
        raise done[0]
    return done[0]


@pytest.mark.parametrize("kind", MEANWHILE)
def test_what_changes_while_it_is_used_is_refused(kind: str) -> None:
    body, change, name = MEANWHILE[kind]
    with pytest.raises(ToolError, match=f"^{re.escape(name)}: it changed while stimulus ran; run the build again$"):
        _meanwhile(body, change)
    if kind in ("rewritten", "replaced", "one more file", "what was missing"):
        call(body)


def test_a_map_to_write_to_hides_who_changes_a_file() -> None:
    message = ("raw.bin: stimulus mapped it for writing, and it changed while that ran; map it for reading, as "
               "numpy.memmap does with mode='r' or 'c'")
    with pytest.raises(ToolError, match=f"^{re.escape(message)}$"):
        _meanwhile("keep = np.memmap('raw.bin', mode='r+')", _rewritten("raw.bin"))
    with pytest.raises(ToolError, match=f"^{re.escape(message)}$"):
        call("kept = np.memmap('raw.bin', mode='r+')\nkept[0] += 1\nkept.flush()")


def test_what_another_changes_that_was_not_looked_at_is_no_matter() -> None:
    found = _meanwhile("open('one.txt').read()", _rewritten("two.txt"))
    assert "one.txt" in found and "two.txt" not in found


OWN = {
    "written and read back": ("np.save('own.npy', np.ones(3))\nnp.load('own.npy')", set()),
    "replaced and read back": ("open('one.txt', 'w').write('x')\nopen('one.txt').read()", set()),
    "in a temporary folder": ("import tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
                              "    np.save(d + '/x.npy', np.ones(1)); np.load(d + '/x.npy'); os.listdir(d)", set()),
    "a temporary file": ("import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n"
                         "    f.write(b'x'); f.flush(); open(f.name).read()", set()),
    "renamed into place": ("open('own.tmp', 'w').write('x'); os.replace('own.tmp', 'own.txt'); open('own.txt').read()",
                           set()),
    "a folder renamed into place": (
        "os.makedirs('own.tmp/a'); open('own.tmp/a/b', 'w').close(); os.rename('own.tmp', 'own'); os.listdir('own/a')\n"
        "open('own/a/b').read()", {"own.tmp"}),
    "by another program": ("os.system('echo x > own.txt; cat own.txt > /dev/null')", set()),
    "by a compiler": ("open('own.c', 'w').write('int main(void) { return 0; }')\n"
                      "assert os.system('g++ -x c own.c -o own && ./own') == 0", {"own", "own.c.gch"}),
    "a log": ("open('own.log', 'a').write('x')", set()),
    "a database": ("import sqlite3\nwith sqlite3.connect('own.db') as b: b.execute('create table t(a)')\nb.close()",
                   {"own.db", "own.db-journal", "own.db-wal"}),
    "made where it is missing": ("if not os.path.exists('own.npy'): np.save('own.npy', np.ones(3))\nnp.load('own.npy')",
                                 {"own.npy"}),
    "a folder made where it is missing": ("os.makedirs('own/deep', exist_ok=True)\nopen('own/deep/x', 'w').close()",
                                          {"own"}),
    "in a folder that is listed": ("os.listdir('clips'); open('clips/own', 'w').close()", {"clips"}),
    "an input that it adds to": ("with open('one.txt', 'a+') as f: f.seek(0); f.read(); f.write('x')", {"one.txt"}),
    "by a program with an empty environment": (
        "import subprocess, tempfile\nname = tempfile.mktemp()\n"
        "subprocess.run(['env', '-i', 'sh', '-c', f'echo x > {name}'], check=True)\n"
        "open(name).read(); subprocess.run(['env', '-i', 'rm', name])", set()),
    "by an open file": ("k = os.open('one.txt', os.O_RDWR); j = os.dup(k); os.close(k); os.read(j, 9)\n"
                        "os.write(j, b'x'); os.fchmod(j, 0o600); os.utime(j)", {"one.txt"}),
    "sent to it by the kernel": ("k = os.open('one.txt', os.O_RDWR); os.read(k, 4)\n"
                                 "os.sendfile(k, os.open('two.txt', os.O_RDONLY), 0, 5)", {"one.txt"}),
    "moved away": ("os.rename('one.txt', 'own'); open('own').read()", {"one.txt"}),
    "a module": ("try: import own\nexcept ImportError: open('own.py', 'w').write('SIZE = 1\\n')\nimport own", set()),
    "passed on by shared memory": ("from multiprocessing import shared_memory\n"
                                   "s = shared_memory.SharedMemory(create=True, size=9); s.close(); s.unlink()", set()),
}


@pytest.mark.parametrize("kind", OWN)
def test_what_a_call_makes_itself_is_no_input_and_what_it_alters_counts_as_it_left_it(kind: str) -> None:
    body, expected = OWN[kind]
    found = call(body)
    assert all(states.unchanged(name, known) for name, known in found.items())
    ours = ("own", "one", "clips", "/tmp", "/dev")
    assert {name for name in found if name.startswith(ours)} == expected, found


def test_what_is_made_where_it_was_missing_counts_from_then_on() -> None:
    body = "if not os.path.exists('own.npy'): np.save('own.npy', np.ones(3))\nnp.load('own.npy')"
    found = call(body)
    assert call(body).keys() == found.keys()
    np.save("own.npy", np.zeros(3))
    assert not states.unchanged("own.npy", found["own.npy"])
