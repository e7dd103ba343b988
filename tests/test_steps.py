"""Steps that read what a user brings: modules, parameters, training, sequences; each refusal by its whole message."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hlspike.generators.errors import ConfigError, DataError, HlspikeError
from hlspike.tasks import steps
from hlspike.tasks.archives.arrays import read_npz
from hlspike.tasks.engine import states
from hlspike.tasks.inputs.finder import Finder
from hlspike.tasks.inputs.imports import Imports
from hlspike.tasks.inputs.loading import Loader
from hlspike.tasks.layout import Layout
from hlspike.tasks.sources.module import load_module

CODE = """
import numpy as np
import torch
from torch import nn

def build(size=3): return nn.Linear(size, 2)
def no_module(): return 3
def train(module, *, seed): return {**module.state_dict(), "bias": torch.tensor([5.0, 6.0])}
def train_nothing(module, *, seed): return None
def train_lists(module, *, seed): return {"weight": [1.0]}
def stimulus(seed): return {"frames": np.zeros((2, 4, 3)) + seed}
def only_frames(seed): return np.zeros((2, 4, 3))
def flat(seed): return {"frames": np.zeros((2, 4, 9))}
def no_instance(): return Empty
async def later(): return build()
class Empty(nn.Module):
    def __init__(self): self.size = 3
"""
MODEL: dict[str, Any] = {
    "source": "steps_code.py:build", "kwargs": {}, "checkpoint": None, "input_shape": [3],
    "train": "steps_code.py:train", "train_kwargs": {},
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with code; it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "steps_code.py").write_text(CODE)
    yield tmp_path
    sys.modules.pop("steps_code", None)


def refuses(kind: type[HlspikeError], message: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


def loaded(seed: int = 0, state: str | None = None, **model: Any) -> nn.Module:
    imports = Imports(Finder(str(Path.cwd()), lambda path: True, lambda place, file: None, lambda more: None))
    return load_module(Loader(imports), {**MODEL, **model}, seed, state)


def run_stimulus(source: str, **kwargs: Any) -> set[str]:
    """Make it; returns the files that it was made from."""
    found = steps.stimulus(Layout(Path("build/x")), {"source": source, "kwargs": kwargs}, [3], 1)
    return {name for name in found if states.parted(name)[0] == ""}


def test_sequences_come_from_a_callable_or_from_a_file(here: Path) -> None:
    assert {"steps_code.py"} == run_stimulus("steps_code.py:stimulus")
    made = read_npz("build/x/stimulus.npz")
    assert (made["frames"].shape, made["frames"].max(), made["lengths"].tolist()) == ((2, 4, 3), 1.0, [4, 4])
    np.savez("given.npz", frames=np.ones((1, 2, 3)), labels=[1], lengths=[2])
    assert run_stimulus("given.npz") == {"given.npz"}
    assert read_npz("build/x/stimulus.npz")["labels"].tolist() == [1]


@pytest.mark.parametrize(
    ("source", "kwargs", "kind", "message"),
    [
        ("none.npz", {}, DataError, "data.source: there is no file none.npz; paths are relative to {here}"),
        ("given.npz", {"a": 1}, ConfigError, "data.kwargs: a file takes no arguments, found {{'a': 1}}; remove them"),
        ("pickled.npz", {}, DataError,
         "data.source: 'frames' in pickled.npz holds Python objects, not numbers; save it as one array of numbers"),
        ("text.npz", {}, DataError,
         "data.source: text.npz is no .npz of plain arrays; write it with numpy.savez(path, frames=…)"),
        ("steps_code.py:only_frames", {}, DataError,
         "data.source: steps_code.py:only_frames returned a ndarray; return a dict with 'frames'"),
        ("steps_code.py:flat", {}, DataError,
         "data: frames have shape (2, 4, 9), but model.input_shape asks for (N, T, 3); reshape them or set "
         "model.input_shape"),
        ("steps_code.py:stimulus", {"speed": 2}, ConfigError,
         "data.source: steps_code.py:stimulus raised TypeError: stimulus() got an unexpected keyword argument 'speed'; "
         "at steps_code.py:11"),
    ],
)
def test_sequences_that_are_none_are_refused(
    here: Path, source: str, kwargs: dict[str, Any], kind: type[HlspikeError], message: str
) -> None:
    np.savez("given.npz", frames=np.ones((1, 2, 3)))
    np.savez("pickled.npz", frames=np.array([{}], object))
    Path("text.npz").write_text("frames")
    with pytest.raises(kind) as refusal:
        run_stimulus(source, **kwargs)
    assert str(refusal.value) == message.format(here=here)


def test_a_module_is_loaded_with_its_checkpoint() -> None:
    own = nn.Linear(3, 2)
    torch.save(own.state_dict(), "own.pt")
    assert torch.equal(loaded(state="own.pt").weight, own.weight)  # type: ignore[arg-type]


def test_a_seed_makes_the_same_module() -> None:
    first, again, other = (loaded(seed=seed).state_dict()["weight"] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("net.nir", "model.source: net.nir: NIR graphs are not read yet; name a callable"),
        ("steps_code.py:no_module", "model.source: steps_code.py:no_module returned a int; return an nn.Module"),
        ("steps_code.py:no_instance",
         "model.source: steps_code.py:no_instance returned the class Empty; return Empty(…)"),
        ("steps_code.py:Empty", "model.source: __init__ of Empty does not call super().__init__(); let it do so first"),
        ("made_code.py:made",
         "model.source: 'made' of made_code.py is a module that is made already, a Linear; name the function or the "
         "class that makes it"),
        ("steps_code.py:later", "model.source: steps_code.py:later is an async function; write it without async"),
    ],
)
def test_what_is_no_module_is_refused(source: str, message: str) -> None:
    Path("made_code.py").write_text("from torch import nn\nmade = nn.Linear(3, 2)\n")
    with refuses(ConfigError, message):
        loaded(source=source)


@pytest.mark.parametrize(("key", "model"), [
    ("model.checkpoint", {**MODEL, "checkpoint": "kept.pt", "train": "steps_code.py:train"}),
    ("model.train", {**MODEL, "checkpoint": "other.pt", "train": "steps_code.py:train"}),
])
def test_parameters_that_are_not_the_modules_are_told_with_their_key(key: str, model: dict[str, Any]) -> None:
    torch.save({"weight": torch.zeros(2, 3)}, "kept.pt")
    with refuses(ConfigError, f"{key}: kept.pt does not fit the module: 'bias' is missing; it holds weight"):
        loaded(state="kept.pt", **model)


def test_what_is_trained_is_kept(here: Path) -> None:
    layout = Layout(Path("build/x"))
    assert "steps_code.py" in steps.train(layout, MODEL, 0)
    assert torch.load(layout.state_dict, weights_only=True)["bias"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ("train_nothing", "steps_code.py:train_nothing returned a NoneType; return a state_dict"),
        ("train_lists", "'weight' of what steps_code.py:train_lists returned is a list; return module.state_dict()"),
    ],
)
def test_training_that_returns_no_state_dict_is_refused(train: str, problem: str) -> None:
    with refuses(ConfigError, f"model.train: {problem}"):
        steps.train(Layout(Path("build/x")), {**MODEL, "train": f"steps_code.py:{train}"}, 0)
