"""Random networks against a simulator of their own: no snnTorch, no code of the stages, one neuron equation at a time.

The plain loop below is written from what snnTorch 1.0.0 does, in float64. The float executor, which runs snnTorch
itself, has to give its spikes, membranes and decisions; so has the reference in types so wide that nothing is lost.
Half of the networks hold eighths and quarters: nothing rounds, and membranes often equal the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from extraction import extract, run_float
from numpy.typing import NDArray
from torch import nn

from hlspike.generators.quantize import quantize
from hlspike.generators.reference import outcomes, run_reference
from hlspike.generators.stimulus import Stimulus

NETWORKS = 60
WIDE = {"model": {"precision": {"default": "ap_fixed<48,16>"}}}
RESETS = ("subtract", "zero", "none")
SPIKE_RULES = ("argmax_spike_count", "first_to_threshold", "threshold_then_argmax", "binary_logit", "none")
MEMBRANE_RULES = ("argmax_membrane", "binary_logit", "none")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Synapses:
    weight: Values
    bias: Values | None


@dataclass(frozen=True)
class Neurons:
    size: int
    beta: Values
    theta: Values
    reset: str
    delay: bool
    inhibition: bool


@dataclass(frozen=True)
class Net:
    """A network as plain numbers, what decides, and what it runs on; `exact` if nothing in it can round."""

    layers: tuple[Synapses | Neurons, ...]
    readout: dict[str, Any]
    frames: Values
    lengths: NDArray[np.int64]
    exact: bool

    @property
    def spiking(self) -> bool:
        return isinstance(self.layers[-1], Neurons)


def drawn(seed: int) -> Net:
    """Random structure, parameters, readout and stimulus. Parameters are float32 values, as in a module."""
    chance = np.random.default_rng(1000 + seed)
    exact = seed % 2 == 0

    def values(low: float, high: float, shape: tuple[int, ...], steps: int) -> Values:
        found = chance.uniform(low, high, shape)
        return (np.round(found * steps) / steps if exact else found).astype(np.float32).astype(np.float64)

    def one_or_each(size: int, low: float, high: float, steps: int) -> Values:
        return values(low, high, (size,) if chance.random() < 0.5 else (), steps)

    rule = str(chance.choice(SPIKE_RULES if chance.random() < 0.6 else MEMBRANE_RULES))
    membrane = rule == "argmax_membrane" or (rule != "argmax_spike_count" and chance.random() < 0.4)
    membrane = membrane and rule in MEMBRANE_RULES
    size = inputs = int(chance.integers(1, 8))
    layers: list[Synapses | Neurons] = []
    depth = int(chance.integers(1, 4))
    for number in range(depth):
        last = number == depth - 1
        width = 2 if last and rule == "binary_logit" else int(chance.integers(1, 9))
        bias = values(-0.5, 1, (width,), 8) if chance.random() < 0.6 else None
        layers.append(Synapses(values(-1, 1.5, (width, size), 8), bias))
        size = width
        for _ in range(0 if last and membrane else int(chance.integers(1, 3))):
            # beyond 0..1 it is clamped; β 1 makes integrators
            beta = np.float64(1.0) if chance.random() < 0.2 else one_or_each(size, -0.3, 1.3, 4)
            theta = one_or_each(size, -0.3 if chance.random() < 0.2 else 0.25, 1.75, 8)
            reset, delay = str(chance.choice(RESETS)), bool(chance.random() < 0.5)
            layers.append(Neurons(size, np.asarray(beta), theta, reset, delay, bool(chance.random() < 0.25)))
    window = int(chance.integers(1, 7))
    readout: dict[str, Any] = {"decision_rule": rule}
    never = chance.random() < 0.25
    lengths = window * chance.integers(1, 1 + 12 // window, 4)
    if never:
        readout["reset_policy"], lengths = "never", chance.integers(1, 4, 4)
    else:
        readout["window_size"] = window
    if rule != "none":
        readout |= {"output_mode": "membrane" if membrane else "spike", "emit": "step"}
    if rule in ("first_to_threshold", "threshold_then_argmax"):
        readout["class_threshold"] = int(chance.integers(1, 4))
    if membrane and rule != "none":
        readout["beta"] = float(chance.choice([0.5, 0.75, 1.0]))
    frames = values(-0.5, 1.5, (4, int(lengths.max()), inputs), 8)
    return Net(tuple(layers), readout, frames, np.asarray(lengths, np.int64), exact)


def module_of(net: Net) -> nn.Module:
    made: list[nn.Module] = []
    for layer in net.layers:
        if isinstance(layer, Synapses):
            linear = nn.Linear(layer.weight.shape[1], layer.weight.shape[0], layer.bias is not None)
            linear.weight.data = torch.tensor(layer.weight, dtype=torch.float32)
            if layer.bias is not None:
                linear.bias.data = torch.tensor(layer.bias, dtype=torch.float32)
            made.append(linear)
        else:
            beta, theta = (torch.tensor(value, dtype=torch.float32) for value in (layer.beta, layer.theta))
            made.append(snn.Leaky(
                beta=beta, threshold=theta, reset_mechanism=layer.reset, reset_delay=layer.delay,
                inhibition=layer.inhibition, init_hidden=True,
            ))
    return nn.Sequential(*made)


# -- the plain loop


def update(layer: Neurons, before: Values, current: Values) -> tuple[Values, Values]:
    """A timestep of a layer: its spikes, and the membranes it leaves."""
    beta, theta = np.clip(layer.beta, 0.0, 1.0), layer.theta
    reset = np.where(before > theta, 1.0, 0.0)
    if layer.reset == "subtract":
        mem = beta * before + current - reset * theta
    elif layer.reset == "zero":
        mem = beta * (1.0 - reset) * before + current
    else:
        mem = beta * before + current
    spikes = np.where(mem > theta, 1.0, 0.0)
    if layer.inhibition:
        alone = np.zeros_like(spikes)
        alone[np.argmax(mem - theta)] = 1.0
        spikes = spikes * alone
    if not layer.delay:
        change = spikes - reset
        if layer.reset == "subtract":
            mem = mem - change * theta
        elif layer.reset == "zero":
            mem = mem - change * mem
    return spikes, mem


class Judge:
    """The decision of one sequence, timestep by timestep."""

    def __init__(self, readout: dict[str, Any], classes: int) -> None:
        self.rule, self.threshold = readout["decision_rule"], readout.get("class_threshold")
        self.beta, self.state, self.first = readout.get("beta", 1.0), [0.0] * classes, -1

    def see(self, values: Values) -> float:
        self.state = [self.beta * state + value for state, value in zip(self.state, values.tolist(), strict=True)]
        if self.rule == "binary_logit":
            return self.state[1] - self.state[0]
        largest = self.state.index(max(self.state))
        if self.threshold is None:
            return largest
        reached = [k for k, count in enumerate(self.state) if count >= self.threshold]
        if self.first < 0 and reached:
            self.first = reached[0]
        if self.rule == "threshold_then_argmax":
            return reached[0] if reached else largest
        return self.first if self.first >= 0 else largest


def played(net: Net) -> dict[str, Values]:
    """Arrays under the names of trace.npz, layers by their numbers in the module."""
    shape, window, never = net.frames.shape[:2], net.readout.get("window_size"), "reset_policy" in net.readout
    found: dict[str, Values] = {"decision_steps": np.zeros(shape)}
    states: dict[int, Values] = {}
    judge: Judge | None = None
    for sequence, length in enumerate(net.lengths.tolist()):
        for t in range(length):
            x = net.frames[sequence, t]
            if not never and t % window == 0:
                states, judge = {}, None
            for number, layer in enumerate(net.layers):
                if isinstance(layer, Synapses):
                    x = layer.weight @ x + (0.0 if layer.bias is None else layer.bias)
                    continue
                x, states[number] = update(layer, states.get(number, np.zeros(layer.size)), x)
                for key, row in ((f"spikes/{number}", x), (f"mem/{number}", states[number])):
                    found.setdefault(key, np.zeros((*shape, layer.size)))[sequence, t] = row
            if net.readout["decision_rule"] == "none":
                found.setdefault("output", np.zeros((*shape, x.size)))[sequence, t] = x
            else:
                judge = judge or Judge(net.readout, x.size)
                found["decision_steps"][sequence, t] = judge.see(x)
    if "output" in found:
        del found["decision_steps"]
    else:
        found["decision"] = found["decision_steps"][np.arange(len(net.lengths)), net.lengths - 1]
    return found


# -- the stages


@cache
def executed(seed: int) -> tuple[Net, dict[str, Values], dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """A network, and the traces of the plain loop, the float executor and the wide reference."""
    net = drawn(seed)
    module, data = module_of(net), {"frames": net.frames, "lengths": net.lengths}
    stimulus = Stimulus.validated(data, net.frames.shape[2:])
    network, parameters = extract(module, net.frames.shape[2:], net.readout)
    network = network.bounded(net.frames.shape[1])
    floats = run_float(module, network, stimulus, "states")
    quantized = quantize(network, parameters, WIDE, stimulus)
    run = run_reference(quantized.typed, quantized.integers, stimulus, "states")
    assert run.overflows == ()
    decided = outcomes(quantized.typed, run.emitted, stimulus.lengths, net.frames.shape[1])
    reference = {**decided, **run.trace}
    for key, values in reference.items():
        if values.dtype == np.int64 and key.startswith("mem/"):
            reference[key] = np.ldexp(values.astype(np.float64), -32)
    if net.readout["decision_rule"] == "none" and not net.spiking:
        reference["output"] = np.ldexp(reference["output"].astype(np.float64), -32)
    return net, played(net), floats, reference


def assert_same(net: Net, found: dict[str, NDArray[Any]], expected: dict[str, Values], tolerance: float) -> None:
    """Spikes and classes equal; what has digits equal where nothing rounds, else within `tolerance`."""
    assert sorted(key for key in found if not key.startswith("readout/")) == sorted(expected)
    for key, values in expected.items():
        assert found[key].shape == values.shape, key
        digits = key.startswith("mem/") or (key == "output" and not net.spiking)
        digits |= key.startswith("decision") and net.readout["decision_rule"] == "binary_logit"
        off = np.abs(found[key].astype(np.float64) - values).max()
        assert off <= (tolerance if digits and not net.exact else 0.0), key


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_the_float_executor_is_the_plain_loop(seed: int) -> None:
    net, plain, floats, _ = executed(seed)
    assert_same(net, floats, plain, 1e-12)


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_the_wide_reference_is_the_plain_loop(seed: int) -> None:
    net, plain, _, reference = executed(seed)
    assert_same(net, reference, plain, 1e-6)


def test_the_networks_differ_in_all_that_matters() -> None:
    nets = [executed(seed) for seed in range(NETWORKS)]
    neurons = [layer for net, *_ in nets for layer in net.layers if isinstance(layer, Neurons)]
    assert {(layer.reset, layer.delay, layer.inhibition) for layer in neurons} == {
        (reset, delay, inhibition) for reset in RESETS for delay in (True, False) for inhibition in (True, False)
    }
    assert {(layer.beta.ndim, layer.theta.ndim) for layer in neurons} == {(a, b) for a in (0, 1) for b in (0, 1)}
    assert any((layer.beta > 1).any() for layer in neurons) and any((layer.beta < 0).any() for layer in neurons)
    assert any((layer.theta < 0).any() for layer in neurons) and any((layer.beta == 1).all() for layer in neurons)
    rules = {(net.readout["decision_rule"], net.spiking) for net, *_ in nets}
    assert rules == {(rule, True) for rule in SPIKE_RULES} | {(rule, False) for rule in MEMBRANE_RULES}
    assert {"reset_policy" in net.readout for net, *_ in nets} == {True, False}
    assert {len(set(net.lengths.tolist())) > 1 for net, *_ in nets} == {True, False}
    # both what fires and what is silent, and membranes that equal the threshold, which must not fire
    spikes = np.concatenate([plain[key].ravel() for _, plain, *_ in nets for key in plain if key.startswith("spikes/")])
    assert 0.1 < spikes.mean() < 0.9
    ties = 0
    for net, plain, *_ in nets:
        for number, layer in enumerate(net.layers):
            if isinstance(layer, Neurons) and layer.delay:
                equal = plain[f"mem/{number}"] == layer.theta
                assert not plain[f"spikes/{number}"][equal].any()
                ties += int(equal.sum())
    assert ties > 20
