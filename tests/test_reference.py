"""The exact reference against arithmetic done by hand, and against an oracle that knows nothing of arrays."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from cases import CASES, WIDE, Case, described, leaky, linear, readout
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.fixed import OVERFLOWS, QUANTIZATIONS, SPIKE, FixedType
from hlspike.generators.ir import Input, Layer, Merge, Network
from hlspike.generators.neurons.equations import Term
from hlspike.generators.quantize import quantize
from hlspike.generators.reference import ReferenceRun, outcomes, run_reference
from hlspike.generators.reference import run as reference
from hlspike.generators.reference.tally import Overflow
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import (
    TypedInput,
    TypedLayer,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
    holding,
)

Drawn = tuple[TypedNetwork, dict[str, NDArray[np.int64]], Stimulus]
HALF = Fraction(1, 2)
Vector = list[Fraction]


def _nearest_steps(exact: Fraction, mode: str) -> int:
    """Whole steps for `exact` steps."""
    sign = -1 if exact < 0 else 1
    steps = {
        "TRN": math.floor(exact),
        "TRN_ZERO": math.trunc(exact),
        "RND": math.floor(exact + HALF),
        "RND_MIN_INF": math.ceil(exact - HALF),
        "RND_INF": sign * math.floor(abs(exact) + HALF),
        "RND_ZERO": sign * math.ceil(abs(exact) - HALF),
        "RND_CONV": round(exact),
    }
    return steps[mode]


def _confined(steps: int, kind: FixedType) -> tuple[int, bool]:
    """`steps` within the type, and whether they lay beyond it."""
    high = 2 ** (kind.width - 1) - 1 if kind.signed else 2**kind.width - 1
    low = -high - 1 if kind.signed else 0
    if kind.signed and kind.overflow == "SAT_SYM" and kind.width > 1:
        low = -high
    if low <= steps <= high:
        return steps, False
    match kind.overflow:
        case "WRAP":
            return (steps - low) % 2**kind.width + low, True
        case "SAT_ZERO":
            return 0, True
        case _:
            return (low if steps < low else high), True


@dataclass
class Oracle:
    """A typed network executed value by value, in fractions.

    `beyond` has, for each layer and key, the (sequence, timestep, place) of every value that left its type.
    """

    typed: TypedNetwork
    integers: dict[str, NDArray[np.int64]]
    stimulus: Stimulus

    def __post_init__(self) -> None:
        self.trace: dict[str, NDArray[Any]] = {}
        self.emitted: list[list[int]] = []
        self.beyond: dict[tuple[str, str], set[tuple[int, int, int]]] = defaultdict(set)
        ingress, never = self.typed.network.input, self.typed.network.input.reset_policy == "never"
        self.state: dict[str, Vector] = {}
        self.latched: int | None = None
        for n, length in enumerate(self.stimulus.lengths.tolist()):
            if not never:
                self.state, self.latched = {}, None
            for t in range(length):
                told = ingress.reset_policy in ("tlast", "host_pulse")
                last = t + 1 == length if told else not never and (t + 1) % (ingress.window_size or 0) == 0
                self.at = (n, t)
                self._timestep(last)
                if last:
                    self.state, self.latched = {}, None

    def _timestep(self, last: bool) -> None:
        values: dict[str, Vector] = {}
        for layer in self.typed.layers:
            arriving = [] if isinstance(layer, TypedInput) else values[layer.layer.inputs[0]]
            match layer:
                case TypedInput():
                    out = self._input(layer)
                case TypedLinear():
                    out = self._linear(layer, arriving)
                case TypedMerge():
                    out = self._merge(layer, [values[name] for name in layer.layer.inputs])
                case TypedNeuron():
                    out = (self._leaky if "Leaky" in layer.layer.types else self._neurons)(layer, arriving)
                case TypedReadout():
                    out = self._readout(layer, arriving)
            values[layer.layer.name] = out
        final = self.typed.layers[-1]
        if isinstance(final, TypedReadout) and final.layer.emit == "window" and not last:
            return
        self.emitted.append(_steps(out, final.result))

    def _merge(self, layer: TypedMerge, arriving: list[Vector]) -> Vector:
        if layer.layer.joining == "add":
            made = [sum(values, Fraction(0)) for values in zip(*arriving, strict=True)]
        else:
            made = [value for values in arriving for value in values]
        return self._cast(layer.layer.name, "result", layer.result, made)

    def _cast(self, layer: str, key: str, kind: FixedType, values: Vector) -> Vector:
        cast = []
        for place, value in enumerate(values):
            steps, beyond = _confined(_nearest_steps(value * Fraction(2) ** kind.frac, kind.quantization), kind)
            cast.append(steps * Fraction(2) ** -kind.frac)
            if beyond:
                self.beyond[layer, key].add((*self.at, place))
        return cast

    def _record(self, key: str, steps: list[int]) -> None:
        shape = (*self.stimulus.frames.shape[:2], len(steps))
        self.trace.setdefault(key, np.zeros(shape, np.int64))[self.at] = steps

    def _parameter(self, layer: TypedLayer, key: str, kind: FixedType, size: int) -> Vector:
        values = self.integers[f"{layer.layer.name}/{key}"].reshape(-1).tolist()
        return [value * Fraction(2) ** -kind.frac for value in (values if len(values) == size else values * size)]

    def _input(self, layer: TypedInput) -> Vector:
        frame, (channels, *places) = self.stimulus.frames[self.at], layer.layer.shape
        floats = [float(frame[(c, *place)]) for place in product(*map(range, places)) for c in range(channels)]
        return self._cast("input", "result", layer.result, [Fraction(value) for value in floats])

    def _linear(self, layer: TypedLinear, arriving: Vector) -> Vector:
        n_in, n_out = layer.layer.in_features, layer.layer.out_features
        weight = self._parameter(layer, "weight", layer.weight, n_in * n_out)
        bias = self._parameter(layer, "bias", layer.bias, n_out) if layer.bias else [Fraction(0)] * n_out
        sums = []
        for row in range(n_out):
            total = bias[row]
            for column in range(n_in):
                total += weight[row * n_in + column] * arriving[column]
            sums.append(total)
        accum = self._cast(layer.layer.name, "accum", layer.accum, sums)
        return self._cast(layer.layer.name, "result", layer.result, accum)

    def _leaky(self, typed: TypedNeuron, arriving: Vector) -> Vector:
        layer, size = typed.layer, typed.layer.size
        own, types = described(layer), typed.parameters
        theta = self._parameter(typed, "threshold", types["threshold"], size)
        beta = [Fraction(1)] * size if own.integrates else self._parameter(typed, "beta", types["beta"], size)
        kept = self.state.get(layer.name, [Fraction(0)] * size)
        reset = [u > line for u, line in zip(kept, theta, strict=True)]
        update = []
        for i in range(size):
            decayed = beta[i] * kept[i]
            if reset[i] and own.reset_mechanism == "subtract":
                decayed -= theta[i]
            if reset[i] and own.reset_mechanism == "zero":
                decayed = Fraction(0)
            update.append(decayed + arriving[i])
        mem = self._cast(layer.name, "membrane", typed.states["membrane"], update)
        margins = [u - line for u, line in zip(mem, theta, strict=True)]
        spikes = [margin > 0 for margin in margins]
        if layer.inhibition:
            spikes = [spike and i == margins.index(max(margins)) for i, spike in enumerate(spikes)]
        if not own.reset_delay and own.reset_mechanism != "none":
            direction = [int(spike) - int(was) for spike, was in zip(spikes, reset, strict=True)]
            taken = theta if own.reset_mechanism == "subtract" else mem
            after = [u - d * amount for u, d, amount in zip(mem, direction, taken, strict=True)]
            mem = self._cast(layer.name, "membrane", typed.states["membrane"], after)
        self.state[layer.name] = mem
        self._record(f"spikes/{layer.name}", [int(spike) for spike in spikes])
        self._record(f"mem/{layer.name}", _steps(mem, typed.states["membrane"]))
        return [Fraction(spike) for spike in spikes]

    def _neurons(self, typed: TypedNeuron, arriving: Vector) -> Vector:
        """Any equations, a neuron of a layer after the other, term by term."""
        layer, size = typed.layer, typed.layer.size
        values = {key: self._parameter(typed, key, kind, size) for key, kind in typed.parameters.items()}
        zeros = [Fraction(0)] * size
        names = (*(state.name for state in layer.equations.states), "spk")
        before = {name: self.state.get(f"{layer.name}.{name}", zeros) for name in names}
        now: dict[str, Vector] = {"in": arriving, "spk": before["spk"]}

        def total(terms: tuple[Term, ...], i: int, states: dict[str, Vector], reset: bool) -> Fraction:
            found = Fraction(0)
            for term in terms:
                if term.when == "always" or (term.when == "reset") == reset:
                    value = (before if term.before else states)[term.of][i] if term.of else Fraction(1)
                    value *= values[term.factor][i] if term.factor else 1
                    found += -value if term.negative else value
            return found

        theta, fires = values["threshold"], layer.equations.fires
        resets = [total(fires, i, before, False) > theta[i] for i in range(size)]
        for state in layer.equations.states:
            formed = [total(state.terms, i, now, resets[i]) for i in range(size)]
            now[state.name] = self._cast(layer.name, state.key, typed.states[state.key], formed)
        margins = [total(fires, i, now, False) - theta[i] for i in range(size)]
        spikes = [margin > 0 for margin in margins]
        if layer.inhibition:
            spikes = [spike and i == margins.index(max(margins)) for i, spike in enumerate(spikes)]
        for after in layer.equations.after:
            by = values[after.by] if after.by else now[after.state]
            moved = [
                u - (int(spike) - int(was)) * amount
                for u, spike, was, amount in zip(now[after.state], spikes, resets, by, strict=True)
            ]
            key = layer.equations.state(after.state).key
            now[after.state] = self._cast(layer.name, key, typed.states[key], moved)
        now["spk"] = [Fraction(spike) for spike in spikes]
        self.state |= {f"{layer.name}.{name}": now[name] for name in before}
        self._record(f"spikes/{layer.name}", [int(spike) for spike in spikes])
        for state in layer.equations.held:
            self._record(f"{state.name}/{layer.name}", _steps(now[state.name], typed.states[state.key]))
        return now["spk"]

    def _readout(self, typed: TypedReadout, arriving: Vector) -> Vector:
        layer = typed.layer
        kept = self.state.get(layer.name, [Fraction(0)] * layer.n_classes)
        if layer.output_mode == "spike":
            state = [count + spike for count, spike in zip(kept, arriving, strict=True)]
            self._record("readout/count", [int(count) for count in state])
        else:
            beta = self._parameter(typed, "beta", typed.beta, 1)[0] if typed.beta else Fraction(1)
            state = [beta * u + x for u, x in zip(kept, arriving, strict=True)]
            state = self._cast(layer.name, "membrane", typed.state, state)
            self._record("readout/mem", _steps(state, typed.state))
        self.state[layer.name] = state
        if layer.decision_rule == "binary_logit":
            return self._cast(layer.name, "result", typed.result, [state[1] - state[0]])
        largest = state.index(max(state))
        reached = [k for k, count in enumerate(state) if count >= layer.class_threshold]
        if self.latched is None and reached:
            self.latched = reached[0]
        match layer.decision_rule:
            case "first_to_threshold":
                return [Fraction(largest if self.latched is None else self.latched)]
            case "threshold_then_argmax":
                return [Fraction(reached[0] if reached else largest)]
            case _:
                return [Fraction(largest)]


def _steps(values: Vector, kind: FixedType) -> list[int]:
    scaled = [value * Fraction(2) ** kind.frac for value in values]
    assert all(value.denominator == 1 for value in scaled)
    return [int(value) for value in scaled]


def _agrees(run: ReferenceRun, oracle: Oracle) -> None:
    assert run.trace.keys() == oracle.trace.keys()
    for key, expected in oracle.trace.items():
        np.testing.assert_array_equal(run.trace[key], expected, err_msg=key)
    assert run.emitted.tolist() == oracle.emitted


def _counts_agree(run: ReferenceRun, oracle: Oracle) -> None:
    found = {(item.layer, item.key): (item.count, item.first) for item in run.overflows}
    expected: dict[tuple[str, str], tuple[int, dict[int, int]]] = {}
    for place, values in oracle.beyond.items():
        first = {n: min(t for m, t, _ in values if m == n) for n in {n for n, _, _ in values}}
        expected[place] = (len(values), first)
    assert found == expected


def _case(case: Case) -> Drawn:
    quantized = quantize(case.network, case.parameters, case.hls, case.stimulus)
    return quantized.typed, quantized.integers, case.stimulus


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_state_and_emission_of_the_table_agrees_with_the_oracle(case: Case) -> None:
    _agrees(run_reference(*_case(case), "states"), Oracle(*_case(case)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_overflows_of_the_table_are_those_of_the_oracle(case: Case) -> None:
    _counts_agree(run_reference(*_case(case)), Oracle(*_case(case)))


@st.composite
def types(draw: st.DrawFn, widest: int = 64) -> FixedType:
    """Any type that fits a signed integer of `widest` bits; small ones more often."""
    signed = draw(st.booleans())
    width = draw(st.one_of(st.integers(1, 9), st.integers(1, widest - (not signed))))
    integer = draw(st.integers(-4, width + 4))
    return FixedType(width, integer, signed, draw(st.sampled_from(QUANTIZATIONS)), draw(st.sampled_from(OVERFLOWS)))


@st.composite
def mantissas(draw: st.DrawFn, kind: FixedType, *shape: int) -> NDArray[np.int64]:
    size = math.prod(shape)
    edges = st.sampled_from((kind.min_raw, kind.max_raw, 0))
    one = st.one_of(edges, st.integers(kind.min_raw, kind.max_raw))
    return np.array(draw(st.lists(one, min_size=size, max_size=size)), np.int64).reshape(shape)


@st.composite
def runs(draw: st.DrawFn) -> Drawn:
    """Up to five random layers, each of which takes what any before it gives, perhaps a readout, and a stimulus."""
    parameter = types(63)
    shape = draw(st.sampled_from(((1,), (3,), (2, 1, 2))))
    never, window = draw(st.booleans()), draw(st.integers(1, 3))
    ingress = Input(shape, "never" if never else "fixed_window", None if never else window)
    layers: list[TypedLayer] = [TypedInput(ingress, draw(st.one_of(types(), st.just(SPIKE))))]
    integers: dict[str, NDArray[np.int64]] = {}
    for number in range(draw(st.integers(1, 5))):
        # the last one more often
        source, name = draw(st.one_of(st.just(layers[-1]), st.sampled_from(layers))), f"l{number}"
        before, size = source.layer.size, draw(st.integers(1, 3))
        kind = draw(st.sampled_from(("synapse", "neuron", "merge")))
        if kind == "merge":
            layers.append(draw(merges(name, source, layers)))
        elif kind == "synapse":
            weight, bias = draw(parameter), draw(st.none() | parameter)
            structure = linear(name, source.layer.name, before, size, bias is not None)
            layers.append(TypedLinear(structure, source.result, weight, bias, draw(types()), draw(types())))
            integers[f"{name}/weight"] = draw(mantissas(weight, size, before))
            if bias is not None:
                integers[f"{name}/bias"] = draw(mantissas(bias, size))
        else:
            beta, theta = draw(st.none() | parameter), draw(parameter)
            options = {
                "reset_mechanism": draw(st.sampled_from(("subtract", "zero", "none"))),
                "reset_delay": draw(st.booleans()), "inhibition": draw(st.booleans()), "integrates": beta is None,
            }
            neurons = leaky(name, source.layer.name, before, **options)
            parameters = {"threshold": theta} if beta is None else {"beta": beta, "threshold": theta}
            layers.append(TypedNeuron(neurons, source.result, parameters, {"membrane": draw(types())}))
            integers[f"{name}/threshold"] = draw(mantissas(theta, *draw(st.sampled_from(((), (before,))))))
            if beta is not None:
                integers[f"{name}/beta"] = draw(mantissas(beta, *draw(st.sampled_from(((), (before,))))))
    if draw(st.booleans()):
        layers.append(draw(readouts(layers[-1], 0 if never else window, integers)))
    lengths = [draw(st.integers(1, 5)) if never else window * draw(st.integers(1, 2)) for _ in range(2)]
    edge = 2.0 ** (layers[0].result.integer - layers[0].result.signed)
    value = st.one_of(
        st.integers(-64, 64).map(lambda n: n / 16), st.sampled_from((edge, -edge)),
        st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
    size = 2 * max(lengths) * ingress.size
    frames = np.array(draw(st.lists(value, min_size=size, max_size=size)), np.float32).reshape(2, max(lengths), *shape)
    network = Network(tuple(layer.layer for layer in layers))
    return TypedNetwork(network, tuple(layers)), integers, Stimulus(frames, np.array(lengths, np.int64), None)


@st.composite
def merges(draw: st.DrawFn, name: str, source: TypedLayer, layers: list[TypedLayer]) -> TypedMerge:
    joining = draw(st.sampled_from(("add", "concatenate")))
    if joining == "add":
        sources = [source, draw(st.sampled_from([one for one in layers if one.layer.size == source.layer.size]))]
    else:
        sources = [source, *draw(st.lists(st.sampled_from(layers), min_size=1, max_size=2))]
    names, sizes = zip(*((one.layer.name, one.layer.size) for one in sources), strict=True)
    spikes = all(
        isinstance(one, TypedNeuron) or (isinstance(one, TypedMerge) and one.layer.passes_spikes) for one in sources
    )
    layer = Merge(name, names, joining, sizes, spikes)  # type: ignore[arg-type]
    return TypedMerge(layer, tuple(one.result for one in sources), SPIKE if layer.passes_spikes else draw(types()))


@st.composite
def readouts(draw: st.DrawFn, source: TypedLayer, window: int, integers: dict[str, NDArray[np.int64]]) -> TypedReadout:
    n = source.layer.size
    spikes = isinstance(source, TypedNeuron) or (isinstance(source, TypedMerge) and source.layer.passes_spikes)
    rules = ["argmax_spike_count", "first_to_threshold", "threshold_then_argmax"] if spikes else ["argmax_membrane"]
    rule = draw(st.sampled_from([*rules, *(["binary_logit"] if n == 2 else [])]))
    bits = window.bit_length() or 32
    state = FixedType(bits, bits, signed=False) if spikes else draw(types())
    beta = None if spikes else draw(st.none() | st.integers(0, 40).map(lambda frac: FixedType(frac + 1, 1, False)))
    if beta is not None:
        integers["readout/beta"] = draw(mantissas(beta))
    layer = readout(
        source.layer.name, n, "spike" if spikes else "membrane", rule, emit=draw(st.sampled_from(("window", "step"))),
        class_threshold=draw(st.integers(1, 3)),
    ) if window else readout(source.layer.name, n, "spike" if spikes else "membrane", rule, emit="step")
    result = draw(types()) if rule == "binary_logit" else holding(0, n - 1, 0)
    return TypedReadout(layer, source.result, beta, state, result)


@settings(max_examples=100, deadline=None)
@given(runs())
def test_any_network_in_any_types_agrees_with_the_oracle(drawn: Drawn) -> None:
    _agrees(run_reference(*drawn, "states"), Oracle(*drawn))


@settings(max_examples=60, deadline=None)
@given(runs())
def test_the_overflows_of_any_network_are_those_of_the_oracle(drawn: Drawn) -> None:
    _counts_agree(run_reference(*drawn), Oracle(*drawn))


def _run(
    layers: tuple[Layer, ...], parameters: dict[str, Any], hls: dict[str, Any], sequences: Any,
    window: int | None = None, policy: Any = "fixed_window", lengths: list[int] | None = None,
) -> ReferenceRun:
    """Sequences (N, T, n) through `layers`."""
    frames = np.asarray(sequences, np.float32)
    ingress = Input(frames.shape[2:], policy, None if policy == "never" else window or frames.shape[1])
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    used = np.array(lengths or [frames.shape[1]] * len(frames), np.int64)
    stimulus = Stimulus(frames, used, None)
    quantized = quantize(Network((ingress, *layers)), arrays, hls, stimulus)
    return run_reference(quantized.typed, quantized.integers, stimulus, "states")


def _hls(default: str, **keys: str) -> dict[str, Any]:
    return {"model": {"precision": {"default": default, **keys}}}


def _input(kind: str) -> dict[str, Any]:
    return {"types": {"Input": {"precision": kind}}}


def test_a_bias_that_meets_the_products_beyond_64_bits_is_added_exactly() -> None:
    parameters = {"fc1/weight": [[1.0]], "fc1/bias": [0.75]}
    run = _run((linear("fc1", "input", 1, 1),), parameters, WIDE, [[[0.375]]])
    assert run.emitted.tolist() == [[int(1.125 * 2**32)]]


INTEGRATOR = (leaky("a", "input", 1, integrates=True),)
SATURATING = _hls("ap_int<8>", membrane="ap_fixed<4,4,AP_RND,AP_SAT>")


def _counts(run: ReferenceRun) -> list[tuple[str, str, int, int, dict[int, int]]]:
    return [(item.layer, item.key, item.count, item.total, item.first) for item in run.overflows]


def test_the_overflows_of_a_membrane_by_hand() -> None:
    # U: 5, 8 → 7, 6 and −9 → −8, −6, −26 → −8
    run = _run(INTEGRATOR, {"a/threshold": 20.0}, SATURATING, [[[5], [3], [-1]], [[-9], [2], [-20]]])
    assert run.trace["mem/a"][..., 0].tolist() == [[5, 7, 6], [-8, -6, -8]]
    text = "ap_fixed<4,4,AP_RND,AP_SAT>"
    assert run.overflows == (Overflow("a", "membrane", text, 3, 6, -26, 8, {0: 1, 1: 0}),)
    assert run.overflows[0].message == (
        f"membrane: 3 of 6 values overflow {text}; ap_fixed<6,6,AP_RND,AP_SAT> would have held them"
    )
    assert Overflow.from_json(run.overflows[0].to_json()) == run.overflows[0]


def test_the_overflows_of_a_synapse_by_hand() -> None:
    # the sums are 6 and −9; accum wraps −9 to 7; both saturate in result
    hls = {**_hls("ap_int<4>", result="ap_ufixed<2,2,AP_TRN,AP_SAT>"), **_input("ap_int<4>")}
    run = _run((linear("fc", "input", 1, 2, bias=False),), {"fc/weight": [[2.0], [-3.0]]}, hls, [[[3]]])
    assert run.emitted.tolist() == [[3, 3]]
    assert [item.message for item in run.overflows] == [
        "accum: 1 of 2 values overflow ap_int<4>; ap_int<5> would have held them",
        "result: 2 of 2 values overflow ap_ufixed<2,2,AP_TRN,AP_SAT>; "
        "ap_ufixed<3,3,AP_TRN,AP_SAT> would have held them",
    ]


def test_the_type_that_would_have_held_every_value_holds_those_of_other_timesteps_too() -> None:
    # U: −5, 8; an unsigned type of 4 bits would hold the 8 alone
    run = _run(INTEGRATOR, {"a/threshold": 20.0}, SATURATING, [[[-5], [13]]])
    assert [item.message for item in run.overflows] == [
        "membrane: 1 of 2 values overflow ap_fixed<4,4,AP_RND,AP_SAT>; "
        "ap_fixed<5,5,AP_RND,AP_SAT> would have held them"
    ]


def test_timesteps_beyond_a_sequence_neither_overflow_nor_leave_a_trace() -> None:
    run = _run(INTEGRATOR, {"a/threshold": 20.0}, SATURATING, [[[9], [0]], [[3], [99]]], window=1, lengths=[2, 1])
    assert run.trace["mem/a"][..., 0].tolist() == [[7, 0], [3, 0]]
    assert _counts(run) == [("a", "membrane", 1, 3, {0: 0})]


def test_a_value_that_overflows_twice_in_a_timestep_counts_once() -> None:
    # neuron 0 is inhibited by neuron 1 in t = 0 (6 and 7), so t = 1 takes θ = 5 and gives it back: 20 → 4, 9 → −7
    layers = (leaky("a", "input", 2, integrates=True, inhibition=True, reset_delay=False),)
    hls = _hls("ap_int<8>", membrane="ap_int<4>")
    run = _run(layers, {"a/threshold": 5.0}, hls, [[[22, 23], [19, 16]]])
    assert run.trace["mem/a"].tolist() == [[[6, 2], [-7, 2]]]
    assert _counts(run) == [("a", "membrane", 4, 4, {0: 0})]


@pytest.mark.parametrize("width", [4, 25, 32, 63, 64])
def test_an_input_at_the_open_end_of_its_type_wraps_and_is_counted(width: int) -> None:
    edge = 2 ** (width - 1)
    hls = {**_hls("ap_int<8>"), **_input(f"ap_int<{width}>")}
    run = _run((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[1.0]]}, hls, [[[edge], [-edge]]])
    assert run.input.tolist() == [[[-edge], [-edge]]]
    assert _counts(run)[0] == ("input", "result", 1, 2, {0: 0})


@pytest.mark.parametrize(("kind", "value"), [
    ("ap_fixed<4,4,AP_RND,AP_SAT>", 7.5), ("ap_fixed<4,4,AP_TRN,AP_SAT>", -8.25),
    ("ap_fixed<4,4,AP_TRN,AP_SAT_SYM>", -8.0),
])
def test_an_input_overflows_by_its_value_after_rounding(kind: str, value: float) -> None:
    hls = {**_hls("ap_int<8>"), **_input(kind)}
    run = _run((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[1.0]]}, hls, [[[value]]])
    assert _counts(run) == [("input", "result", 1, 1, {0: 0})]


def test_the_overflow_of_a_type_whose_steps_exceed_1_is_counted() -> None:
    # in steps of 16: −12.5 → −13 → 3, then 3 + 10 = 13 → −3
    run = _run(INTEGRATOR, {"a/threshold": 500.0}, _hls("ap_int<12>", membrane="ap_fixed<4,8>"), [[[-200], [160]]])
    assert run.trace["mem/a"].tolist() == [[[3], [-3]]]
    assert [item.message for item in run.overflows] == [
        "membrane: 2 of 2 values overflow ap_fixed<4,8>; ap_fixed<5,9> would have held them"
    ]


def test_a_threshold_is_aligned_with_a_finer_membrane_whatever_the_steps_of_beta() -> None:
    # β = 0 in steps of 2^18; U = I = 1 < θ = 2^19 − 1
    hls = _hls("ap_int<8>", beta="ap_ufixed<2,20>", threshold="ap_int<20>", membrane="ap_fixed<50,2>")
    run = _run((leaky("a", "input", 1),), {"a/beta": 0.0, "a/threshold": 2.0**19 - 1}, hls, [[[1]]])
    assert (run.trace["mem/a"].tolist(), run.emitted.tolist()) == ([[[2**48]]], [[0]])


def test_never_carries_the_state_from_sequence_to_sequence() -> None:
    # U: 2 | 4 fires | 4 − 3 + 1 = 2, 3 does not fire, 5 fires
    frames = [[[2], [9], [9]], [[2], [9], [9]], [[1], [1], [2]]]
    run = _run(INTEGRATOR, {"a/threshold": 3.0}, _hls("ap_int<8>"), frames, policy="never", lengths=[1, 1, 3])
    assert run.trace["mem/a"][..., 0].tolist() == [[2, 0, 0], [4, 0, 0], [2, 3, 5]]
    assert run.trace["spikes/a"][..., 0].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert run.emitted.tolist() == [[0], [1], [0], [0], [1]]


def test_never_names_the_first_overflow_of_every_sequence() -> None:
    # U: 5, 8 → 7 | 6 | 8 → 7, 9 → 7
    run = _run(INTEGRATOR, {"a/threshold": 20.0}, SATURATING, [[[5], [3]], [[-1], [99]], [[2], [2]]], policy="never",
               lengths=[2, 1, 2])
    assert _counts(run) == [("a", "membrane", 3, 5, {0: 1, 2: 0})]


SMALLEST = [("_STEP_VALUES",), ("_STRETCH_VALUES",), ("_STEP_VALUES", "_STRETCH_VALUES", "_BLOCK_BYTES")]
"""Bounds that set at 1 make batches of one sequence, stretches of one timestep, blocks of one timestep."""


@pytest.mark.parametrize("bounds", SMALLEST, ids="+".join)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_batches_and_stretches_change_nothing(
    case: Case, bounds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_reference(*_case(case), "states")
    for bound in bounds:
        monkeypatch.setattr(reference, bound, 1)
    batched = run_reference(*_case(case), "states")
    for key, expected in whole.trace.items():
        np.testing.assert_array_equal(batched.trace[key], expected, err_msg=key)
    np.testing.assert_array_equal(batched.emitted, whole.emitted)
    np.testing.assert_array_equal(batched.input, whole.input)
    assert batched.trace.keys() == whole.trace.keys()
    assert batched.overflows == whole.overflows


def test_overflows_of_batches_are_in_the_order_of_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    # the first sequence overflows only in fc (21), the second only at the input (16 → 0)
    monkeypatch.setattr(reference, "_STEP_VALUES", 1)
    hls = {**_hls("ap_int<4>", result="ap_int<8>"), **_input("ap_int<4>")}
    run = _run((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[3.0]]}, hls, [[[7]], [[16]]])
    assert _counts(run) == [("input", "result", 1, 2, {1: 0}), ("fc", "accum", 1, 2, {0: 0})]


def test_a_sequence_that_the_window_cuts_off_is_refused() -> None:
    with pytest.raises(DataError) as error:
        _run(INTEGRATOR, {"a/threshold": 1.0}, _hls("ap_int<8>"), np.zeros((2, 6, 1)), window=3, lengths=[6, 4])
    assert str(error.value) == (
        "data: sequence 1 has 4 timesteps, but reset_policy fixed_window ends a sequence every 3; "
        "pad it with timesteps without input to a multiple, cut it, or set readout.window_size; for sequences of "
        "different lengths set readout.reset_policy=tlast"
    )


def _typed(rule: str | None, emit: str) -> TypedNetwork:
    """Two inputs, read out in steps of ¼ if the rule is binary_logit; a window of 2."""
    ingress = TypedInput(Input((2,), "fixed_window", 2), SPIKE)
    if rule is None:
        return TypedNetwork(Network((ingress.layer,)), (ingress,))
    mode = "membrane" if rule == "binary_logit" else "spike"
    layer = readout("input", 2, mode, rule, emit=emit)
    result = FixedType(8, 6) if rule == "binary_logit" else FixedType(1, 1, False)
    return TypedNetwork(
        Network((ingress.layer, layer)), (ingress, TypedReadout(layer, SPIKE, None, FixedType(8, 6), result))
    )


@pytest.mark.parametrize(("rule", "emit", "emitted", "expected"), [
    ("argmax_spike_count", "window", [[1], [0], [1]], {"decision": [0, 1]}),
    ("binary_logit", "window", [[3], [-5], [8]], {"decision": [-1.25, 2.0]}),
    ("argmax_spike_count", "step", [[0], [0], [1], [1], [1], [0]],
     {"decision": [1, 0], "decision_steps": [[0, 0, 1, 1], [1, 0, 0, 0]]}),
    (None, "step", [[1, 0], [0, 1], [1, 1], [0, 0], [0, 1], [1, 0]],
     {"output": [[[1, 0], [0, 1], [1, 1], [0, 0]], [[0, 1], [1, 0], [0, 0], [0, 0]]]}),
])
def test_outcomes_are_those_at_the_end_of_each_sequence(
    rule: str | None, emit: str, emitted: Any, expected: dict[str, Any]
) -> None:
    found = outcomes(_typed(rule, emit), np.array(emitted, np.int64), np.array([4, 2]), 4)
    assert {key: values.tolist() for key, values in found.items()} == expected


@pytest.mark.parametrize("emit", ["window", "step"])
def test_too_few_emissions_are_refused(emit: str) -> None:
    called_for = 3 if emit == "window" else 6
    with pytest.raises(DataError) as error:
        outcomes(_typed("argmax_spike_count", emit), np.zeros((called_for - 1, 1), np.int64), np.array([4, 2]), 4)
    assert str(error.value) == (
        f"csim: {called_for - 1} emissions for sequences that call for {called_for}; run the build again"
    )
