"""Extraction: every way to write a one-timestep forward gives the same network; everything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from generators.errors import ConfigError, UnsupportedModel
from generators.extract.torch_module import extract
from generators.ir import Input, Leaky, Linear, Network, Readout
from generators.readout import SNNReadout
from snntorch import surrogate
from torch import nn


class Forms(nn.Module):
    """fc1 → lif1 → fc2 → lif2; the subclasses differ in how forward is written."""

    hidden = False

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.fc1 = nn.Linear(4, 5)
        self.lif1 = snn.Leaky(beta=0.9, init_hidden=self.hidden)
        self.fc2 = nn.Linear(5, 3, bias=False)
        self.lif2 = snn.Leaky(beta=0.5, threshold=0.5, init_hidden=self.hidden)


class Hidden(Forms):
    hidden = True

    def forward(self, x):
        return self.lif2(self.fc2(self.lif1(self.fc1(x))))


class HiddenWithOutput(Hidden):
    def __init__(self) -> None:
        super().__init__()
        self.lif1.output = self.lif2.output = True

    def forward(self, x):
        spk1, _ = self.lif1(self.fc1(x))
        return self.lif2(self.fc2(spk1))


class NeuronKeepsState(Forms):
    def forward(self, x):
        spk1, _ = self.lif1(self.fc1(x))
        out = self.lif2(self.fc2(spk1))
        return out[0], out[1]


class AttributesSetInInit(Forms):
    def __init__(self) -> None:
        super().__init__()
        self.mem1 = self.lif1.init_leaky()
        self.mem2 = torch.zeros(1, 3)

    def forward(self, x):
        spk1, self.mem1 = self.lif1(self.fc1(x), self.mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), self.mem2)
        self.mem2 = mem2.detach()
        return spk2


class BuffersAsState(Forms):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mem1", torch.zeros(0))
        self.register_buffer("mem2", torch.zeros(0))

    def forward(self, x):
        spk1, self.mem1 = self.lif1(self.fc1(x), mem=self.mem1)
        spk2, self.mem2 = self.lif2(input_=self.fc2(spk1), mem=self.mem2)
        return spk2


class LazyAttributes(Forms):
    def __init__(self) -> None:
        super().__init__()
        self.mem1 = None
        self.mem2 = None

    def forward(self, x):
        if self.mem1 is None or self.mem1.shape[0] != x.shape[0]:
            self.mem1 = self.lif1.init_leaky()
            self.mem2 = torch.zeros(x.size(0), 3, device=x.device)
        spk1, self.mem1 = self.lif1(self.fc1(x), self.mem1)
        spk2, self.mem2 = self.lif2(self.fc2(spk1), self.mem2)
        return spk2


class ListOfStates(Forms):
    def __init__(self) -> None:
        super().__init__()
        self.mems = {"hidden": [None], "out": None}

    def forward(self, x):
        spk1, self.mems["hidden"][0] = self.lif1(self.fc1(x), self.mems["hidden"][0])
        spk2, self.mems["out"] = self.lif2(self.fc2(spk1), self.mems["out"])
        return spk2


class OptionalArguments(Forms):
    def forward(self, x, mem1=None, mem2=None, record: bool = False):
        if mem1 is None:
            mem1 = self.lif1.init_leaky()
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return (spk2, mem1, mem2, spk1) if record else (spk2, mem1, mem2)


class RequiredArguments(Forms):
    """The example in the docstring of snntorch.Leaky."""

    def forward(self, x, mem1, spk1, mem2):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return mem1, spk1, mem2, spk2


class StateTuple(Forms):
    def forward(self, x, state=None):
        mem1, mem2 = (None, None) if state is None else state
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return {"spk": spk2, "state": (mem1, mem2)}


class ShapesAndFunctions(Forms):
    hidden = True

    def forward(self, x, scale: float = 1.0, mode: str = "plain"):
        batch, features = x.shape
        assert features == 4 and len(x) == x.size(0)
        x = torch.flatten(x, 1).view(batch, -1).reshape(x.size(0), features).flatten(start_dim=1).float()
        if scale != 1.0 or mode != "plain":
            raise ValueError
        spk1 = F.dropout(self.lif1(self.fc1(x)), 0.3, self.training)
        return self.lif2(self.fc2(spk1))


FORMS = [
    Hidden,
    HiddenWithOutput,
    NeuronKeepsState,
    AttributesSetInInit,
    BuffersAsState,
    LazyAttributes,
    ListOfStates,
    OptionalArguments,
    RequiredArguments,
    StateTuple,
    ShapesAndFunctions,
]

LAYERS = (
    Input((4,), "fixed_window", None),
    Linear("fc1", ("input",), 4, 5, True),
    Leaky("lif1", ("fc1",), 5, "subtract", True, False, False),
    Linear("fc2", ("lif1",), 5, 3, False),
    Leaky("lif2", ("fc2",), 3, "subtract", True, False, False),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_network(form: type[Forms]) -> None:
    module = form()
    network, parameters = extract(module, (4,), {})
    assert network == Network(LAYERS)
    expected = {
        "fc1/weight": module.fc1.weight,
        "fc1/bias": module.fc1.bias,
        "lif1/beta": module.lif1.beta,
        "lif1/threshold": module.lif1.threshold,
        "fc2/weight": module.fc2.weight,
        "lif2/beta": module.lif2.beta,
        "lif2/threshold": module.lif2.threshold,
    }
    assert set(parameters) == set(expected)
    for key, tensor in expected.items():
        assert parameters[key].dtype == np.float64
        np.testing.assert_array_equal(parameters[key], tensor.detach().double().numpy())


@pytest.mark.parametrize("form", FORMS)
def test_a_module_fresh_from_training_is_read_and_left_alone(form: type[Forms]) -> None:
    module = form().train()
    state = [None, None, None] if form is RequiredArguments else []
    out = module(torch.rand(2, 4), *state)
    module(torch.rand(2, 4), *state)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    mem = module.lif1.mem
    network, _ = extract(module, (4,), {})
    assert network.layers == LAYERS
    assert module.training and module.lif1.mem is mem and mem.grad_fn is not None
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert out is not None


def test_names_are_those_of_named_modules() -> None:
    class Block(nn.Module):
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.body = nn.ModuleDict({"fc": nn.Linear(inputs, 3), "lif": snn.Leaky(0.5, init_hidden=True)})

        def forward(self, x):
            return self.body["lif"](self.body["fc"](x))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([Block(4), Block(3)])
            self.head = nn.Sequential(nn.Identity(), nn.Linear(3, 2))

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    network, _ = extract(Net(), (4,), {})
    assert [layer.name for layer in network.layers] == [
        "input",
        "blocks.0.body.fc",
        "blocks.0.body.lif",
        "blocks.1.body.fc",
        "blocks.1.body.lif",
        "head.1",
    ]
    assert network.notes == ("layer 'head.0': Identity is dropped, it changes nothing outside training",)


def sequential(*middle: nn.Module, **neuron: Any) -> nn.Sequential:
    torch.manual_seed(1)
    neuron = {"beta": 0.5, "init_hidden": True, **neuron}
    return nn.Sequential(nn.Linear(4, 3), snn.Leaky(**neuron), *middle)


@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
def test_reset(mechanism: str, delay: bool) -> None:
    network, _ = extract(sequential(reset_mechanism=mechanism, reset_delay=delay), (4,), {})
    assert network.layers[-1] == Leaky("1", ("0",), 3, mechanism, delay, False, False)  # type: ignore[arg-type]


def test_the_bound_state_function_is_what_counts() -> None:
    module = sequential()
    module[1].reset_mechanism = "zero"
    network, _ = extract(module, (4,), {})
    assert network.layers[-1] == Leaky("1", ("0",), 3, "subtract", True, False, False)
    assert network.notes == ("layer '1': runs reset_mechanism subtract, although its attribute says zero",)


@pytest.mark.parametrize("surrogate_disable", [True, False])
@pytest.mark.parametrize(
    "spike_grad",
    [
        None,
        surrogate.fast_sigmoid(),
        surrogate.sigmoid(),
        surrogate.straight_through_estimator(),
        surrogate.triangular(),
        surrogate.heaviside(),
        surrogate.spike_rate_escape(),
        surrogate.SFS(),
        surrogate.SSO(),
        surrogate.custom_surrogate(lambda x, grad, out: grad),
        surrogate.atan(alpha=3.0),
    ],
)
def test_every_deterministic_surrogate(spike_grad: Any, surrogate_disable: bool) -> None:
    network, _ = extract(sequential(spike_grad=spike_grad, surrogate_disable=surrogate_disable), (4,), {})
    assert network.layers[-1] == Leaky("1", ("0",), 3, "subtract", True, False, False)
