"""The table of tiny networks on which every executor must agree, bit for bit.

Each case is a Network with random parameters and a random stimulus, chosen so that between them every neuron option,
decision rule, cast mode and width class occurs, and that spikes, silence, overflow and saturation all happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.ir import Input, Layer, Linear, Merge, Network, Neuron, Readout
from hlspike.generators.neurons.equations import THRESHOLD
from hlspike.generators.neurons.leaky import LEAKY, equations
from hlspike.generators.neurons.registry import NEURONS
from hlspike.generators.stimulus import Stimulus

SEQUENCES = 3


@dataclass(frozen=True)
class Case:
    """A network with what it runs on.

    Attributes:
        layers: without the input, which `inputs`, `policy` and `window` describe.
        hls: the configuration key of that name.
        scale: of the random currents: large values overflow.
        vectors: layers whose β and θ are one value per neuron.
    """

    name: str
    layers: tuple[Layer, ...]
    hls: dict[str, Any]
    inputs: int = 6
    policy: Any = "fixed_window"
    window: int | None = 6
    lengths: tuple[int, ...] = (12, 6, 12)
    spikes_in: bool = False
    scale: float = 1.0
    vectors: tuple[str, ...] = ()
    theta: float = 0.7
    seed: int = 0
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        network = Network((Input((self.inputs,), self.policy, self.window), *self.layers))
        object.__setattr__(self, "network", network.bounded(max(self.lengths)))

    @property
    def parameters(self) -> dict[str, NDArray[np.float64]]:
        rng = np.random.default_rng(self.seed)
        found: dict[str, NDArray[np.float64]] = {}
        for layer in self.layers:
            match layer:
                case Linear():
                    shape = layer.out_features, layer.in_features
                    found[f"{layer.name}/weight"] = self.scale * rng.normal(size=shape)
                    if layer.bias:
                        found[f"{layer.name}/bias"] = 0.3 * self.scale * rng.normal(size=layer.out_features)
                case Neuron():
                    each = (layer.size,) if layer.name in self.vectors else ()
                    for key in layer.equations.parameters:
                        low, high = (0.7, 1.3) if key == THRESHOLD else (0.3, 0.98)
                        scale = self.theta if key == THRESHOLD else 1.0
                        found[f"{layer.name}/{key}"] = np.asarray(scale * rng.uniform(low, high, each))
                case _:
                    pass
        return found

    @property
    def spiking(self) -> set[str]:
        """Layers whose output is spikes, the input among them if it is."""
        found = {layer.name for layer in self.layers if isinstance(layer, Neuron)}
        found |= {layer.name for layer in self.layers if isinstance(layer, Merge) and layer.passes_spikes}
        return found | ({"input"} if self.spikes_in else set())

    @property
    def stimulus(self) -> Stimulus:
        rng = np.random.default_rng(self.seed + 1)
        shape = (len(self.lengths), max(self.lengths), self.inputs)
        frames = rng.random(shape) < 0.4 if self.spikes_in else np.round(rng.normal(size=shape) * 16) / 16
        return Stimulus(frames.astype(np.float32), np.array(self.lengths, np.int64), None)


def linear(name: str, source: str, n_in: int, n_out: int, bias: bool = True) -> Linear:
    return Linear(name, (source,), n_in, n_out, bias)


def leaky(name: str, source: str, size: int, **options: Any) -> Neuron:
    mechanism, delay = options.pop("reset_mechanism", "subtract"), options.pop("reset_delay", True)
    integrates = options.pop("integrates", False)
    own = equations(mechanism, delay, "" if integrates else "beta")
    return Neuron(name, (source,), size, LEAKY.names(own), own, **options)


def neurons(
    name: str, source: str, size: int, kind: str, reset: Any, inhibition: bool = False, **options: Any
) -> Neuron:
    """A layer of neurons of class `kind`, of the equations that its module in generators.neurons makes of `options`."""
    module = import_module(f"hlspike.generators.neurons.{kind.lower()}")
    own = module.equations(reset, **options)
    return Neuron(name, (source,), size, NEURONS[kind].names(own), own, inhibition)


@dataclass(frozen=True)
class Described:
    """A Leaky as snnTorch is told of it; without a reset there is no delay to tell."""

    reset_mechanism: str
    reset_delay: bool
    integrates: bool


def described(layer: Neuron) -> Described:
    """The options of `leaky` by which `layer` was made."""
    (state,) = layer.equations.states
    zero = state.terms[0].when == "kept"
    mechanism = "zero" if zero else "subtract" if len(state.terms) > 2 else "none"
    return Described(mechanism, not layer.equations.after, "beta" not in layer.equations.parameters)


def add(name: str, first: str, second: str, size: int) -> Merge:
    return Merge(name, (first, second), "add", (size, size), False)


def cat(name: str, spikes: bool = False, **sizes: int) -> Merge:
    return Merge(name, tuple(sizes), "concatenate", tuple(sizes.values()), spikes)


def readout(source: str, n: int, mode: Any = "spike", rule: Any = "argmax_spike_count", **options: Any) -> Readout:
    chosen: dict[str, Any] = {"class_threshold": 1, "beta": 1.0, "emit": "window", **options}
    return Readout((source,), n, mode, rule, **chosen)


NARROW = {"model": {"precision": {
    "default": "ap_fixed<12,4>", "weight": "ap_fixed<6,2>", "accum": "auto", "membrane": "ap_fixed<10,3,RND,SAT>",
}}}
WRAPPING = {"model": {"precision": {"default": "ap_fixed<9,2>", "weight": "ap_fixed<5,2>"}}}
SATURATING = {"model": {"precision": {
    "default": "ap_fixed<8,2,AP_RND_CONV,AP_SAT_SYM>", "accum": "ap_fixed<9,3,AP_RND_INF,AP_SAT>",
}}}
UNSIGNED = {"model": {"precision": {
    "default": "ap_ufixed<9,3>", "membrane": "ap_ufixed<8,3,AP_TRN_ZERO,AP_SAT>", "accum": "ap_fixed<14,5,AP_RND_ZERO>",
    "result": "ap_fixed<11,4,AP_RND_MIN_INF,AP_SAT_ZERO>", "weight": "ap_ufixed<7,2>",
}}}
WIDE = {"model": {"precision": {"default": "ap_fixed<48,16>"}}}
AUTO = {"model": {"precision": {
    "default": "ap_fixed<16,6>", "weight": "ap_fixed<7,2>", "accum": "auto", "result": "auto", "membrane": "auto",
}}}
ALL_AUTO = {"model": {"precision": "auto"}}
AUTO_WIDTHS = {"model": {"precision": {
    "default": "auto<8>", "accum": "auto<11,TRN,WRAP>", "result": "auto_9", "membrane": "auto<10>", "threshold": "auto",
}}}
SPIKES = {**NARROW, "layers": {"input": {"precision": {"result": "ap_uint<1>"}}}}


def _two(**options: Any) -> tuple[Layer, ...]:
    return (
        linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8, **options),
        linear("fc2", "lif1", 8, 4, bias=False), leaky("lif2", "fc2", 4, **options),
    )


def _deep(mechanism: str) -> tuple[Layer, ...]:
    return (
        linear("fc1", "input", 6, 8), leaky("a", "fc1", 8, reset_mechanism=mechanism),
        linear("fc2", "a", 8, 6), leaky("b", "fc2", 6, reset_mechanism=mechanism, reset_delay=False),
        linear("fc3", "b", 6, 4), leaky("c", "fc3", 4, reset_mechanism=mechanism, inhibition=True),
        leaky("d", "c", 4, reset_mechanism=mechanism, integrates=True, reset_delay=False),
    )


def _reuse(hls: dict[str, Any], **factors: int) -> dict[str, Any]:
    layers = {name: {**hls.get("layers", {}).get(name, {}), "reuse_factor": rf} for name, rf in factors.items()}
    return {**hls, "layers": {**hls.get("layers", {}), **layers}}


CASES: tuple[Case, ...] = (
    Case("subtract", (*_deep("subtract"), readout("d", 4)), NARROW, vectors=("a", "b", "d"), scale=1.5),
    Case("zero", (*_deep("zero"), readout("d", 4, emit="step")), NARROW, vectors=("b", "c"), scale=1.5, seed=1),
    Case("none", (*_deep("none"), readout("d", 4, rule="first_to_threshold", class_threshold=2, emit="step")), NARROW,
         scale=1.5, seed=2),
    Case("wrapping", (*_two(), readout("lif2", 4, rule="threshold_then_argmax", class_threshold=3, emit="step")),
         _reuse(WRAPPING, fc1=6, fc2=32, lif1=2, lif2=4), scale=2.0, theta=0.5, vectors=("lif1",), seed=3),
    Case("saturating", (*_two(reset_delay=False), readout("lif2", 4, emit="step")),
         _reuse(SATURATING, fc1=16, fc2=4, lif1=8), scale=1.6, vectors=("lif2",), seed=4),
    Case("unsigned", (*_two(reset_mechanism="zero", reset_delay=False),), _reuse(UNSIGNED, fc1=3, fc2=2), seed=5),
    Case("wide", (*_two(), linear("fc3", "lif2", 4, 2), readout("fc3", 2, "membrane", "binary_logit", beta=0.9,
         emit="step")), WIDE, vectors=("lif1", "lif2"), seed=6),
    Case("automatic", (*_two(inhibition=True, reset_delay=False), linear("fc3", "lif2", 4, 3),
         readout("fc3", 3, "membrane", "argmax_membrane", beta=0.5)), AUTO, seed=7),
    Case("spikes", (*_two(), readout("lif2", 4)), _reuse(SPIKES, fc1=12), spikes_in=True, window=None,
         lengths=(8, 8, 8), seed=8),
    Case("never", (*_two(), readout("lif2", 4, rule="first_to_threshold", class_threshold=3, emit="step")), NARROW,
         policy="never", window=None, lengths=(5, 3, 7), scale=1.5, seed=9),
    Case("never_silent", (*_two(reset_delay=False),), NARROW, policy="never", window=None, lengths=(4, 2, 5), seed=10),
    # sequences as they come, back to back: one timestep first of all, none, the longest, and again one
    Case("tlast", (*_two(), readout("lif2", 4)), NARROW, policy="tlast", window=None, lengths=(1, 4, 0, 9, 1, 3),
         scale=1.5, seed=20),
    Case("tlast_first", (*_deep("zero"), readout("d", 4, rule="first_to_threshold", class_threshold=2)),
         _reuse(NARROW, fc1=12, a=2, fc2=4), policy="tlast", window=None, lengths=(0, 2, 7, 1, 5), scale=1.5, seed=21),
    Case("host_pulse", (*_two(reset_delay=False), linear("fc3", "lif2", 4, 2),
         readout("fc3", 2, "membrane", "binary_logit", beta=0.8, emit="step")), NARROW, policy="host_pulse",
         window=None, lengths=(6, 1, 1, 4), scale=1.5, vectors=("lif1",), seed=22),
    Case("host_pulse_silent", _two(integrates=True), _reuse(NARROW, fc1=6), policy="host_pulse", window=None,
         lengths=(3, 0, 1, 5), scale=1.5, seed=23),
    Case("currents", (linear("fc1", "input", 6, 5), leaky("lif1", "fc1", 5), linear("fc2", "lif1", 5, 3)), NARROW,
         window=4, lengths=(4, 8, 4), seed=11),
    Case("logit", (*_two(), linear("fc3", "lif2", 4, 2), leaky("lif3", "fc3", 2),
         readout("lif3", 2, rule="binary_logit")), {**NARROW, "types": {"Readout": {"precision": {"result": "auto"}}}},
         scale=1.5, window=1, lengths=(5, 3, 5), seed=12),
    Case("automatic_widths", (*_two(), linear("fc3", "lif2", 4, 2),
         readout("fc3", 2, "membrane", "binary_logit", beta=0.7, emit="step")), AUTO_WIDTHS, vectors=("lif1",),
         seed=14),
    # weights of millions and of thousandths, thresholds below zero, nothing but zeros: every type from the values
    Case("automatic_large", (*_two(reset_delay=False), readout("lif2", 4)), ALL_AUTO, scale=2e6, theta=9e5,
         vectors=("lif1", "lif2"), seed=15),
    Case("automatic_small", (*_two(reset_mechanism="zero"), readout("lif2", 4)), _reuse(AUTO_WIDTHS, fc1=6),
         scale=0.001, theta=-0.0004, seed=16),
    Case("automatic_zero", (*_two(integrates=True), readout("lif2", 4)), ALL_AUTO, scale=0.0, spikes_in=True, seed=17),
    # names of functions of the C library
    Case("neurons_first", (leaky("index", "input", 6), linear("y1", "index", 6, 3),
         readout("y1", 3, "membrane", "argmax_membrane", emit="step")),
         {**NARROW, "types": {"Readout": {"precision": {"membrane": "ap_ufixed<9,4,AP_TRN,AP_SAT>"}}}}, scale=1.5,
         seed=13),
    # sizes that have no divisors, factors that are odd, and a winner sought group by group
    Case("primes", (linear("fc1", "input", 7, 11), leaky("lif1", "fc1", 11, inhibition=True, reset_delay=False),
         linear("fc2", "lif1", 11, 5), leaky("lif2", "fc2", 5, inhibition=True), readout("lif2", 5, emit="step")),
         _reuse(NARROW, fc1=7, lif1=11, fc2=55, lif2=1), inputs=7, scale=1.5, vectors=("lif1",), seed=15),
    # several states of each neuron, some of them on the way to others; factors of inputs, of spikes too
    Case("states", (
        neurons("l0", "input", 6, "Lapicque", "zero"),
        linear("fc1", "l0", 6, 8), neurons("s1", "fc1", 8, "Synaptic", "subtract"),
        linear("fc2", "s1", 8, 6), neurons("s2", "fc2", 6, "Synaptic", "zero", delay=False),
        linear("fc3", "s2", 6, 8), neurons("a1", "fc3", 8, "Alpha", "subtract"),
        linear("fc4", "a1", 8, 6), neurons("a2", "fc4", 6, "Alpha", "zero", inhibition=True),
        linear("fc5", "a2", 6, 4), neurons("s3", "fc5", 4, "Synaptic", "subtract", delay=False, inhibition=True),
        neurons("l1", "s3", 4, "Lapicque", "subtract"), readout("l1", 4, emit="step")),
        _reuse(NARROW, fc1=6, s1=4, s2=3, a1=2, a2=6, s3=2), vectors=("s1", "s2", "a1", "l1"), scale=1.5, theta=0.4,
        seed=20),
    Case("automatic_states", (
        linear("fc1", "input", 6, 8), neurons("s1", "fc1", 8, "Synaptic", "zero"),
        linear("fc2", "s1", 8, 6), neurons("a1", "fc2", 6, "Alpha", "subtract", inhibition=True),
        linear("fc3", "a1", 6, 4), neurons("l1", "fc3", 4, "Lapicque", "none"),
        linear("fc4", "l1", 4, 3), neurons("a2", "fc4", 3, "Alpha", "none"), readout("a2", 3)),
        AUTO_WIDTHS, vectors=("a1",), scale=1.5, theta=0.3, seed=21),
    # one of everything
    Case("single", (linear("fc1", "input", 1, 1), leaky("lif1", "fc1", 1), readout("lif1", 1)), NARROW, inputs=1,
         scale=2.0, seed=16),
    # neighbours that do different amounts at once: beats are collected and taken in parts, of 12 and of 8 values
    Case("gears", (linear("fc1", "input", 12, 8), leaky("lif1", "fc1", 8), linear("fc2", "lif1", 8, 6),
         leaky("lif2", "fc2", 6, inhibition=True), linear("fc3", "lif2", 6, 12), leaky("lif3", "fc3", 12),
         readout("lif3", 12, emit="step")),
         _reuse(NARROW, fc1=24, lif1=2, fc2=3, lif2=3, fc3=12, lif3=3), inputs=12, scale=1.5, seed=17),
    # several words at both edges, the last of them not full; names of the generated text
    Case("edges", (linear("output", "input", 90, 3), leaky("last_out", "output", 3),
         linear("words", "last_out", 3, 70)),
         _reuse(NARROW, output=9, words=14), inputs=90, seed=18),
    # more spikes than a word holds, more currents than a beat in a FIFO, more classes than are looked at at once
    Case("wide_beats", (linear("fc1", "input", 600, 2), leaky("lif1", "fc1", 2),
         linear("fc2", "lif1", 2, 390, bias=False), leaky("lif2", "fc2", 390),
         readout("lif2", 390, rule="first_to_threshold", class_threshold=2, emit="step")),
         SPIKES, inputs=600, spikes_in=True, scale=0.7, theta=0.2, seed=19),
    # skip connections: currents and the input, the spikes of two layers, an output with itself; ways of unequal length
    Case("residual", (linear("fc1", "input", 6, 6), add("sum1", "fc1", "input", 6), leaky("lif1", "sum1", 6),
         linear("fc2", "lif1", 6, 6, bias=False), leaky("lif2", "fc2", 6), add("sum2", "lif2", "lif1", 6),
         add("twice", "sum2", "sum2", 6), linear("fc3", "twice", 6, 4), leaky("lif3", "fc3", 4), readout("lif3", 4)),
         _reuse({**NARROW, "types": {"Merge": {"precision": {"result": "ap_fixed<8,4,AP_RND,AP_SAT>"}}},
                 "layers": {"twice": {"precision": {"result": "ap_fixed<7,3,AP_RND_CONV,AP_SAT_SYM>"}}}},
                fc1=6, fc2=18, lif1=2, fc3=2), scale=1.2, seed=20),
    # one behind the other: spikes alone; spikes, currents and the input, by what divides all of them
    Case("joined", (linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8, inhibition=True),
         linear("fc2", "lif1", 8, 4), leaky("lif2", "fc2", 4), cat("spiking", True, lif1=8, lif2=4),
         linear("fc3", "spiking", 12, 6), cat("all", fc3=6, input=6, lif2=4), linear("fc4", "all", 16, 5),
         leaky("lif4", "fc4", 5), readout("lif4", 5, emit="step")),
         {**_reuse(NARROW, fc1=12, fc2=8, fc3=12, fc4=20), "types": {"Concatenate": {"precision": {"result": "auto"}}}},
         scale=1.3, seed=21),
    # everything at once, of sizes without a common divisor; a merge that leaves the design
    Case("abreast", (linear("fc1", "input", 5, 3), leaky("lif1", "fc1", 3), cat("wide", lif1=3, input=5),
         leaky("lif2", "wide", 8), linear("fc2", "wide", 8, 8), add("end", "lif2", "fc2", 8)), NARROW, inputs=5,
         scale=1.4, seed=22),
)
