"""Extraction: every way to write a one-timestep forward gives the same network; everything else is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from cases import leaky
from extraction import extract
from snntorch import surrogate, utils
from torch import nn
from torch.nn.utils import parametrizations, prune

from hlspike.generators.errors import ConfigError, UnsupportedModel
from hlspike.generators.ir import Input, Linear, Network
from hlspike.generators.readout import SNNReadout


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


class NeuronsOwnBuffer(Forms):
    def forward(self, x):
        spk1, mem1 = self.lif1(self.fc1(x), self.lif1.mem)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem=self.lif2.mem)
        return (mem1, mem2), spk2


class StateOfBothInOneList(Forms):
    def forward(self, x, mems):
        spk1, mem1 = self.lif1(self.fc1(x), None if mems is None else mems[0])
        spk2, mem2 = self.lif2(self.fc2(spk1), None if mems is None else mems[1])
        return spk2, [mem1, mem2]


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
    NeuronsOwnBuffer,
    StateOfBothInOneList,
    OptionalArguments,
    RequiredArguments,
    StateTuple,
    ShapesAndFunctions,
]

LAYERS = (
    Input((4,), "fixed_window", None),
    Linear("fc1", ("input",), 4, 5, True),
    leaky("lif1", "fc1", 5),
    Linear("fc2", ("lif1",), 5, 3, False),
    leaky("lif2", "fc2", 3),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_network(form: type[Forms]) -> None:
    module = form()
    network, parameters = extract(module, (4,), {})
    assert network == Network(LAYERS, window_given=False)
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
    state = {"RequiredArguments": [None] * 3, "StateOfBothInOneList": [None]}.get(form.__name__, [])
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


def test_a_block_keeps_the_state_of_its_neurons() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.lif = snn.Leaky(0.5)
            self.mem = None

        @torch.no_grad()
        def forward(self, x):
            return self.neurons(self.fc(x))

        def neurons(self, current):
            spk, self.mem = self.lif(current, self.mem)
            return spk

    network, _ = extract(nn.Sequential(Block(), Block()), (4,), {})
    assert [layer.name for layer in network.layers] == ["input", "0.fc", "0.lif", "1.fc", "1.lif"]


@pytest.mark.parametrize(
    "flatten",
    [
        lambda x: x.flatten(1),
        lambda x: x.flatten(start_dim=1, end_dim=-1),
        lambda x: torch.flatten(x, 1),
        lambda x: torch.flatten(x, start_dim=-3),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.view(-1, 12),
        lambda x: x.reshape(len(x), -1),
        lambda x: x.reshape((x.shape[0], x.shape[1] * x.shape[2] * x.size(-1))),
        lambda x: torch.reshape(x, (x.shape[0], 12)),
        lambda x: x.view(x.shape).flatten(1).contiguous().view(-1, 12),
        nn.Flatten(),
        nn.Flatten(1, 3),
    ],
)
def test_every_way_to_flatten(flatten: Callable[..., Any]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(12, 2)
            self.flatten = flatten

        def forward(self, x):
            return self.fc(self.flatten(x))

    module = Net()
    _, parameters = extract(module, (2, 2, 3), {})
    weight = module.fc.weight.detach().double().numpy().reshape(2, 2, 2, 3)
    np.testing.assert_array_equal(parameters["fc/weight"], np.moveaxis(weight, 1, -1).reshape(2, 12))


@pytest.mark.parametrize(
    ("reshape", "told"),
    [
        (lambda x: x.view(-1, 4), "view of the input"),
        (lambda x: x.permute(0, 2, 3, 1).flatten(1), "permute of the input"),
        (lambda x: x.transpose(1, 2).reshape(-1, 12), "transpose of the input"),
        (lambda x: x.reshape(-1, 12, 1), "reshape of the input"),
    ],
)
def test_other_reshapes_are_refused(reshape: Callable[..., Any], told: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        extract(forward_of(lambda self, x: self.fc1(reshape(x)[..., :4].flatten(1)[:, :4])), (2, 2, 3), {})
    assert str(error.value) == f"model: {told} is not supported; use the modules {MODULES}"


def sequential(*middle: nn.Module, **neuron: Any) -> nn.Sequential:
    torch.manual_seed(1)
    neuron = {"beta": 0.5, "init_hidden": True, **neuron}
    return nn.Sequential(nn.Linear(4, 3), snn.Leaky(**neuron), *middle)


@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
def test_reset(mechanism: str, delay: bool) -> None:
    network, _ = extract(sequential(reset_mechanism=mechanism, reset_delay=delay), (4,), {})
    assert network.layers[-1] == leaky("1", "0", 3, reset_mechanism=mechanism, reset_delay=delay)


def test_the_bound_state_function_is_what_counts() -> None:
    module = sequential()
    module[1].reset_mechanism = "zero"
    network, _ = extract(module, (4,), {})
    assert network.layers[-1] == leaky("1", "0", 3)
    assert network.notes == ("layer '1': runs reset_mechanism subtract, although its attribute says zero",)


def test_the_reset_mechanism_of_a_checkpoint_that_the_module_does_not_run_is_noted() -> None:
    module, trained = sequential(reset_mechanism="subtract"), sequential(reset_mechanism="zero")
    module.load_state_dict(trained.state_dict())
    network, _ = extract(module, (4,), {})
    assert network.layers[2] == leaky("1", "0", 3)
    assert network.notes == (
        "layer '1': runs reset_mechanism subtract, although its buffer reset_mechanism_val, which a checkpoint brings "
        "along, says zero",
    )


@pytest.mark.parametrize("value", [3.0, -1.0, 1.5, float("nan"), float("inf")])
def test_a_reset_mechanism_of_a_checkpoint_that_is_none_is_noted_as_it_is(value: float) -> None:
    module = sequential(reset_mechanism="zero")
    module[1].reset_mechanism_val = torch.tensor(value)
    network, _ = extract(module, (4,), {})
    assert [note.rpartition(" ")[2] for note in network.notes] == [f"{value:g}"]


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
    assert network.layers[-1] == leaky("1", "0", 3)


def test_beta_is_clamped_and_one_means_integrate() -> None:
    for beta, integrates in [(1.0, True), (1 - 5e-7, True), (1.5, True), (0.999, False), (1 - 2e-6, False)]:
        network, parameters = extract(sequential(beta=torch.tensor(beta, dtype=torch.float64)), (4,), {})
        assert network.neurons[0].types == ("IFNeuron" if integrates else "LIFNeuron", "Leaky")
        assert ("1/beta" in parameters) is not integrates
    network, parameters = extract(sequential(beta=torch.tensor([-0.5, 0.5, 2.0])), (4,), {})
    assert parameters["1/beta"].tolist() == [0.0, 0.5, 1.0]
    assert network.notes == ("layer '1': beta -0.5..2 is clamped to 0..1, as forward does",)
    _, parameters = extract(sequential(beta=torch.tensor([1.0, 1.0, 0.5])), (4,), {})
    assert parameters["1/beta"].tolist() == [1.0, 1.0, 0.5]


def test_learned_values_are_taken_as_they_are_now() -> None:
    module = sequential(learn_beta=True, learn_threshold=True)
    module[1].beta.data.fill_(0.25)
    module[1].threshold = nn.Parameter(torch.tensor([0.5, 0.75, -1.0]))
    _, parameters = extract(module, (4,), {})
    assert parameters["1/beta"].shape == () and parameters["1/beta"] == 0.25
    assert parameters["1/threshold"].tolist() == [0.5, 0.75, -1.0]


def test_maps_are_flattened_channels_last() -> None:
    shape = (2, 2, 3)
    places = torch.arange(12.0).reshape(shape)
    module = nn.Sequential(
        snn.Leaky(torch.tensor([0.25, 0.5]).reshape(2, 1, 1), threshold=places, init_hidden=True),
        nn.Flatten(),
        nn.Linear(12, 1, bias=False),
    )
    module[2].weight.data = torch.arange(12.0).reshape(1, 12)
    network, parameters = extract(module, shape, {})
    order = [c * 6 + h * 3 + w for h in range(2) for w in range(3) for c in range(2)]
    assert parameters["0/beta"].tolist() == [0.25, 0.5] * 6
    assert parameters["0/threshold"].tolist() == order
    assert parameters["2/weight"].tolist() == [order]
    assert network.layers[1] == leaky("0", "input", 12)


def test_one_value_per_row_broadcasts_as_in_torch() -> None:
    module = nn.Sequential(snn.Leaky(0.5, threshold=torch.tensor([1.0, 2.0, 3.0]), init_hidden=True))
    _, parameters = extract(module, (2, 2, 3), {})
    assert parameters["0/threshold"].tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0] * 2


def test_graded_spikes_are_folded_into_the_next_weights() -> None:
    module = sequential(nn.Linear(3, 2), graded_spikes_factor=torch.tensor([0.3]))
    network, parameters = extract(module, (4,), {})
    factor = float(torch.tensor(0.3))
    np.testing.assert_array_equal(parameters["2/weight"], module[2].weight.detach().double().numpy() * factor)
    np.testing.assert_array_equal(parameters["2/bias"], module[2].bias.detach().double().numpy())
    assert network.notes == ("layer '1': graded_spikes_factor 0.3 is folded into the weights of '2'",)


def test_weights_that_hooks_compute_are_taken_as_computed() -> None:
    module = sequential()
    prune.random_unstructured(module[0], "weight", 0.5)
    _, parameters = extract(module, (4,), {})
    assert (parameters["0/weight"] == 0).sum() == 6
    module = sequential()
    module[0] = parametrizations.weight_norm(module[0])
    module[0].parametrizations.weight.original0.data *= 3
    _, parameters = extract(module, (4,), {})
    np.testing.assert_allclose(parameters["0/weight"], module[0].weight.detach().numpy(), rtol=1e-6)


def forward_of(body: Callable[..., Any], *, hidden: bool = False, **attributes: Any) -> nn.Module:
    """A module of the usual four layers with `body` as its forward."""
    base = Hidden if hidden else Forms
    module = type("Net", (base,), {"forward": body})()
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def package_reset(self, x):
    utils.reset(self)
    return self.lif1(self.fc1(x))


def fresh_zeros(self, x):
    spk, _ = self.lif1(self.fc1(x), torch.zeros(x.size(0), 5))
    return spk


def one_step_stacked(self, x):
    return torch.stack([self.lif1(self.fc1(x))])


def membrane_as_data(self, x):
    _, mem = self.lif1(self.fc1(x))
    return self.fc2(mem)


def membrane_in_an_operation(self, x):
    spk, mem = self.lif1(self.fc1(x))
    return self.fc2(spk + mem)


def membrane_returned(self, x):
    return self.lif1(self.fc1(x))[1]


def skip_connection(self, x):
    spk = self.lif1(self.fc1(x))
    return self.lif2(self.fc2(spk)), self.fc3(spk)


def twice(self, x):
    return self.lif1(self.lif1(self.fc1(x)))


def unused(self, x):
    spk = self.lif1(self.fc1(x))
    self.fc2(spk)
    return spk


def branch_on_data(self, x):
    return self.lif1(self.fc1(x)) if self.fc1(x).sum() > 0 else self.fc1(x)


def states_swapped(self, x):
    spk1, self.mem1 = self.lif1(self.fc1(x), self.mem2)
    spk2, self.mem2 = self.lif2(self.fc2(spk1), self.mem2)
    return spk2


def state_not_kept(self, x):
    spk, _ = self.lif1(self.fc1(x), self.mem1)
    return spk


def state_not_returned(self, x, mem=None):
    spk, mem = self.lif1(self.fc1(x), mem)
    return spk


def two_inputs(self, x, y=0.5):
    return self.lif1(self.fc1(x) + y)


def forgets_now_and_then(self, x):
    self.calls += 1
    if self.calls % 3 == 0:
        self.lif1.mem = torch.zeros(0)
    return self.lif1(self.fc1(x))


def tuple_passed_on(self, x):
    return self.fc2(self.lif1(self.fc1(x)))


def currents_in_single_precision(self, x):
    return self.lif1(self.fc1(x).float())


def pair(mechanism: str, later: str) -> nn.Module:
    module = sequential(reset_mechanism=mechanism, reset_delay=False)
    module[1].reset_mechanism = later
    return module


def poisoned(module: nn.Module, parameter: str, index: tuple[int, ...], value: float) -> nn.Module:
    module.get_parameter(parameter).data[index] = value
    return module


class Custom(snn.Leaky):
    def fire(self, mem):
        return (mem > 0.5).float()


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = forward_of(lambda self, x: torch.relu(self.fc1(x)), hidden=True)

    def forward(self, x):
        return self.block(x)


def named(**layers: nn.Module) -> nn.Module:
    module = nn.Sequential()
    for name, layer in layers.items():
        module.add_module(name, layer)
    return module


def hooked() -> nn.Module:
    module = sequential()
    module[0].register_forward_hook(lambda *call: call[-1] * 2)
    return module


def inverted() -> nn.Module:
    module = sequential()
    module.register_forward_hook(lambda *call: 1 - call[-1])
    return module


LOOP = "give the body of the time loop as a one-timestep forward that keeps its state"
MODULES = "Linear, Leaky, Lapicque, Synaptic, Alpha, RLeaky, RSynaptic, Flatten, Dropout, Identity and SNNReadout"
FINITE = "every parameter must be a finite number"
SURROGATE = (
    "layer '1': spike_grad does not fire exactly where mem > threshold; use a deterministic one of snntorch.surrogate"
)

REFUSED: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: forward_of(package_reset, hidden=True),
        f"model: forward of Net resets its neurons on every call; {LOOP}",
    ),
    (lambda: forward_of(fresh_zeros), f"layer 'lif1': its mem is the same on every call, which resets it; {LOOP}"),
    (
        lambda: forward_of(one_step_stacked, hidden=True),
        f"model: forward joins tensors with stack, as over timesteps; {LOOP}",
    ),
    (
        lambda: forward_of(membrane_as_data),
        "layer 'fc2': takes the membrane of 'lif1' as data; take its spikes, or decide from membranes with an "
        "SNNReadout of output_mode membrane",
    ),
    (
        lambda: forward_of(membrane_in_an_operation),
        "model: add: takes the membrane of 'lif1' as data; take its spikes, or decide from membranes with an "
        "SNNReadout of output_mode membrane",
    ),
    (
        lambda: forward_of(membrane_returned),
        "model: returns the membrane of 'lif1' without its spikes; return the spikes, or end with a Linear and an "
        "SNNReadout of output_mode membrane",
    ),
    (
        lambda: forward_of(skip_connection, hidden=True, fc3=nn.Linear(5, 2)),
        "layer 'lif2': nothing that 'fc3', the last layer, puts out rests on its output; join both with torch.cat, or "
        "remove the layer",
    ),
    (
        lambda: forward_of(twice, hidden=True),
        "layer 'lif1': is called more than once on timestep 0, or misses its turn; call each neuron once in every "
        "timestep, in order",
    ),
    (
        lambda: forward_of(unused, hidden=True),
        "layer 'fc2': its output is not returned by forward; return it, or remove the layer",
    ),
    (
        lambda: forward_of(branch_on_data, hidden=True),
        "model: forward cannot be followed (symbolically traced variables cannot be used as inputs to control flow); "
        "call registered layers on whole tensors, and take the same path whatever the values are",
    ),
    (
        lambda: forward_of(states_swapped, mem1=None, mem2=None),
        "layer 'lif1': its mem comes from attribute 'mem2', where forward does not keep the new one; assign the mem it "
        "returned to 'mem2'",
    ),
    (
        lambda: forward_of(state_not_kept, mem1=torch.zeros(1, 5)),
        "layer 'lif1': its mem comes from attribute 'mem1', where forward does not keep the new one; assign the mem it "
        "returned to 'mem1'",
    ),
    (
        lambda: forward_of(state_not_returned),
        "layer 'lif1': its mem comes from argument 'mem' of forward, which does not return the new one; return it",
    ),
    (
        lambda: forward_of(two_inputs, hidden=True),
        f"model: add of the output of 'fc1' is not supported; use the modules {MODULES}",
    ),
    (
        lambda: forward_of(forgets_now_and_then, hidden=True, calls=0),
        "layer 'lif1': a trial run contradicts what was read from the model (spikes on timestep 2); remove hooks, and "
        "let forward do the same on every call",
    ),
    (
        lambda: forward_of(tuple_passed_on),
        "layer 'fc2': takes the tuple (spk, mem) of the neurons before it; unpack it, or set init_hidden=True and "
        "output=False there",
    ),
    (
        lambda: forward_of(currents_in_single_precision, hidden=True),
        f"model: float of the output of 'fc1' is not supported; use the modules {MODULES}",
    ),
    (
        lambda: forward_of(lambda self, x: self.layers[0](x), layers=[nn.Linear(4, 2)]),
        "model: Linear in 'layers[0]' is not registered as a submodule; keep it in nn.ModuleList or nn.ModuleDict",
    ),
    (
        lambda: forward_of(lambda self, x: x),
        "model: forward runs no Linear and no neurons; there is nothing to build",
    ),
    (Outer, f"module 'block': relu of the output of 'block.fc1' is not supported; use the modules {MODULES}"),
    (
        lambda: nn.Sequential(nn.Linear(7, 3)),
        "model: forward of Sequential fails on one timestep of shape (4,): mat1 and mat2 shapes cannot be multiplied "
        "(7x4 and 7x3); make it run on that, or set model.input_shape to what it takes (without batch)",
    ),
    (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Hardtanh()),
        f"layer '1': Hardtanh is not supported; supported are {MODULES}",
    ),
    (
        lambda: sequential()[1],
        "model: the model is a bare Leaky, which has no layer name; wrap it in nn.Sequential",
    ),
    (
        lambda: nn.DataParallel(sequential()),
        "model: DataParallel hides the model from tracing; give the plain nn.Module",
    ),
    (lambda: {"fc": 1}, "model: the source gives a dict; it must return an nn.Module"),
    (
        lambda: nn.Sequential(nn.Linear(4, 3), snn.SLSTM(3, 3, init_hidden=True)),
        "layer '1': snntorch.SLSTM forms its states by products of gates, sigmoids and tanh, which are no sums with "
        "constant weights; use RSynaptic",
    ),
    (
        lambda: nn.Sequential(nn.Linear(4, 3), Custom(0.5, init_hidden=True)),
        "layer '1': Custom replaces fire of snntorch.Leaky; use Leaky as it is",
    ),
    (
        lambda: sequential(state_quant=lambda x: x),
        "layer '1': state_quant is set; remove it and give the membrane a type under hls instead",
    ),
    (lambda: sequential(spike_grad=lambda x: (x > torch.rand_like(x)).float()), SURROGATE),
    (lambda: sequential(spike_grad=lambda x: (x >= 0).float()), SURROGATE),
    (lambda: sequential(spike_grad=torch.sigmoid), SURROGATE),
    (
        lambda: pair("subtract", "zero"),
        "layer '1': updates with reset_mechanism subtract but resets at once (reset_delay False) with zero; build the "
        "Leaky with one of them",
    ),
    (
        lambda: poisoned(sequential(), "0.weight", (1, 2), float("nan")),
        f"layer '0': weight[1, 2] is nan; {FINITE}",
    ),
    (lambda: poisoned(sequential(), "0.bias", (0,), float("-inf")), f"layer '0': bias[0] is -inf; {FINITE}"),
    (lambda: sequential(beta=float("nan")), f"layer '1': beta is nan; {FINITE}"),
    (lambda: sequential(threshold=float("inf")), f"layer '1': threshold is inf; {FINITE}"),
    (
        lambda: sequential(graded_spikes_factor=0.0),
        "layer '1': graded_spikes_factor is 0; give one factor other than 0",
    ),
    (
        lambda: sequential(graded_spikes_factor=torch.ones(3)),
        "layer '1': graded_spikes_factor is of shape (3,); give one factor other than 0",
    ),
    (
        lambda: sequential(graded_spikes_factor=0.5),
        "layer '1': graded_spikes_factor is 0.5, but no layer follows whose weights could take it in; set it to 1",
    ),
    (
        lambda: sequential(snn.Leaky(0.5, init_hidden=True), graded_spikes_factor=0.5),
        "layer '2': takes spikes worth 0.5 (graded_spikes_factor of '1'), but has no weights to fold that into; put a "
        "Linear between them",
    ),
    (
        lambda: sequential(SNNReadout(), graded_spikes_factor=0.5),
        "readout: counts spikes, but those of '1' are worth 0.5 (graded_spikes_factor); set it to 1",
    ),
    (
        lambda: sequential(inhibition=True, reset_delay=False, graded_spikes_factor=0.5),
        "layer '1': inhibition and reset_delay False with graded_spikes_factor 0.5; set it to 1",
    ),
    (
        hooked,
        "layer '0': a trial run contradicts what was read from the model (output on timestep 0); remove hooks, "
        "and let forward do the same on every call",
    ),
    (
        lambda: named(input=nn.Linear(4, 3)),
        "layer 'input': the name is reserved for the input of the design; rename the module",
    ),
    (
        lambda: named(fc=nn.Linear(4, 3), readout=snn.Leaky(0.5, init_hidden=True)),
        "layer 'readout': the name is reserved for the readout of the design; rename the module",
    ),
    (
        lambda: sequential(type("SNNReadout", (nn.ReLU,), {})()),
        "readout '2': its forward changes its input; a marker must be an identity",
    ),
    (
        lambda: sequential(SNNReadout(), SNNReadout()),
        "readout '3': '2' is a readout already; keep one of them",
    ),
    (
        lambda: sequential(SNNReadout(), nn.Linear(3, 2)),
        "layer '3': follows the readout '2'; make the readout the last module",
    ),
    (
        inverted,
        "model: a trial run does not return the output of '1' on timestep 0; remove hooks, and let forward do the same "
        "on every call",
    ),
    (
        lambda: nn.Sequential(nn.LazyLinear(3)),
        "model: '0.weight' has no values yet; run the model once before it is read",
    ),
    (
        lambda: nn.Sequential(nn.Linear(4, 3, device="meta")),
        "model: '0.weight' is on the meta device, without values; load a state_dict into it",
    ),
]


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
@pytest.mark.parametrize(("build", "message"), REFUSED)
def test_refusals_name_the_layer_the_rule_and_the_remedy(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        extract(build(), (4,), {})
    assert str(error.value) == message


ON_MAPS: list[tuple[Callable[[], nn.Module], str]] = [
    (
        lambda: nn.Sequential(nn.Linear(2, 3)),
        "layer '0': Linear on a map of shape (2, 2, 2); put nn.Flatten() before it",
    ),
    (
        lambda: nn.Sequential(nn.Flatten(2), nn.Linear(4, 3)),
        "layer '0': flattens dimensions 2..-1 of shape (batch, 2, 2, 2); only flattening all but the batch is "
        "supported",
    ),
    (
        lambda: nn.Sequential(nn.Flatten(), snn.Leaky(0.5, init_hidden=True, inhibition=True)),
        "layer '1': inhibition on a map, or right behind its Flatten; put it behind a Linear",
    ),
    (
        lambda: nn.Sequential(snn.Leaky(0.5, init_hidden=True), nn.Flatten(), SNNReadout()),
        "readout: takes a map, or a flattened one, of '0'; its classes must be the features of a layer behind a Linear",
    ),
    (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.Unflatten(1, (2, 2))),
        f"layer '2': Unflatten is not supported; supported are {MODULES}",
    ),
]


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
@pytest.mark.parametrize(("build", "message"), ON_MAPS)
def test_refusals_on_maps(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        extract(build(), (2, 2, 2), {})
    assert str(error.value) == message


@pytest.mark.parametrize("shape", [(), (0,), (4, -1), (True,), (4.0,)])
def test_input_shapes_are_checked(shape: Any) -> None:
    with pytest.raises(ConfigError) as error:
        extract(sequential(), shape, {})
    assert str(error.value) == (
        f"model.input_shape is {list(shape)}; give positive integers, such as [64] or [1, 28, 28]"
    )
