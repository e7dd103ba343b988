"""What `python -m hlspike.tasks.reproduce` reads and writes: a configuration that says again exactly what it said."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from builds import ROOT

from hlspike.tasks.configuration.reading import documents
from hlspike.tasks.reproduce import _yaml


def test_a_resolved_configuration_is_read_as_it_is() -> None:
    config = {
        "infinite": [math.inf, -math.inf],
        "texts": ["Infinity", ": NaN", "1e3", "010", "on", "1:30", "~", "a\nb: NaN\n"],
        "on": {"1": "β 😀"}, "small": 1e-7, "none": None, "true": True, "deep": {"numbers": [1, [2.5]]},
    }
    assert documents.read(Path("config.yaml"), _yaml(config)) == config
    assert math.isnan(documents.read(Path("config.yaml"), _yaml({"a": math.nan}))["a"])


def test_what_is_resolved_is_not_resolved_again() -> None:
    assert documents.read(Path("config.yaml"), _yaml({"a": "${x}"})) == {"a": "\\${x}"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: manifest; usage: python -m hlspike.tasks.reproduce [-h] "
             "[--keep FOLDER] manifest"),
        (["x", "--keep"], "argument --keep: expected one argument; usage: python -m hlspike.tasks.reproduce [-h] "
                          "[--keep FOLDER] manifest"),
        (["nowhere.json"], "nowhere.json: No such file or directory; name the manifest.json of a build"),
        (["list.json"], "list.json: this is no manifest; name the manifest.json of a build"),
        (["bytes.json"], "bytes.json: this is no manifest; name the manifest.json of a build"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    done = subprocess.run(
        [sys.executable, "-m", "hlspike.tasks.reproduce", *arguments], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n")
