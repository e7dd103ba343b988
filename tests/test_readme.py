"""The README: its examples run as they stand, and its tables name what there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builds import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
PATHS = re.compile(r"`((?:generators|hls_src|tests|conf|examples)/[\w/.]*)`")


def ran(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / ".cache")}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_a_network_of_ones_own_builds_as_it_is_described(tmp_path: Path) -> None:
    assert set(FILES) == {"net.py", "conf/config.yaml", "dodo.py", "use.py"}
    for name, body in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body)
    ran(tmp_path, "-m", "doit", "build")
    report = json.loads((tmp_path / "build" / "net" / "report.json").read_text())
    assert report["sequences"] == 20
    assert report["agreement"]["mismatches_reference_csim"] == 0
    assert [layer["name"] for layer in report["layers"]] == ["input", "0", "1", "2", "3", "readout"]
    assert ran(tmp_path, "use.py").split("\n") == ["0", "(20,)", "(3,)", "0", f"{[None] * 9 + [0]}", ""]


def test_the_choices_are_those_that_are_shipped() -> None:
    table = TEXT.partition("<!-- groups -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.M)
    told = {group: re.findall(r"`(\w+)`", names) for group, names in rows}
    groups = [path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name in told]
    assert told == {path.name: sorted(file.stem for file in path.glob("*.yaml")) for path in groups}
    defaults = re.findall(r"^  - (?:optional )?(\w+):", (ROOT / "conf" / "config.yaml").read_text(), re.M)
    assert set(told) == set(defaults) - {"local"}


@pytest.mark.parametrize("path", sorted(set(PATHS.findall(TEXT))))
def test_the_files_that_are_named_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_results_are_all_there() -> None:
    table = TEXT.partition("<!-- table: experiments -->")[2].partition("<!-- end -->")[0]
    rows = [line.split(" | ")[:2] for line in table.strip().splitlines()[2:]]
    assert [(name.strip("| "), precision) for name, precision in rows] == [
        (name, precision)
        for name in ("digits_spike", "digits_membrane", "mnist_spike", "mnist_membrane")
        for precision in ("w4", "w6", "w8", "w16")
    ]
