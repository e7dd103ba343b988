"""The file that is named runs, whatever it is called; and the one that it imports, or the name of both is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling import run, value

from hlspike.generators.errors import ConfigError
from hlspike.tasks.engine import states

MADE = "import numpy as np\ndef stimulus(seed): return {{'frames': np.full((1, 1, 4), {})}}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def refuses(message: str) -> Any:
    return pytest.raises(ConfigError, match=f"^{re.escape(message)}$")


NAMED = [
    "examples/digits.py", "examples/mnist.py", "queue.py", "tasks.py", "generators.py", "snntorch.py", "torch.py",
    "tasks/steps.py", "generators/stimulus.py", "conf/model.py", "tests/builds.py", "code/net.py",
    "site.py", "calling.py", "data set.py", "a-b.py", "deep/er/net.py", "json/__init__.py", "hls_src/net.py",
    "__main__.py", "calls.py", "sys.py", "time.py", "build.py", "1.py", "class.py",
]


@pytest.mark.parametrize("name", NAMED)
def test_the_file_that_is_named_runs(name: str) -> None:
    written(name, MADE.format(7))
    found = run(f"{name}:stimulus")
    assert value() == 7 and name in found


@pytest.mark.parametrize("name", ["queue.py", "tasks.py", "examples/digits.py"])
def test_it_runs_by_its_whole_path_and_from_elsewhere(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(name, MADE.format(8))
    (here / "other").mkdir()
    monkeypatch.chdir(here / "other")
    run(f"{here}/{name}:stimulus")
    assert value() == 8
    run(f"../{name}:stimulus")
    assert value() == 8


SIBLINGS = [
    ("tasks.py", "from tasks import SIZE"),
    ("generators.py", "import generators; SIZE = generators.SIZE"),
    ("generators/__init__.py", "from generators import SIZE"),
    ("generators/errors.py", "from generators.errors import SIZE"),
    ("generators/own.py", "from generators.own import SIZE"),
    ("tasks/steps.py", "import tasks.steps; SIZE = tasks.steps.SIZE"),
    ("examples/training.py", "from examples.training import SIZE"),
    ("examples/training.py", "from examples import training; SIZE = training.SIZE"),
    ("examples/__init__.py", "from examples import SIZE"),
    ("hls_src/sizes.py", "from hls_src.sizes import SIZE"),
    ("conf/sizes.py", "import importlib; SIZE = importlib.import_module('conf.sizes').SIZE"),
    ("tests/builds.py", "from tests.builds import SIZE"),
    ("benchmarks/csim.py", "from benchmarks.csim import SIZE"),
    ("settings.py", "from settings import SIZE"),
    ("utils.py", "from utils import SIZE"),
    ("calls.py", "from calls import SIZE"),
    ("child.py", "from child import SIZE"),
    ("forking.py", "from forking import SIZE"),
    ("hlspike.py", "from hlspike import SIZE"),
]


@pytest.mark.parametrize(("file", "statement"), SIBLINGS)
@pytest.mark.parametrize("source", ["data.py", "sub/data.py"])
def test_a_sibling_is_the_users_own(file: str, statement: str, source: str) -> None:
    folder = Path(source).parent
    written(str(folder / file), "SIZE = 9\n")
    written(source, f"{statement}\n" + MADE.format("SIZE"))
    found = run(f"{source}:stimulus")
    assert value() == 9
    assert str(folder / file) in found


CLASHES = [
    ("queue.py", "import queue", "queue: data.py imports 'queue', which is queue.py, but also a module of Python"),
    ("calendar.py", "import calendar",
     "calendar: data.py imports 'calendar', which is calendar.py, but also a module of Python"),
    ("time.py", "from time import sleep",
     "time: data.py imports 'time', which is time.py, but also a module of Python"),
    ("json/__init__.py", "import json.decoder",
     "json: data.py imports 'json', which is json/__init__.py, but also a module of Python"),
    ("code/net.py", "from code.net import SIZE",
     "code: data.py imports 'code', which is code/, but also a module of Python"),
    ("code/net.py", "from code import net",
     "code: data.py imports 'code', which is code/, but also a module of Python"),
    ("snntorch.py", "import snntorch as snn",
     "snntorch: data.py imports 'snntorch', which is snntorch.py, but also an installed package"),
    ("torch/nn.py", "from torch.nn import Linear",
     "torch: data.py imports 'torch', which is torch/, but also an installed package"),
    ("queue.py", "import importlib; importlib.import_module('queue')",
     "queue: data.py imports 'queue', which is queue.py, but also a module of Python"),
    ("queue.py", "__import__('queue')",
     "queue: data.py imports 'queue', which is queue.py, but also a module of Python"),
    ("numpy.py", "pass", "numpy: data.py imports 'numpy', which is numpy.py, but also an installed package"),
]


@pytest.mark.parametrize(("file", "statement", "message"), CLASHES)
def test_a_name_of_two_modules_is_refused_where_it_is_imported(file: str, statement: str, message: str) -> None:
    written(file, "SIZE = 9\n")
    written("data.py", f"{statement}\n" + MADE.format(1))
    with refuses(f"{message}; rename yours"):
        run("data.py:stimulus")


@pytest.mark.parametrize(
    "file", ["queue.py", "tasks.py", "snntorch.py", "calendar.py", "torch/weights.bin", "json/a.txt"]
)
def test_a_file_that_nobody_imports_is_in_nobodys_way(file: str) -> None:
    written(file, "1 / 0")
    written("data.py", "import torch, json, http.cookiejar, concurrent.futures\n" + MADE.format(3))
    run("data.py:stimulus")
    assert value() == 3


def test_a_name_in_two_folders_of_the_users_is_refused() -> None:
    for place in ("settings.py", "nets/settings.py"):
        written(place, "SIZE = 1\n")
    written("nets/data.py", "import settings\n" + MADE.format("settings.SIZE"))
    told = ("settings: nets/data.py imports 'settings', which is settings.py, but also nets/settings.py; rename yours")
    with refuses(told):
        run("nets/data.py:stimulus")


PASSED_ON = {
    "a function": "from small import stimulus",
    "another name": "import small\nstimulus = small.stimulus",
    "a partial": "import functools, small\nstimulus = functools.partial(small.stimulus)",
    "a class": "import small\nclass stimulus(dict):\n    def __init__(self, seed): self.update(small.stimulus(seed))",
    "an instance": "import small\nclass Make:\n    def __call__(self, seed): return small.stimulus(seed)\n"
                   "stimulus = Make()",
    "a method": "import small\nclass Make:\n    def run(self, seed): return small.stimulus(seed)\n"
                "stimulus = Make().run",
    "a lambda": "stimulus = lambda seed: __import__('small').stimulus(seed)",
    "a wrapper": "import functools, small\n@functools.wraps(small.stimulus)\ndef stimulus(seed): "
                 "return small.stimulus(seed)",
    "by __getattr__": "def __getattr__(name):\n    import small\n    return getattr(small, name)",
    "everything": "from small import *",
    "exec": "exec('from small import stimulus')",
}


@pytest.mark.parametrize("kind", PASSED_ON)
def test_a_file_that_only_passes_on_is_an_input_with_that_it_passes_on(kind: str) -> None:
    written("small.py", MADE.format(5))
    written("data.py", PASSED_ON[kind])
    found = run("data.py:stimulus")
    assert value() == 5 and {"data.py", "small.py"} <= found.keys()


def test_relative_imports_work_in_a_package_and_a_module_is_loaded_once() -> None:
    written("nets/__init__.py", "")
    written("nets/sizes.py", "class Size: pass\nSIZE = 4\n")
    written("nets/data.py", "import sys, nets.sizes\nfrom .sizes import SIZE, Size\nassert Size is nets.sizes.Size\n"
                            "import nets.data\nassert __name__ == 'nets.data'\n" + MADE.format("SIZE"))
    found = run("nets/data.py:stimulus")
    assert value() == 4
    assert {"nets/__init__.py", "nets/sizes.py", "nets/data.py"} <= found.keys()


def test_a_module_and_a_package_of_one_name_are_told_apart() -> None:
    written("net.py", MADE.format(1))
    written("net/__init__.py", MADE.format(2))
    written("net/data.py", MADE.format(3))
    for source, expected in (("net.py", 1), ("net", 2), ("net/__init__.py", 2), ("net/data.py", 3), ("net.data", 3)):
        run(f"{source}:stimulus")
        assert value() == expected


def test_bytecode_of_an_older_source_is_never_run() -> None:
    """It is known by second and size alone."""
    import os
    import py_compile

    written("sizes.py", "SIZE = 1\n")
    written("data.py", "import sizes\n" + MADE.format("sizes.SIZE"))
    py_compile.compile("sizes.py")
    before = os.stat("sizes.py")
    written("sizes.py", "SIZE = 2\n")
    os.utime("sizes.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    run("data.py:stimulus")
    assert value() == 2


def test_versions_of_packages_count_and_editable_ones_by_content(here: Path) -> None:
    written("data.py", "import sklearn, h5py, editable\n" + MADE.format("editable.SIZE"))
    written("src/editable.py", "SIZE = 5\n")
    import sys

    sys.path.append(str(here / "src"))
    try:
        written("data.py", f"import sys\nsys.path.append({str(here / 'src')!r})\nimport sklearn, editable\n"
                           + MADE.format("editable.SIZE"))
        found = run("data.py:stimulus")
    finally:
        sys.path.pop()
    packages = {states.parted(name)[1] for name in found if name.startswith(states.PACKAGE)}
    assert {"scikit_learn", "scipy", "joblib", "numpy"} <= packages
    assert "src/editable.py" in found
    assert states.unchanged("package:scikit_learn", found["package:scikit_learn"])
    assert not states.unchanged("package:scikit_learn", ["package", "0.1"])


def test_looking_for_a_module_in_vain_lists_no_folder() -> None:
    """So a file more in the project runs nothing again, unless it is that module."""
    written("data.py", "import importlib.metadata\ntry: import absent.part\nexcept ImportError: pass\n"
                       "try: from json import absent\nexcept ImportError: pass\n"
                       "importlib.metadata.version('numpy')\n" + MADE.format(2))
    found = run("data.py:stimulus")
    assert {name for name in found if not name.startswith(states.PACKAGE)} == {
        "data.py", *(f"module:./{name}" for name in ("numpy", "importlib", "json", "absent")),
    }


def test_our_own_names_can_be_imported_where_the_user_has_none() -> None:
    written("data.py", "from generators.errors import DataError\nfrom generators.readout import SNNReadout\n"
                       + MADE.format(6))
    run("data.py:stimulus")
    assert value() == 6


def test_an_entry_of_the_path_that_only_a_finder_knows_is_no_folder() -> None:
    hooks = "import sys\nsys.path_hooks.append(editing.Answering)\nsys.path.append('editable.__path_hook__')\n"
    written("editing.py", "class Answering:\n    def __init__(self, place):\n"
                          "        if place != 'editable.__path_hook__': raise ImportError\n"
                          "    def find_spec(self, name, target=None): return None\n")
    written("data.py", f"import editing\n{hooks}import colorsys\nfrom later import SIZE\n" + MADE.format("SIZE"))
    written("later.py", "SIZE = 3\n")
    found = run("data.py:stimulus")
    assert value() == 3 and "later.py" in found
    assert [name for name in found if "__path_hook__" in name] == []
