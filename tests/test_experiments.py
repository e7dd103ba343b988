"""Experiments are points: the name alone makes what the table in the documents says, figure by figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from builds import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import table as printed

EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


def row(document: Path, experiment: str, precision: str) -> list[str]:
    """The cells of a line of the table in a document."""
    start = f"| {experiment} | {precision} |"
    (line,) = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_experiment_is_in_the_table_and_fixes_a_name_and_a_seed() -> None:
    assert tuple(sorted(printed.EXPERIMENTS)) == tuple(EXPERIMENTS)
    for name in EXPERIMENTS:
        text = (ROOT / "conf" / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
        point = yaml.safe_load(text)
        assert (point["name"], point["seed"]) == (name, 0)
        assert {next(iter(choice)) for choice in point["defaults"]} >= {
            f"override /{group}" for group in ("model", "data", "readout", "precision")
        }


@pytest.mark.parametrize("experiment", ["digits_spike", "digits_membrane"])
def test_a_small_experiment_makes_what_the_documents_say(experiment: str, tmp_path: Path) -> None:
    os.symlink(ROOT / "examples", tmp_path / "examples")
    command = [sys.executable, "-m", "doit", "-f", str(ROOT / "tasks" / "dodo.py"), "-d", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([*command, "build", f"experiment={experiment}"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((tmp_path / "build" / experiment / "report.json").read_text())
    shares = (report["accuracy"]["float"], report["accuracy"]["csim"],
              report["agreement"]["decisions_float_reference"], report["agreement"]["spikes_float_reference"])
    bits = (report["estimate"]["weight_bits"], report["estimate"]["state_bits"])
    figures = [*(f"{100 * share:.2f} %" for share in shares), *(f"{count:,}" for count in bits)]
    said = [row(document, experiment, "w8")[2:8] for document in printed.documents()]
    assert said and said == [figures] * len(said)


def test_the_table_takes_its_place_and_no_more() -> None:
    text = "a\n<!-- table: experiments -->\nold\nold\n<!-- end -->\nb\n"
    assert printed.written(text, "new\n") == "a\n<!-- table: experiments -->\nnew\n<!-- end -->\nb\n"
    assert printed.written("no table", "new\n") == "no table"
