"""Files of parameters as people have them: each that fits is loaded, each other is told by what it holds."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import torch as safetensors
from torch import nn

from hlspike.generators.errors import ConfigError
from hlspike.tasks.sources.checkpoint import load

KEYS = "fc1.weight, fc1.bias, fc2.weight, fc2.bias"
SAVE = "save it with torch.save(module.state_dict(), path)"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 2), nn.Linear(2, 2)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def state(**changed: Any) -> dict[str, Any]:
    found = {name: torch.full_like(value, 0.5) for name, value in Net().state_dict().items()}
    for name, value in changed.items():
        key = name.replace("_", ".")
        found.pop(key, None)
        if value is not None:
            found[key] = value
    return found


def prefixed(prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in state().items()}


@pytest.mark.parametrize(
    "saved",
    [
        state(), OrderedDict(state()), state(fc1_bias=torch.zeros(2).half()), state(fc1_bias=torch.tensor([1, 2])),
        state(fc1_weight=nn.Parameter(torch.zeros(2, 3))), state(fc1_bias=torch.zeros(2).bfloat16()),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_is_loaded(saved: dict[str, Any], zipped: bool) -> None:
    torch.save(saved, "x.pt", _use_new_zipfile_serialization=zipped)
    module = Net()
    load("model.checkpoint", module, "x.pt")
    for name, value in module.state_dict().items():
        assert value.tolist() == saved[name].float().tolist()


def _cut(zipped: bool) -> None:
    torch.save(state(), "x.pt", _use_new_zipfile_serialization=zipped)
    content = Path("x.pt").read_bytes()
    Path("x.pt").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: os.mkfifo("x.pt"),
         ": x.pt is no file of its own, but a pipe, a socket or a device; name the file that torch.save wrote"),
        (lambda: os.mkdir("x.pt"), ": x.pt is a folder; name the file that torch.save wrote"),
        (lambda: Path("x.pt").touch(), f": x.pt is empty; {SAVE}"),
        (lambda: Path("x.pt").write_text("weights\n"), f": x.pt was not written by torch.save; {SAVE}"),
        (lambda: _cut(True), ": x.pt is damaged or cut off, RuntimeError: PytorchStreamReader failed reading zip "
                             f"archive: failed finding central directory; {SAVE}"),
        (lambda: _cut(False), f": x.pt is damaged or cut off, EOFError; {SAVE}"),
    ],
)
def test_what_is_no_file_of_parameters_is_told(make: Callable[[], object], message: str) -> None:
    make()
    with pytest.raises(ConfigError) as error:
        load("model.checkpoint", Net(), "x.pt")
    assert str(error.value) == f"model.checkpoint{message}"


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (Net(), f"holds a test_checkpoint.Net, but only tensors are loaded; {SAVE}"),
        ({**state(), "rng": Path("x")}, f"holds a pathlib.PosixPath, but only tensors are loaded; {SAVE}"),
        (torch.zeros(2), f"holds a Tensor, not a state_dict; {SAVE}"),
        ([*state().values()], f"holds a list, not a state_dict; {SAVE}"),
        ({**state(), 3: torch.zeros(2)}, f"has the key 3, which is no text, so it is no state_dict; {SAVE}"),
        ({("fc1", "weight"): torch.zeros(2)},
         f"has the key ('fc1', 'weight'), which is no text, so it is no state_dict; {SAVE}"),
        ({"model": state(), "ema": state()},
         "holds parameters that fit below 'model' and below 'ema'; save those that are meant by themselves"),
        ({"epoch": 3, "optimizer": {"lr": 0.1}},
         f"holds epoch, optimizer, and below none of them parameters of this module; {SAVE}"),
        ({"epoch": 3, "model": state(fc2_bias=None)},
         "does not fit the module: 'fc2.bias' is missing; it holds fc1.weight, fc1.bias, fc2.weight"),
        ({**state(), "lif1.graded_spikes_factor": torch.tensor(2.0)},
         f"does not fit the module: 'lif1.graded_spikes_factor' is not in the module; it holds {KEYS}, "
         "lif1.graded_spikes_factor"),
        ({**prefixed("a."), **prefixed("b.")},
         "does not fit the module: 'fc1.weight' is missing; it holds a.fc1.weight, a.fc1.bias, a.fc2.weight, "
         "a.fc2.bias, b.fc1.weight, b.fc1.bias, b.fc2.weight, b.fc2.bias"),
        (state(fc1_bias=None),
         "does not fit the module: 'fc1.bias' is missing; it holds fc1.weight, fc2.weight, fc2.bias"),
        (state(fc3_bias=torch.zeros(2)), f"does not fit the module: 'fc3.bias' is not in the module; it holds {KEYS}, "
                                         "fc3.bias"),
        (state(fc2_bias=torch.zeros(3)),
         f"does not fit the module: 'fc2.bias' has shape (3,), in the module it has (2,); it holds {KEYS}"),
        (state(fc2_bias=[0.0, 1.0]),
         f"does not fit the module: 'fc2.bias' is a list, not a tensor; it holds {KEYS}"),
        (state(fc2_bias=torch.zeros(2, dtype=torch.complex64)),
         f"does not fit the module: 'fc2.bias' is complex; it holds {KEYS}"),
        (state(fc2_bias=torch.zeros(2).to_sparse()),
         f"does not fit the module: 'fc2.bias' is sparse; it holds {KEYS}"),
        (state(fc2_bias=torch.quantize_per_tensor(torch.zeros(2), 0.5, 4, torch.quint8)),
         f"does not fit the module: 'fc2.bias' is quantised; it holds {KEYS}"),
        (state(fc2_bias=torch.zeros(2, device="meta")),
         f"does not fit the module: 'fc2.bias' is on the meta device, without values; it holds {KEYS}"),
        ({}, "does not fit the module: 'fc1.weight' is missing; it holds no key"),
        ({f"a{n}": torch.zeros(1) for n in range(10)},
         "does not fit the module: 'fc1.weight' is missing; it holds a0, a1, a2, a3, a4, a5, a6, a7 and 2 more"),
    ],
)
def test_what_does_not_fit_is_told_with_the_keys_that_are_there(saved: Any, message: str) -> None:
    torch.save(saved, "x.pt")
    module = Net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ConfigError) as error:
        load("model.checkpoint", module, "x.pt")
    assert str(error.value) == f"model.checkpoint: x.pt {message}"
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


HELD = [
    (prefixed("module."), ["its keys without 'module.', as nn.DataParallel writes it"]),
    (prefixed("_orig_mod."), ["its keys without '_orig_mod.', as torch.compile writes it"]),
    (prefixed("module._orig_mod."),
     ["its keys without 'module.', as nn.DataParallel writes it and '_orig_mod.', as torch.compile writes it"]),
    ({name.replace("fc1.", "fc1._orig_mod."): value for name, value in state().items()},
     ["its keys without '_orig_mod.', as torch.compile writes it"]),
    (prefixed("net."), ["what its keys call 'net.'"]),
    ({"epoch": 3, "model": state(), "optimizer": {"state": {0: {"exp_avg": torch.zeros(2, 3)}}, "lr": 0.1}},
     ["the parameters lie below 'model'"]),
    ({"pytorch-lightning_version": "2.5", "state_dict": {**prefixed("net."), "loss.weight": torch.ones(2)},
      "hyper_parameters": {"lr": 0.1}, "callbacks": {}},
     ["the parameters lie below 'state_dict'", "what its keys call 'net.'"]),
    ({"state": {"model": prefixed("module.")}},
     ["the parameters lie below 'state.model'", "its keys without 'module.', as nn.DataParallel writes it"]),
    ({**state(), "lif1.mem": torch.zeros(32, 2), "lif1.graded_spikes_factor": torch.tensor(1.0),
      "lif1.spike_grad.slope": torch.tensor(25.0)},
     ["lif1.graded_spikes_factor, lif1.mem, lif1.spike_grad.slope left out: no parameters, a sequence begins anew"]),
    (state(fc1_bias=torch.full((2,), 0.1, dtype=torch.float64)),
     ["fc1.bias rounded, from torch.float64 to torch.float32"]),
    (state(fc1_bias=torch.full((2,), 0.5, dtype=torch.float64)), []),
    (state(fc1_bias=torch.full((2,), 0.1).bfloat16()), []),
]


@pytest.mark.parametrize(("saved", "told"), HELD)
def test_parameters_are_found_however_they_are_held(saved: dict[str, Any], told: list[str]) -> None:
    torch.save(saved, "x.pt")
    module = Net()
    assert load("model.checkpoint", module, "x.pt") == tuple(f"model.checkpoint: x.pt: {line}" for line in told)
    bias = next((float(value[0]) for value in saved.values() if isinstance(value, torch.Tensor) and value.shape == (2,)
                 and value.dtype in (torch.float64, torch.bfloat16)), 0.5)
    for name, value in module.state_dict().items():
        assert torch.equal(value, torch.full_like(value, bias if name == "fc1.bias" else 0.5))


def test_membranes_of_the_last_batch_are_left_out() -> None:
    class Spiking(Net):
        def __init__(self, batch: int) -> None:
            super().__init__()
            self.lif1 = nn.Module()
            self.lif1.register_buffer("mem", torch.zeros(batch, 2))
            self.lif1.register_buffer("threshold", torch.ones(()))

    saved = Spiking(32)
    saved.fc1.bias.data.fill_(0.25)
    saved.lif1.threshold.fill_(0.75)
    torch.save(saved.state_dict(), "x.pt")
    module = Spiking(1)
    assert load("model.checkpoint", module, "x.pt") == (
        "model.checkpoint: x.pt: lif1.mem left out: no parameters, a sequence begins anew",
    )
    assert module.fc1.bias.tolist() == [0.25, 0.25] and module.lif1.threshold == 0.75
    assert torch.equal(module.lif1.mem, torch.zeros(1, 2))


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt2"])
def test_tensors_are_read_from_files_that_run_nothing(name: str) -> None:
    made = Net()
    made.register_buffer("offset", torch.tensor([0.1, 3.0]).bfloat16())
    made.forward = lambda x: made.fc2(made.fc1(x)) + made.offset  # type: ignore[method-assign]
    if name.endswith("pt2"):
        torch.export.save(torch.export.export(made, (torch.zeros(1, 3),)), name)
    else:
        safetensors.save_file(made.state_dict(), name)
    module = Net()
    module.register_buffer("offset", torch.zeros(2))
    assert load("model.checkpoint", module, name) == ()
    for key, value in module.state_dict().items():
        assert torch.equal(value, made.state_dict()[key].float())
    Path(name).write_bytes(Path(name).read_bytes()[:100])
    with pytest.raises(ConfigError, match=rf"^model\.checkpoint: {name} is damaged or cut off, .*; write it anew$"):
        load("model.checkpoint", module, name)


def test_a_module_that_loads_by_itself_may_refuse() -> None:
    class Own(Net):
        def load_state_dict(self, *_: Any, **__: Any) -> Any:
            raise LookupError("not mine\nat all")

    torch.save(state(), "x.pt")
    with pytest.raises(ConfigError) as error:
        load("model.train", Own(), "x.pt")
    assert str(error.value) == (
        f"model.train: x.pt does not fit the module: LookupError: not mine at all; it holds {KEYS}"
    )


def test_a_missing_file_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    for path, more in (("no.pt", ""), ("~nobody/no.pt", "; write the path out, ~ is not expanded")):
        with pytest.raises(ConfigError) as error:
            load("model.checkpoint", Net(), path)
        assert str(error.value) == (
            f"model.checkpoint: there is no file {path}; paths are relative to {tmp_path}{more}"
        )
