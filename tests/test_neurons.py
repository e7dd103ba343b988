"""Every neuron against the installed snnTorch, and a made-up one, which is known to this file alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from extraction import extract, run_float
from numpy.typing import NDArray
from projects import Workshop, build_project, designed, run
from torch import nn

from hlspike.generators.design import Io
from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.ir import Network
from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import INPUT, SPIKES, THRESHOLD, Equations, State, Term
from hlspike.generators.neurons.registry import NEURONS, REFUSED
from hlspike.generators.precision.resolve import Resolution
from hlspike.generators.reference import run_reference
from hlspike.generators.stimulus import Stimulus

pytestmark = pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
SIZE, TIMESTEPS = 5, 200
WIDE: dict[str, Any] = {"model": {"precision": {"default": "ap_fixed<60,18,AP_RND>"}}}
NARROW: dict[str, Any] = {"model": {"precision": {
    "default": "ap_fixed<12,5,AP_RND,AP_SAT>", "weight": "ap_fixed<8,3,AP_RND,AP_SAT>", "accum": "auto",
}}}
DELAYED = {"Leaky": (True, False), "Synaptic": (True, False), "RLeaky": (True, False)}


@dataclass(frozen=True)
class Trained:
    """A module with what was read from it, in the place of a case."""

    module: nn.Module
    network: Network
    parameters: dict[str, NDArray[np.float64]]
    stimulus: Stimulus
    hls: dict[str, Any]

    @staticmethod
    def of(module: nn.Module, hls: dict[str, Any], timesteps: int = TIMESTEPS, sequences: int = 2) -> Trained:
        frames = np.round(np.random.default_rng(3).normal(size=(sequences, timesteps, SIZE)) * 16) / 16
        stimulus = Stimulus.validated({"frames": frames.astype(np.float32)}, (SIZE,))
        network, parameters = extract(module, (SIZE,), {})
        return Trained(module, network.bounded(timesteps), parameters, stimulus, hls)


def neuron(kind: str, reset: str, delay: bool, vector: bool, inhibition: bool) -> nn.Module:
    """One layer of neurons of class `kind`, its parameters by chance."""

    def each(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(SIZE if vector else 1).squeeze()

    options: dict[str, Any] = {
        "reset_mechanism": reset, "init_hidden": True, "inhibition": inhibition, "threshold": each(0.4, 0.9),
    }
    if kind in DELAYED:
        options["reset_delay"] = delay
    if kind.startswith("R"):
        options |= {"all_to_all": False, "V": each(-0.6, 0.6)}
    if kind in ("Synaptic", "RSynaptic", "Alpha"):
        options["alpha"] = each(0.75, 0.95)
    # of Lapicque one value serves a layer, because its class asks whether it is true
    options["beta"] = 0.7 if kind == "Lapicque" else each(0.3, 0.7)
    made: nn.Module = getattr(snn, kind)(**options)
    return made


def network(layers: Iterator[nn.Module]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for layer in layers:
        linear = nn.Linear(SIZE, SIZE)
        with torch.no_grad():
            # so that layers far from the input fire too
            linear.weight.uniform_(-0.6, 1.2)
            linear.bias.uniform_(-0.1, 0.5)
        parts += [linear, layer]
    return nn.Sequential(*parts)


def every(kind: str) -> nn.Sequential:
    """All that snnTorch runs of `kind`: reset, delay, scalar or vector, inhibition."""
    torch.manual_seed(len(kind))
    options = itertools.product(("subtract", "zero", "none"), DELAYED.get(kind, (True,)), (False, True), (False, True))
    return network(neuron(kind, *chosen) for chosen in options)


def spikes_of(module: nn.Module, stimulus: Stimulus) -> list[NDArray[np.bool_]]:
    """What snnTorch's own code fires in float64, layer by layer."""
    module = module.double().eval()
    found: list[list[NDArray[np.bool_]]] = []
    neurons = [part for part in module.children() if isinstance(part, snn.SpikingNeuron)]
    for layer in neurons:
        for state in NEURONS[type(layer).__name__].arguments:
            setattr(layer, state, torch.zeros(0, dtype=torch.float64))
    with torch.no_grad():
        for t in range(stimulus.frames.shape[1]):
            x = torch.from_numpy(np.array(stimulus.frames[:, t], np.float64))
            row = []
            for part in module.children():
                x = part(x).double()
                if isinstance(part, snn.SpikingNeuron):
                    row.append(x.numpy() != 0)
            found.append(row)
    return [np.stack([row[place] for row in found], 1) for place in range(len(neurons))]


@pytest.mark.parametrize("kind", NEURONS)
def test_with_wide_types_every_spike_is_that_of_the_installed_package(kind: str) -> None:
    trained = Trained.of(every(kind), WIDE)
    quantized, _ = designed(trained, "parallel")  # type: ignore[arg-type]
    trace = run_reference(quantized.typed, quantized.integers, trained.stimulus, "spikes").trace
    expected = spikes_of(trained.module, trained.stimulus)
    assert len(expected) == len(trained.network.neurons)
    for layer, spikes in zip(trained.network.neurons, expected, strict=True):
        assert np.array_equal(trace[f"spikes/{layer.name}"] != 0, spikes), layer.name
    rates = np.array([spikes.mean() for spikes in expected])
    # without a reset nothing holds a layer back
    assert (rates > 0).all() and (rates < 1).mean() > 0.9


def agrees(workshop: Workshop, trained: Trained, io: Io, folder: Path) -> dict[str, NDArray[Any]]:
    """What csim did, which has to be what the reference did."""
    project = build_project(workshop, trained, io, folder, whole=True)  # type: ignore[arg-type]
    code, found = run(project.layout.csim, project.layout.bench_data, folder / "out")
    assert code == 0
    ids = {name: identifier for identifier, name in project.design.names.items()}
    for key, values in project.reference.trace.items():
        state, layer = key.split("/")
        assert np.array_equal(found[f"{state}__{ids[layer]}"], values), key
    return {layer: found[f"spikes__{ids[layer]}"] for layer in (one.name for one in trained.network.neurons)}


def one_of_each() -> nn.Sequential:
    torch.manual_seed(5)
    chosen = itertools.cycle(itertools.product(("subtract", "zero"), (False, True)))
    kinds = itertools.product((kind for kind in NEURONS if kind != "RSynaptic"), (True, False))
    return network(neuron(kind, *next(chosen), vector, vector) for kind, vector in kinds)


def test_csim_fires_as_the_installed_package_does(workshop: Workshop, tmp_path: Path) -> None:
    trained = Trained.of(one_of_each(), WIDE)
    found = agrees(workshop, trained, "parallel", tmp_path / "project")
    for spikes, expected in zip(found.values(), spikes_of(trained.module, trained.stimulus), strict=True):
        assert np.array_equal(spikes != 0, expected) and 0 < expected.mean() < 1


@pytest.mark.heavy
@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("hls", [WIDE, NARROW], ids=["wide", "narrow"])
def test_csim_agrees_in_all_that_snntorch_runs(
    workshop: Workshop, tmp_path: Path, kind: str, hls: dict[str, Any]
) -> None:
    trained = Trained.of(every(kind), hls)
    found = agrees(workshop, trained, "stream" if hls is NARROW else "parallel", tmp_path / "project")
    if hls is WIDE:
        for spikes, expected in zip(found.values(), spikes_of(trained.module, trained.stimulus), strict=True):
            assert np.array_equal(spikes != 0, expected)


class Adaptive(snn.SpikingNeuron):  # type: ignore[misc]
    """Fires at θ + κb, where b follows the neuron's own spikes."""

    def __init__(self, beta: float, rho: float, kappa: float, threshold: float) -> None:
        super().__init__(threshold=threshold, init_hidden=True)
        for name, value in {"beta": beta, "rho": rho, "kappa": kappa}.items():
            self.register_buffer(name, torch.tensor(value))
        for name in ("spk", "b", "mem"):
            self.register_buffer(name, torch.zeros(0), False)

    def forward(self, input_: torch.Tensor) -> torch.Tensor:
        for name in ("spk", "b", "mem"):
            if getattr(self, name).shape != input_.shape:
                setattr(self, name, torch.zeros_like(input_))
        reset = self.fire(self.mem - self.kappa * self.b)
        self.b = self.rho * self.b + (1 - self.rho) * self.spk
        self.mem = self.beta * self.mem + input_ - reset * self.threshold
        self.spk = self.fire(self.mem - self.kappa * self.b)
        return self.spk


def read(given: Given) -> Read:
    rho = given.array("rho")
    parameters = {key: given.array(key) for key in ("beta", "kappa", THRESHOLD)}
    return Read(ADAPTIVE, {**parameters, "rho": rho, "gain": 1 - rho})


ADAPTIVE = Equations(
    (
        State("b", "adaptation", (Term("b", "rho", before=True), Term(SPIKES, "gain"))),
        State("mem", "membrane", (
            Term("mem", "beta", before=True), Term(INPUT), Term("", THRESHOLD, negative=True, when="reset"),
        )),
    ),
    fires=(Term("mem"), Term("b", "kappa", negative=True)),
)


@pytest.fixture
def adaptive(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Trained]:
    package = Adaptive.__module__.partition(".")[0]
    made = Definition("Adaptive", read, (ADAPTIVE,), arguments=("spk", "b", "mem"), package=package)
    monkeypatch.setitem(NEURONS, "Adaptive", made)
    torch.manual_seed(1)

    def trained(hls: dict[str, Any]) -> Trained:
        layers = iter((Adaptive(0.8, 0.9, 0.7, 0.5), Adaptive(0.7, 0.75, 1.2, 0.4)))
        return Trained.of(network(layers), hls)

    return trained


def test_a_made_up_neuron_goes_through_every_executor(
    adaptive: Callable[[dict[str, Any]], Trained], workshop: Workshop, tmp_path: Path
) -> None:
    wide = adaptive(WIDE)
    floating = run_float(wide.module, wide.network, wide.stimulus, "states")
    found = agrees(workshop, wide, "parallel", tmp_path / "wide")
    for name, spikes in found.items():
        assert np.array_equal(spikes, floating[f"spikes/{name}"]) and 0.05 < spikes.mean() < 0.95
        assert floating[f"b/{name}"].max() > 0.3
    for io in ("parallel", "stream"):
        hls = {**NARROW, "types": {"Adaptive": {"precision": {"adaptation": "auto<10>"}, "reuse_factor": SIZE}}}
        agrees(workshop, adaptive(hls), io, tmp_path / io)


def test_a_made_up_neuron_has_keys_types_and_a_place_in_the_report(
    adaptive: Callable[[dict[str, Any]], Trained]
) -> None:
    trained = adaptive({**NARROW, "layers": {"1": {"precision": {"rho": "ap_ufixed<7,0>"}}}})
    quantized, design = designed(trained, "stream")  # type: ignore[arg-type]
    report = design.reports[2]
    assert (report.type, report.precision["rho"], report.precision["adaptation"]) == (
        "Adaptive", "ap_ufixed<7,0>", "ap_fixed<12,5,AP_RND,AP_SAT>"
    )
    assert Resolution.of(trained.hls, trained.network).named(trained.network.neurons[0], "rho")
    assert Network.from_json(quantized.typed.network.to_json()) == quantized.typed.network
    # β, ρ, and κ before and after: none of them a power of two
    assert report.multipliers == 4 * SIZE


@pytest.mark.parametrize(("made", "message"), [
    (lambda: snn.LeakyParallel(SIZE, SIZE), f"snntorch.LeakyParallel {REFUSED['LeakyParallel']}"),
    (lambda: snn.SLSTM(SIZE, SIZE, init_hidden=True), f"snntorch.SLSTM {REFUSED['SLSTM']}"),
    (lambda: snn.SConv2dLSTM(1, 1, 3, init_hidden=True), f"snntorch.SConv2dLSTM {REFUSED['SConv2dLSTM']}"),
    (
        lambda: snn.RSynaptic(0.9, 0.8, V=0.5, all_to_all=False, init_hidden=True, reset_delay=False),
        "reset_delay is False, with which forward of RSynaptic fails; set it to True",
    ),
    (
        lambda: snn.Synaptic(0.9, 0.8, init_hidden=True, state_quant=lambda x: x),
        "state_quant is set; remove it and give the membrane a type under hls instead",
    ),
])
def test_what_is_not_built_is_refused_by_name_with_the_reason(made: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        extract(nn.Sequential(nn.Linear(SIZE, SIZE), made()), (SIZE,), {})
    assert str(error.value) == f"layer '1': {message}"
