"""Without a C compiler: what Python itself opens is still an input, and what is not seen is said once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from calling import call

from hlspike.generators.errors import ToolError
from hlspike.tasks.engine import states
from hlspike.tasks.inputs import prepared, recording

LIBRARY = recording.library


@pytest.fixture(scope="module", autouse=True)
def unrecorded() -> Iterator[None]:
    """A prepared process of these tests alone, without the recorder."""

    def library(folder: Path) -> Path:
        raise ToolError("there is no C compiler")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "_process", None)
        patch.setattr(recording, "library", library)
        yield
        if prepared._process is not None:
            prepared._process.control.close()
            prepared._process.ended.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    Path("clips/one").touch()
    for name in ("one.txt", "settings.py"):
        Path(name).write_text("SIZE = 1\n")
    np.save("rates.npy", np.arange(3.0))


WAYS = {
    "open": ("open('one.txt').read()", "one.txt"),
    "open for update": ("open('one.txt', 'r+').read()", "one.txt"),
    "pathlib": ("from pathlib import Path; Path('one.txt').read_bytes()", "one.txt"),
    "os.open": ("os.open('one.txt', os.O_RDONLY)", "one.txt"),
    "numpy.load": ("np.load('rates.npy')", "rates.npy"),
    "numpy.load, mapped": ("np.load('rates.npy', mmap_mode='r')", "rates.npy"),
    "below another directory": ("os.chdir('clips'); open('one').read()", "clips/one"),
    "threads": ("import threading\nt = threading.Thread(target=lambda: open('one.txt').read()); t.start(); t.join()",
                "one.txt"),
    "os.listdir": ("os.listdir('clips')", "clips"),
    "glob": ("import glob; glob.glob('clips/*')", "clips"),
    "a failed open": ("try: open('none.txt')\nexcept OSError: pass", "none.txt"),
    "sqlite3": ("import sqlite3; sqlite3.connect('one.txt')", "one.txt"),
    "a module": ("import settings", "settings.py"),
    "a module that is missing": ("try: import absent\nexcept ImportError: pass", "module:./absent"),
}


def test_what_is_not_seen_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    call("pass")
    call("pass")
    assert capfd.readouterr().err == (
        "inputs: the recorder cannot be made (there is no C compiler): what libraries and other programs read by "
        "themselves is not seen; name it in model.inputs and data.inputs\n"
    )


@pytest.mark.parametrize("way", WAYS)
def test_what_python_opens_is_an_input(way: str) -> None:
    body, name = WAYS[way]
    found = call(body)
    assert name in found
    assert all(states.unchanged(name, known) for name, known in found.items())


@pytest.mark.parametrize("body", [
    "np.save('own.npy', np.ones(3)); np.load('own.npy')",
    "open('own.tmp', 'w').close(); os.replace('own.tmp', 'own.txt'); open('own.txt').read()",
    "import tempfile\nwith tempfile.NamedTemporaryFile() as f: open(f.name).read()",
])
def test_what_a_call_makes_itself_is_no_input(body: str) -> None:
    assert not [name for name in call(body) if name.startswith(("own", "/tmp"))]


def test_a_compiler_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cc", "gcc", "g++", "clang"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{name}: out of order' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("cc") == str(tmp_path / "bin" / "cc")
    with pytest.raises(ToolError, match=r"^clang: clang: out of order$"):
        LIBRARY(tmp_path)
    assert not list((tmp_path / "build").rglob("*.so"))
