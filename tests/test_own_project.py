"""A newcomer: a project of their own, elsewhere, made from the example of five files, with the mistakes one makes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from builds import ROOT, Place, Ran

EXAMPLE = ROOT / "examples" / "own_project"


class Project(Place):
    """A copy of the example: its own dodo.py is what doit finds there."""

    def start(self, *arguments: str, package: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
        known = {**os.environ, "PYTHONPATH": str(package), "XDG_CACHE_HOME": str(self.path / ".cache")}
        return subprocess.Popen(
            [sys.executable, "-m", "doit", *arguments], cwd=self.path, env={**known, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ran]:
    """The example after its first build, and what that said."""
    folder = tmp_path_factory.mktemp("elsewhere") / "bars"
    shutil.copytree(EXAMPLE, folder)
    project = Project(folder)
    return project, project.doit("build")


@pytest.fixture
def project(first: tuple[Project, Ran], tmp_path: Path) -> Project:
    return Project(first[0].copy(tmp_path / "mine").path)


def test_the_example_is_five_files() -> None:
    files = sorted(str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()
                   and "__pycache__" not in path.parts and "build" not in path.parts)
    assert files == ["conf/config.yaml", "data.py", "dodo.py", "doit.cfg", "model.py"]


def test_five_files_in_a_folder_of_their_own_build(first: tuple[Project, Ran]) -> None:
    project, ran = first
    assert (ran.code, ran.err) == (0, "")
    report = json.loads((project.path / "build" / "bars" / "report.json").read_text())
    assert report["accuracy"]["csim"] > 0.9
    assert report["agreement"]["mismatches_reference_csim"] == 0
    assert [layer["name"] for layer in report["layers"]] == ["input", "fc1", "lif1", "fc2", "lif2", "readout"]
    assert {path.name for path in project.path.iterdir()} <= {
        "conf", "data.py", "dodo.py", "doit.cfg", "model.py", "build", "__pycache__", ".cache", ".doit.db",
    }


def test_there_it_costs_what_changed_too(project: Project) -> None:
    assert project.doit("build").tasks == set()
    assert {task for task in project.doit("build", "hls.layers.fc2.precision.weight=ap_fixed<7,2>").tasks
            if task.startswith("compile")} == {"compile:fc2"}


def test_the_shipped_groups_can_be_chosen_and_one_of_its_own_comes_first(project: Project) -> None:
    ran = project.doit("build", "precision=w4,w6", "cache.enabled=true")
    assert (ran.code, ran.err) == (0, "")
    with open(project.path / "build" / "bars" / "sweep.csv", newline="") as file:
        assert [row["precision"] for row in csv.DictReader(file)] == ["w4", "w6"]
    project.write("conf/precision/w4.yaml", "# @package hls\nmodel: {precision: {default: 'ap_fixed<16,6>'}}\n")
    assert "default: ap_fixed<16,6>" in project.doit("config", "hls", "precision=w4").out
    assert "AP_SAT" not in project.doit("config", "hls", "precision=w4").out


def test_a_folder_of_configurations_can_lie_anywhere(project: Project, tmp_path: Path) -> None:
    """By an environment variable, or as one more place to search."""
    shutil.move(project.path / "conf", tmp_path / "elsewhere")
    assert project.doit("build", HLSPIKE_CONF=str(tmp_path / "elsewhere")).code == 0
    shutil.move(tmp_path / "elsewhere", project.path / "conf")
    (tmp_path / "more" / "target").mkdir(parents=True)
    (tmp_path / "more" / "target" / "board.yaml").write_text("part: xcku5p\nclock_period: 4\nio: stream\n")
    shown = project.doit("config", "target", f"hydra.searchpath=[file://{tmp_path / 'more'}]", "target=board")
    assert shown.code == 0 and "part: xcku5p" in shown.out


def test_a_model_may_be_a_package_and_data_a_file(project: Project) -> None:
    package = project.path / "nets"
    package.mkdir()
    (package / "__init__.py").write_text("from model import build\n")
    chance = np.random.default_rng(0)
    np.savez(project.path / "mine.npz", frames=chance.integers(0, 2, (5, 12, 16)), labels=chance.integers(0, 2, 5))
    project.edit("conf/config.yaml", "kwargs: {sequences: 200, timesteps: 12}", "kwargs: {}")
    ran = project.doit("build", "model.source=nets:build", "data.source=mine.npz", "model.train_kwargs.timesteps=12",
                       "readout.window_size=12", "model.train_kwargs.epochs=1")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["precison=w4"], "precison: there is no such key or group, did you mean 'precision'"),
        (["precision=wd6"], "precision: there is no 'wd6', did you mean 'w6'"),
        (["model.kwargs.hiden=3"], "model.source: model.py:build raised TypeError: "),
        (["model.source=modle.py:build"], "model.source: there is no file modle.py; paths are relative to "),
        (["model.source=model.py:biuld"], "model.source: model.py has no 'biuld'"),
        (["model.input_shape=[17]"], "model: forward of Sequential fails on one timestep of shape (17,): "),
        (["hls.layers.fc3.reuse_factor=2"], "hls.layers.fc3: there is no such layer, did you mean 'fc2'"),
        (["readout.window_size=7"],
         "data: sequence 0 has 12 timesteps, but reset_policy fixed_window ends a sequence every 7; "),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    first: tuple[Project, Ran], arguments: list[str], message: str
) -> None:
    assert first[0].refused(*arguments).startswith(message)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("{'frames': frames[0], 'labels': labels}",
         "data: frames have shape (12, 16), but model.input_shape asks for (N, T, 16); an axis is missing; "
         "give frames[None] if the first is time, frames[:, None] if it counts sequences"),
        ("{'frames': np.where(frames > 0, np.nan, 0), 'labels': labels}", "data: frames[0, 0, "),
        ("{'frames': frames.astype(str)}", "data: frames has dtype <U32; give numbers"),
        ("{'frames': frames + 1j}", "data: frames has dtype complex64; give real numbers"),
        ("{'frames': frames[:0]}",
         "data: frames are empty, shape (0, 12, 16); give at least one sequence of one timestep"),
        ("{'frames': frames, 'labels': labels - 1}", "data: labels["),
        ("{'frames': frames, 'labels': labels[:3]}",
         "data: labels has shape (3,); 200 sequences ask for (200,)"),
        ("{'frames': frames, 'labels': labels / 2}", "data: labels has dtype float64; give integers"),
        ("{'frames': frames, 'lengths': np.full(200, 13)}", "data: lengths[0] is 13; it must lie in 0..12"),
        ("{'frame': frames}", "data: unknown array 'frame'; known are frames, labels, lengths"),
        ("{}", "data: 'frames' is missing; give an array of shape (N, T, *input_shape)"),
        ("frames", "data.source: data.py:stimulus returned a ndarray; return a dict with 'frames'"),
        ("frames.foo", "data.source: data.py:stimulus raised AttributeError: "),
    ],
)
def test_a_bad_stimulus_is_refused_by_name(project: Project, returned: str, message: str) -> None:
    project.edit("data.py", "return {\"frames\": frames, \"labels\": labels}", f"return {returned}")
    ran = project.doit("stimulus")
    assert ran.code == 1 and ran.err.count("\n") == 1 and ran.error.startswith(message), ran


def test_a_label_beyond_the_last_class_is_named(project: Project) -> None:
    project.edit("data.py", "\"labels\": labels}", "\"labels\": np.where(np.arange(sequences) == 5, 2, labels)}")
    assert project.refused() == (
        "data: labels[5] is 2, but the network decides between 2 classes, which count from 0; correct the labels, or "
        "the network's last layer"
    )


def test_a_checkpoint_with_more_than_tensors_is_refused_with_the_reason(project: Project) -> None:
    torch.save(torch.nn.Linear(2, 2), project.path / "whole.pt")
    project.edit("conf/config.yaml", "  train: model.py:train\n", "  checkpoint: whole.pt\n")
    assert project.refused() == (
        "model.checkpoint: whole.pt holds a torch.nn.modules.linear.Linear, but only tensors are loaded; save it with "
        "torch.save(module.state_dict(), path)"
    )
