"""What a configuration names in a user's code: found, called, and told in one line when it fails."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hlspike.generators.errors import ConfigError, DataError
from hlspike.tasks.inputs.finder import Finder
from hlspike.tasks.inputs.imports import Imports
from hlspike.tasks.inputs.loading import Loader

KEY = "model.source"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory; modules imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def loader() -> Loader:
    """Not installed in this process: it finds and calls, and Python itself imports."""
    return Loader(Imports(Finder(str(Path.cwd()), lambda path: True, lambda place, file: None, lambda more: None)))


def refuses(message: str) -> Any:
    return pytest.raises(ConfigError, match=f"^{re.escape(message)}$")


def test_a_callable_of_a_file_or_of_a_module_is_called(here: Path) -> None:
    written(here, "netone.py", "def build(size): return size + 1")
    written(here, "nets/two.py", "from netone import build")
    written(here, "odd name.py", "def build(size): return size + 2")
    for source, value in (("netone.py:build", 2), ("nets.two:build", 2), ("nets/two.py:build", 2),
                          ("odd name.py:build", 3), (f"{here}/odd name.py:build", 3)):
        assert loader().call(KEY, source, size=1) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("build", "model.source: 'build' must read file.py:callable or package.module:callable"),
        ("net.py:", "model.source: 'net.py:' must read file.py:callable or package.module:callable"),
        ("nofile.py:build", "model.source: there is no file nofile.py; paths are relative to {here}"),
        ("nomodule.at.all:build", "model.source: there is no module 'nomodule.at.all'; install it or correct the name"),
        ("netthree.py:bild", "model.source: netthree.py has no 'bild'; define it or correct the name"),
        ("netthree.py:SIZE", "model.source: 'SIZE' of netthree.py is of type int; name a function or a class"),
        ("broken.py:build", "model.source: importing broken.py raised ZeroDivisionError: division by zero"),
        ("unreadable.py:build", "model.source: importing unreadable.py raised SyntaxError: invalid syntax "
                                "(unreadable.py, line 1)"),
        ("needs.py:build", "model.source: importing needs.py raised ModuleNotFoundError: No module named 'not_there'"),
    ],
)
def test_what_cannot_be_loaded_is_told(here: Path, source: str, message: str) -> None:
    written(here, "netthree.py", "SIZE = 3\ndef build(): return SIZE")
    written(here, "broken.py", "1 / 0")
    written(here, "unreadable.py", "def (")
    written(here, "needs.py", "import not_there")
    with refuses(message.format(here=here)):
        loader().load(KEY, source)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('too\\nlong')", "model.source: netfour.py:build raised ValueError: too long"),
        ("raise KeyError", "model.source: netfour.py:build raised KeyError"),
        ("return build(1)",
         "model.source: netfour.py:build raised TypeError: build() takes 0 positional arguments but 1 was given"),
    ],
)
def test_an_exception_of_the_users_code_is_one_line(here: Path, body: str, message: str) -> None:
    written(here, "netfour.py", f"def build(): {body}")
    with refuses(message):
        loader().call(KEY, "netfour.py:build")


def test_a_refusal_of_our_own_passes(here: Path) -> None:
    raising = "from hlspike.generators.errors import DataError\ndef build(): raise DataError('no images')"
    written(here, "netfive.py", raising)
    with pytest.raises(DataError, match=r"^no images$"):
        loader().call(KEY, "netfive.py:build")
