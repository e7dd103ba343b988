"""State that a user's forward keeps by itself: in whatever it is kept, it starts anew with each sequence."""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from extraction import extract, run_float
from torch import nn

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.stimulus import Stimulus

READOUT = {"decision_rule": "argmax_spike_count", "window_size": 3}
STIMULUS = Stimulus.validated({"frames": np.random.default_rng(3).integers(0, 9, (4, 6, 5)) / 4}, (5,))


class Net(nn.Module):
    """Two neurons; `start` makes what `forward` keeps, `step` is its body."""

    def __init__(self, start: Callable[[Any], Any], step: Callable[[Any, torch.Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.fc1, self.fc2 = nn.Linear(5, 6), nn.Linear(6, 3)
        self.lif1, self.lif2 = snn.Leaky(beta=0.75), snn.Leaky(beta=0.75)
        self.kept = start(self)
        self.step = step

    def forward(self, x: torch.Tensor) -> Any:
        return self.step(self, x)


def run(self: Any, x: torch.Tensor, first: Any, second: Any) -> tuple[Any, Any, Any]:
    spikes, one = self.lif1(self.fc1(x), first)
    spikes, two = self.lif2(self.fc2(spikes), second)
    return spikes, one, two


def items(self: Any, x: torch.Tensor) -> Any:
    spikes, self.kept[0], self.kept[1] = run(self, x, self.kept[0], self.kept[1])
    return spikes


def keys(self: Any, x: torch.Tensor) -> Any:
    spikes, self.kept["a"], self.kept["b"] = run(self, x, self.kept.get("a"), self.kept.get("b"))
    return spikes


def modules(self: Any, x: torch.Tensor) -> Any:
    one, two = self.kept.get(self.lif1), self.kept.get(self.lif2)
    spikes, self.kept[self.lif1], self.kept[self.lif2] = run(self, x, one, two)
    return spikes


def fields(self: Any, x: torch.Tensor) -> Any:
    spikes, self.kept.a, self.kept.b = run(self, x, self.kept.a, self.kept.b)
    return spikes


def filled(self: Any, x: torch.Tensor) -> Any:
    if not self.kept:
        self.kept += [self.lif1.init_leaky(), self.lif2.init_leaky()]
    return items(self, x)


def together(self: Any, x: torch.Tensor) -> Any:
    spikes, *self.kept = run(self, x, *(self.kept or (None, None)))
    return spikes


def made(self: Any, x: torch.Tensor) -> Any:
    if not hasattr(self, "one"):
        self.one, self.two = self.lif1.init_leaky(), self.lif2.init_leaky()
    spikes, self.one, self.two = run(self, x, self.one, self.two)
    return spikes


@dataclass
class Fields:
    a: Any = None
    b: Any = None


FORMS: list[tuple[Callable[[Any], Any], Callable[[Any, torch.Tensor], Any]]] = [
    (lambda self: [None, None], items), (lambda self: deque([None, None]), items),
    (lambda self: [self.lif1.init_leaky(), self.lif2.init_leaky()], items), (lambda self: [], filled),
    (lambda self: {}, keys), (lambda self: OrderedDict(), keys), (lambda self: defaultdict(lambda: None), keys),
    (lambda self: {}, modules), (lambda self: SimpleNamespace(a=None, b=None), fields), (lambda self: Fields(), fields),
    (lambda self: None, together), (lambda self: None, made),
]


@pytest.mark.parametrize(("start", "step"), FORMS)
def test_each_sequence_starts_anew(start: Callable[[Any], Any], step: Callable[[Any, torch.Tensor], Any]) -> None:
    net = Net(start, step)
    plain = nn.Sequential(OrderedDict(
        (name, getattr(net, name)) for name in ("fc1", "lif1", "fc2", "lif2")
    ))
    network, parameters = extract(net, (5,), READOUT)
    assert [layer.name for layer in network.layers] == ["input", "fc1", "lif1", "fc2", "lif2", "readout"]
    assert set(parameters) >= {"fc1/weight", "lif2/threshold"}
    found = run_float(net, network, STIMULUS, "states")
    for lif in (plain.lif1, plain.lif2):
        lif.init_hidden = True
    expected = run_float(plain, network, STIMULUS, "states")
    assert found.keys() == expected.keys() and found["spikes/lif2"].any()
    for name in found:
        assert np.array_equal(found[name], expected[name]), name


@pytest.mark.parametrize(("start", "step"), FORMS)
def test_what_training_left_is_no_initial_state(
    start: Callable[[Any], Any], step: Callable[[Any, torch.Tensor], Any]
) -> None:
    used, fresh = Net(start, step), Net(start, step)
    used(torch.ones(3, 5))
    network, _ = extract(used, (5,), READOUT)
    assert np.array_equal(
        run_float(used, network, STIMULUS, "spikes")["spikes/lif2"],
        run_float(fresh, network, STIMULUS, "spikes")["spikes/lif2"],
    )


OUTSIDE: dict[str, Any] = {}


def outside(self: Any, x: torch.Tensor) -> Any:
    spikes, OUTSIDE["a"], OUTSIDE["b"] = run(self, x, OUTSIDE.get("a"), OUTSIDE.get("b"))
    return spikes


def late(self: Any, x: torch.Tensor) -> Any:
    if not hasattr(self, "late"):
        self.late = nn.Linear(5, 6).double()
    return self.lif1(self.late(x))[0]


@pytest.mark.parametrize(
    ("start", "step", "message"),
    [
        (lambda self: None, outside, "model: forward keeps its state outside of the module, in a global or in a "
                                     "class; keep it in attributes of self"),
        (lambda self: None, late, "layer 'late': forward makes this Linear, so that it is neither trained nor saved; "
                                  "make it in __init__"),
        (lambda self: (nn.Linear(5, 6),), lambda self, x: self.lif1(self.kept[0](x))[0],
         "model: Linear within 'kept' is not registered as a submodule; keep it in nn.ModuleList or nn.ModuleDict"),
        (lambda self: SimpleNamespace(a=nn.Linear(5, 6)), lambda self, x: self.lif1(self.kept.a(x))[0],
         "model: Linear within 'kept' is not registered as a submodule; keep it in nn.ModuleList or nn.ModuleDict"),
    ],
)
def test_what_is_not_the_modules_own_is_refused(
    start: Callable[[Any], Any], step: Callable[[Any, torch.Tensor], Any], message: str
) -> None:
    with pytest.raises(UnsupportedModel, match=f"^{re.escape(message)}$"):
        extract(Net(start, step), (5,), READOUT)


def test_a_quantised_model_is_refused_as_such() -> None:
    whole = nn.Sequential(nn.Linear(5, 3), snn.Leaky(beta=0.5, init_hidden=True))
    message = "layer '0': Linear is quantised already; give the model as it was before, and types under hls"
    with pytest.raises(UnsupportedModel, match=f"^{message}$"):
        extract(torch.ao.quantization.quantize_dynamic(whole), (5,), READOUT)


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize(
    ("linear", "message"),
    [
        (lambda: nn.Linear(5, 0), "layer '0': weight has shape (0, 5); remove the layer"),
        (lambda: sparse(nn.Linear(5, 3)), "model: '0.weight' is sparse; give every parameter as a plain tensor"),
    ],
)
def test_a_weight_that_is_none_is_refused(linear: Callable[[], nn.Linear], message: str) -> None:
    with pytest.raises(UnsupportedModel, match=f"^{re.escape(message)}$"):
        extract(nn.Sequential(linear(), snn.Leaky(beta=0.5, init_hidden=True)), (5,), READOUT)


def sparse(linear: nn.Linear) -> nn.Linear:
    linear.weight = nn.Parameter(linear.weight.data.to_sparse())
    return linear


@pytest.mark.parametrize(("name", "shown"), [
    ("a\0b", r"'a\x00b'"), ("a\nb", r"'a\nb'"), ("a\x1b[2J", r"'a\x1b[2J'"), ("\ud800", r"'\ud800'"),
])
def test_a_layers_name_has_to_be_readable(name: str, shown: str) -> None:
    net = nn.Sequential(OrderedDict([(name, nn.Linear(5, 3)), ("lif", snn.Leaky(beta=0.5, init_hidden=True))]))
    message = f"layer {shown}: its name holds characters that cannot be seen; rename the module"
    with pytest.raises(UnsupportedModel, match=f"^{re.escape(message)}$"):
        extract(net, (5,), READOUT)
