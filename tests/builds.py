"""Builds as a user has them: a directory with a model, data and a configuration, in which `doit` is run.

The network is tiny (5 → 6 → 3) and its weights lie in a checkpoint, so that a build takes a second or two. What a
build says is read here, and nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent


def own_package(folder: Path) -> Path:
    """Our own sources copied to `folder`, so that they can be edited; returns it."""
    for name in ("hlspike", "generators", "tasks", "hls_src", "conf", "examples"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder

UNITS = ("input", "fc1", "lif1", "fc2", "lif2", "readout", "top", "tb")

_MODEL = '''
import snntorch as snn
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.fc1 = nn.Linear(5, 6)
        self.lif1 = snn.Leaky(beta=beta, init_hidden=True)
        self.fc2 = nn.Linear(6, 3)
        self.lif2 = snn.Leaky(beta=beta, init_hidden=True)

    def forward(self, x):
        return self.lif2(self.fc2(self.lif1(self.fc1(x))))


def build(beta=0.75):
    return Net(beta)


def train(module, *, seed, factor=2.0):
    return {name: factor * value if "fc" in name else value for name, value in module.state_dict().items()}
'''

_DATA = '''
import numpy as np


def stimulus(seed, sequences):
    chance = np.random.default_rng(7)
    return {
        "frames": chance.integers(0, 9, (sequences, 4, 5)) / 8,
        "labels": chance.integers(0, 3, sequences),
    }
'''

_CONFIG = '''
defaults:
  - _self_
  - precision: eight

name: tiny
seed: 0
model:
  source: model.py:build
  kwargs: {beta: 0.75}
  checkpoint: weights.pt
  train: null
  train_kwargs: {}
  input_shape: [5]
data:
  source: data.py:stimulus
  kwargs: {sequences: 6}
  calibration: 4
readout: {decision_rule: argmax_spike_count, class_threshold: 2, window_size: 4}
target: {part: xc7z020clg400-1, clock_period: 10, io: parallel, cosim_sequences: null}
sim: {trace: spikes, sequences: null}
csim: {compiler: g++}
cache: {enabled: false}
'''

_EIGHT = '''
# @package hls
model: {precision: {default: "ap_fixed<12,5>"}, reuse_factor: 1}
types:
  Linear: {precision: {weight: "ap_fixed<8,2>", bias: "ap_fixed<8,2>", accum: auto}}
layers:
  input: {precision: {result: "ap_ufixed<6,2>"}}
'''


@dataclass(frozen=True)
class Ran:
    """What a build did and said: the tasks that ran, and those whose result came from the cache."""

    code: int
    out: str
    err: str
    tasks: set[str] = field(init=False)
    reused: set[str] = field(init=False)

    def __post_init__(self) -> None:
        line = r"^ *\d+\.\d\d s  (headers|\S+?)(?::[0-9a-f]{16})?(  \(from the cache\))?$"
        lines = re.findall(line, self.out, re.MULTILINE)
        object.__setattr__(self, "tasks", {name for name, cached in lines if not cached})
        object.__setattr__(self, "reused", {name for name, cached in lines if cached})

    @property
    def error(self) -> str:
        """The one line that says why a build failed; whatever else there may be on stderr comes along."""
        return re.sub(r"^(ERROR|error): ", "", self.err).removesuffix("\n")


@dataclass(frozen=True)
class Place:
    """A user's directory."""

    path: Path

    def doit(self, *arguments: str, **environment: str) -> Ran:
        process = self.start(*arguments, **environment)
        out, err = process.communicate()
        return Ran(process.returncode, out, err)

    def start(self, *arguments: str, package: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
        """`doit`, running.

        Args:
            package: another copy of ours.
        """
        known = {**os.environ, "PYTHONPATH": str(package), "XDG_CACHE_HOME": str(self.path / ".cache")}
        command = [sys.executable, "-m", "doit", "-f", str(package / "tasks" / "dodo.py"), "-d", ".", *arguments]
        return subprocess.Popen(
            command, cwd=self.path, env={**known, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def build(self, *overrides: str) -> set[str]:
        """The tasks that ran, save for the manifest, which follows many; the build has to succeed."""
        ran = self.doit("build", *overrides)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.tasks - {"manifest"}

    def refused(self, *overrides: str, **environment: str) -> str:
        """The message of a build that has to fail with one line, and without a traceback."""
        ran = self.doit("build", *overrides, **environment)
        assert ran.code != 0
        assert ran.err.count("\n") == 1 and "Traceback" not in ran.out, ran
        return ran.error

    def write(self, name: str, text: str) -> None:
        """A file that takes the place of another, which a copy of this directory may share."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def change_weights(self, **factors: float) -> None:
        """Scale the weights of the layers named, in the checkpoint."""
        state = torch.load(self.path / "weights.pt", weights_only=True)
        scaled = {name: value * factors.get(name.split(".")[0], 1.0) for name, value in state.items()}
        torch.save(scaled, self.path / "weights.pt")

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "build" / "tiny" / "report.json").read_text())
        return found

    def made(self, name: str = "tiny") -> dict[str, bytes]:
        """Every file below build/<name> by its path, but for those that hold times and the mark of all of its name."""
        folder = self.path / "build" / name
        timed = ("report.json", "report.md", "network.key", "manifest.json")
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parts[-2] != "log" and path.name not in (*timed, ".hlspike")
        }

    def copy(self, path: Path) -> Place:
        """The same directory elsewhere; it shares the large precompiled header, which is only ever replaced whole."""

        def place(source: str, target: str) -> None:
            os.link(source, target) if source.endswith(".gch") else shutil.copy2(source, target)

        shutil.copytree(self.path, path, copy_function=place)
        return Place(path)


def furnished(path: Path) -> Place:
    """A directory with a model, its weights, data and a configuration, not built yet."""
    place = Place(path)
    place.write("model.py", _MODEL)
    place.write("data.py", _DATA)
    place.write("conf/config.yaml", _CONFIG)
    place.write("conf/precision/eight.yaml", _EIGHT)
    chance = np.random.default_rng(9)
    shapes = {"fc1.weight": (6, 5), "fc1.bias": (6,), "fc2.weight": (3, 6), "fc2.bias": (3,)}
    state = {name: torch.tensor(chance.normal(0.3, 0.6, shape), dtype=torch.float32) for name, shape in shapes.items()}
    for lif in ("lif1", "lif2"):
        state |= {f"{lif}.threshold": torch.tensor(1.0), f"{lif}.graded_spikes_factor": torch.tensor(1.0),
                  f"{lif}.reset_mechanism_val": torch.tensor(0), f"{lif}.beta": torch.tensor(0.75)}
    torch.save(state, path / "weights.pt")
    return place
