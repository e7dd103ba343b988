"""Differences of reference and csim are counted and placed; of float and reference, the first is given its cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import CASES, described, leaky, linear
from numpy.typing import NDArray
from projects import designed

from hlspike.generators.compare import Difference, agreement, mismatches
from hlspike.generators.ir import Input, Layer, Linear, Network, Neuron
from hlspike.generators.quantize import quantize
from hlspike.generators.reference import outcomes, run_reference
from hlspike.generators.stimulus import Stimulus

BY_NAME = {case.name: case for case in CASES}
Traces = dict[str, NDArray[Any]]


def _trace(name: str) -> Traces:
    """trace.npz of the reference for a case."""
    case = BY_NAME[name]
    quantized, _ = designed(case, "parallel")
    run = run_reference(quantized.typed, quantized.integers, case.stimulus, "states")
    timesteps = case.stimulus.frames.shape[1]
    return {**outcomes(quantized.typed, run.emitted, case.stimulus.lengths, timesteps), **run.trace}


def _planted(trace: Traces, *places: tuple[str, tuple[int, ...]]) -> Traces:
    """The trace with another value in each place: a spike where there was none or none where there was, else 1 more."""
    found = {key: values.copy() for key, values in trace.items()}
    for key, place in places:
        found[key][place] = 1 - found[key][place] if key.startswith("spikes/") else found[key][place] + 1
    return found


def _compared(name: str, found: Traces) -> tuple[int, Difference | None]:
    case = BY_NAME[name]
    return mismatches(case.network, case.stimulus.lengths, _trace(name), found)


@pytest.mark.parametrize("name", BY_NAME)
def test_equal_traces_have_no_mismatch(name: str) -> None:
    assert _compared(name, _trace(name)) == (0, None)


@pytest.mark.parametrize(
    ("name", "key", "place", "layer", "kind", "at"),
    [
        ("zero", "spikes/b", (1, 3, 2), "b", "spikes", (1, 3, 2)),
        ("zero", "mem/c", (2, 7, 1), "c", "mem", (2, 7, 1)),
        ("zero", "readout/count", (0, 5, 3), "readout", "count", (0, 5, 3)),
        ("automatic", "readout/mem", (2, 11, 2), "readout", "mem", (2, 11, 2)),
        ("zero", "decision_steps", (1, 2), "readout", "decision_steps", (1, 2, 0)),
        # a decision is taken at the last timestep: sequences have 12, 6 and 12
        ("zero", "decision", (0,), "readout", "decision", (0, 11, 0)),
        ("zero", "decision", (1,), "readout", "decision", (1, 5, 0)),
        ("wide", "decision", (2,), "readout", "decision", (2, 11, 0)),
        ("never_silent", "output", (1, 1, 3), "lif2", "output", (1, 1, 3)),
        ("currents", "output", (2, 3, 0), "fc2", "output", (2, 3, 0)),
        # nothing may be left beyond a sequence either
        ("zero", "mem/a", (1, 9, 0), "a", "mem", (1, 9, 0)),
    ],
)
def test_a_single_difference_is_placed(
    name: str, key: str, place: tuple[int, ...], layer: str, kind: str, at: tuple[int, int, int]
) -> None:
    expected, found = _trace(name), _planted(_trace(name), (key, place))
    ours, theirs = expected[key][place].item(), found[key][place].item()
    count, difference = _compared(name, found)
    assert (count, difference) == (1, Difference(layer, kind, *at, ours, theirs))
    assert difference is not None
    assert difference.message == (
        f"{layer}: csim differs from the reference in {kind} of sequence {at[0]}, timestep {at[1]}, neuron {at[2]}: "
        f"expected {ours}, found {theirs}"
    )


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (("mem/d", (0, 11, 3)), ("spikes/a", (1, 0, 0))),
        (("mem/d", (1, 2, 3)), ("spikes/a", (1, 3, 0))),
        (("spikes/a", (1, 2, 5)), ("mem/a", (1, 2, 0))),
        (("mem/a", (1, 2, 5)), ("spikes/b", (1, 2, 0))),
        (("mem/d", (1, 2, 3)), ("readout/count", (1, 2, 0))),
        (("readout/count", (1, 2, 3)), ("decision_steps", (1, 2))),
        (("decision_steps", (1, 5)), ("decision", (1,))),
        (("decision", (0,)), ("spikes/a", (1, 0, 0))),
        (("mem/b", (1, 2, 3)), ("mem/b", (1, 2, 4))),
    ],
)
def test_the_first_difference_is_by_sequence_timestep_layer_and_neuron(
    first: tuple[str, tuple[int, ...]], later: tuple[str, tuple[int, ...]]
) -> None:
    _, alone = _compared("zero", _planted(_trace("zero"), first))
    assert _compared("zero", _planted(_trace("zero"), later, first)) == (2, alone)


def test_every_difference_is_counted() -> None:
    places = [("mem/a", (0, t, n)) for t in range(12) for n in range(8)]
    count, _ = _compared("zero", _planted(_trace("zero"), *places, ("decision", (0,)), ("decision_steps", (0, 11))))
    assert count == 12 * 8 + 2


def _agreed(name: str, floating: Traces, reference: Traces) -> dict[str, Any]:
    quantized, _ = designed(BY_NAME[name], "parallel")
    return agreement(quantized.typed, quantized.integers, BY_NAME[name].stimulus, floating, reference, ())


@pytest.mark.parametrize("name", BY_NAME)
def test_equal_traces_agree_wholly(name: str) -> None:
    trace, readout = _trace(name), BY_NAME[name].network.readout
    logit = readout is not None and readout.decision_rule == "binary_logit"
    assert _agreed(name, trace, trace) == {
        "decisions_float_reference": None if readout is None else 1.0,
        "logits_float_reference": 1.0 if logit else None,
        "largest_logit_error": 0.0 if logit else None,
        "spikes_float_reference": 1.0,
        "first_divergence": None,
    }


def test_agreement_is_the_share_of_equal_decisions_and_of_equal_spikes_in_use() -> None:
    # 12 + 6 + 12 timesteps of 8 + 6 + 4 + 4 neurons; 1 of 3 decisions and 4 spikes are not equal
    reference = _trace("zero")
    places = [("spikes/a", (0, 3, 1)), ("spikes/d", (0, 3, 0)), ("spikes/b", (1, 5, 2)), ("spikes/b", (2, 4, 5))]
    agreed = _agreed("zero", _planted(reference, *places, ("decision", (1,))), reference)
    assert agreed["decisions_float_reference"] == pytest.approx(2 / 3, abs=1e-15)
    assert agreed["spikes_float_reference"] == pytest.approx(1 - 4 / (30 * 22), abs=1e-15)


def test_logits_are_compared_by_class_and_by_value() -> None:
    floating = {"decision": np.array([0.25, -0.5, 0.0])}
    # the third means class 0, and the first still class 1
    reference = {"decision": np.array([0.5, -0.5, 0.125])}
    agreed = _agreed("logit", floating, reference)
    found = (agreed["decisions_float_reference"], agreed["logits_float_reference"], agreed["largest_logit_error"])
    assert found == (pytest.approx(2 / 3), pytest.approx(1 / 3), 0.25)


def test_what_has_no_decision_is_neither_equal_nor_unequal() -> None:
    # the sequences of the case have 0, 2, 7, 1 and 5 timesteps
    reference = {"decision": np.array([-1, 2, 3, 1, 0])}
    assert _agreed("tlast_first", {"decision": np.array([-1, 2, 2, 1, 0])}, reference)[
        "decisions_float_reference"
    ] == pytest.approx(3 / 4)


def test_without_traced_spikes_only_decisions_are_compared() -> None:
    reference = {"decision": np.array([1, 2, 3])}
    assert _agreed("zero", {"decision": np.array([1, 0, 3])}, reference) == {
        "decisions_float_reference": pytest.approx(2 / 3, abs=1e-15),
        "logits_float_reference": None,
        "largest_logit_error": None,
        "spikes_float_reference": None,
        "first_divergence": None,
    }


@pytest.mark.parametrize(
    ("name", "places", "first"),
    [
        # sequences start afresh, so the earliest timestep of any of them comes before its consequences
        ("zero", [("spikes/d", (2, 1, 3)), ("spikes/a", (0, 2, 0))], ("d", 2, 1, 3)),
        ("zero", [("spikes/b", (2, 1, 3)), ("spikes/c", (0, 1, 0))], ("b", 2, 1, 3)),
        ("zero", [("spikes/b", (1, 1, 3)), ("spikes/b", (2, 1, 0))], ("b", 1, 1, 3)),
        ("zero", [("spikes/b", (1, 1, 3)), ("spikes/b", (1, 1, 4))], ("b", 1, 1, 3)),
        # state is carried from sequence to sequence, so the earlier sequence comes first
        ("never", [("spikes/lif2", (0, 4, 3)), ("spikes/lif1", (1, 0, 0))], ("lif2", 0, 4, 3)),
        ("never", [("spikes/lif2", (2, 1, 3)), ("spikes/lif1", (2, 2, 0))], ("lif2", 2, 1, 3)),
        ("never", [("spikes/lif1", (2, 1, 3)), ("spikes/lif2", (2, 1, 0))], ("lif1", 2, 1, 3)),
    ],
)
def test_the_first_divergence_is_one_that_no_other_can_have_caused(
    name: str, places: list[tuple[str, tuple[int, ...]]], first: tuple[str, int, int, int]
) -> None:
    reference = _trace(name)
    for order in (places, places[::-1]):
        found = _agreed(name, _planted(reference, *order), reference)["first_divergence"]
        assert (found["layer"], found["sequence"], found["timestep"], found["neuron"]) == first


def _float_spikes(layers: tuple[Layer, ...], parameters: dict[str, Any], frames: Any, carried: bool) -> Traces:
    """The equations of Leaky in float64, one neuron of one sequence after the other."""
    trace = {
        f"spikes/{layer.name}": np.zeros((*frames.shape[:2], layer.size), np.uint8)
        for layer in layers if isinstance(layer, Neuron)
    }
    mem: dict[str, NDArray[np.float64]] = {}
    for n, sequence in enumerate(frames.astype(np.float64)):
        if not carried:
            mem.clear()
        for t, x in enumerate(sequence):
            for layer in layers:
                if isinstance(layer, Linear):
                    x = parameters[f"{layer.name}/weight"] @ x + parameters.get(f"{layer.name}/bias", 0.0)
                elif isinstance(layer, Neuron):
                    theta, beta = parameters[f"{layer.name}/threshold"], parameters.get(f"{layer.name}/beta", 1.0)
                    own, before = described(layer), mem.get(layer.name, np.zeros(layer.size))
                    reset = before > theta
                    now = beta * before + x - np.where(reset & (own.reset_mechanism == "subtract"), theta, 0)
                    spike = now > theta
                    if not own.reset_delay:
                        now = now - (spike.astype(int) - reset.astype(int)) * theta
                    mem[layer.name], x = now, spike.astype(np.float64)
                    trace[f"spikes/{layer.name}"][n, t] = spike
    return trace


WIDE = "ap_fixed<40,16>"
"""Holds whatever the networks below do, at 24 bits after the point."""
COARSE = "ap_fixed<6,4>"
"""Quarters from -8 to 7.75; casts truncate, parameters go to the nearest."""


def _divergence(
    layers: tuple[Layer, ...],
    parameters: dict[str, Any],
    types: dict[str, dict[str, str]],
    frames: Any,
    policy: Any = "fixed_window",
) -> dict[str, Any] | None:
    """Where and why float and reference part: (N, T, n) frames, `types` by layer, WIDE where none is given."""
    values = np.asarray(frames, np.float32)
    hls = {
        "model": {"precision": {"default": WIDE}},
        "layers": {name: {"precision": precision} for name, precision in types.items()},
    }
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    network = Network((Input(values.shape[2:], policy, values.shape[1] if policy == "fixed_window" else None), *layers))
    stimulus = Stimulus(values, np.full(values.shape[0], values.shape[1], np.int64), None)
    quantized = quantize(network, arrays, hls, stimulus)
    run = run_reference(quantized.typed, quantized.integers, stimulus, "spikes")
    floating = _float_spikes(layers, arrays, values, policy == "never")
    found = agreement(quantized.typed, quantized.integers, stimulus, floating, run.trace, run.overflows)
    divergence: dict[str, Any] | None = found["first_divergence"]
    return divergence


def _at(layer: str, sequence: int, timestep: int, neuron: int, cause: str) -> dict[str, Any]:
    return {"layer": layer, "sequence": sequence, "timestep": timestep, "neuron": neuron, "cause": cause}


ONE: tuple[Layer, ...] = (linear("fc", "input", 1, 1, bias=False), leaky("lif", "fc", 1, integrates=True))
DECAYING: tuple[Layer, ...] = (ONE[0], leaky("lif", "fc", 1))
IMMEDIATE: tuple[Layer, ...] = (ONE[0], leaky("lif", "fc", 1, integrates=True, reset_delay=False))


def _alone(layers: tuple[Layer, ...], types: Any, inputs: list[float], **parameters: float) -> tuple[int, str]:
    """(timestep, cause) for the one neuron of ONE, its weight 1 unless given."""
    given = {"lif/threshold": parameters["theta"], "fc/weight": [[parameters.get("weight", 1)]]}
    given |= {"lif/beta": parameters["beta"]} if "beta" in parameters else {}
    found = _divergence(layers, given, types, np.reshape(inputs, (1, -1, 1)))
    assert found is not None
    assert found == _at("lif", 0, found["timestep"], 0, found["cause"])
    return found["timestep"], found["cause"]


def test_a_parameter_that_its_type_rounds_is_the_cause() -> None:
    cause = "rounding of a parameter"
    # 0.7 becomes 0.75: U = 0.7 does not exceed 0.71875, but 0.75 does
    assert _alone(ONE, {"fc": {"weight": COARSE}}, [1], weight=0.7, theta=0.71875) == (0, cause)
    # 0.8 becomes 0.75: U = 0.78125 exceeds that alone
    assert _alone(ONE, {"lif": {"threshold": COARSE}}, [0.78125], theta=0.8) == (0, cause)
    # 0.9 becomes 1: U is 1, then 1.9 or 2, with θ between them
    assert _alone(DECAYING, {"lif": {"beta": COARSE}}, [1, 1], theta=1.9375, beta=0.9) == (1, cause)


@pytest.mark.parametrize(
    ("layer", "key"), [("lif", "membrane"), ("fc", "result"), ("fc", "accum"), ("input", "result")]
)
def test_a_state_a_sum_or_an_input_that_its_type_rounds_is_the_cause(layer: str, key: str) -> None:
    # 0.3125 + 0.3125 + 0.3125 exceeds 0.8125; in quarters each step loses a sixteenth: 0.25, 0.5, 0.75
    assert _alone(ONE, {layer: {key: COARSE}}, [0.3125] * 3, theta=0.8125) == (2, "rounding of state")


@pytest.mark.parametrize("layers", [ONE, IMMEDIATE], ids=["delayed", "immediate"])
def test_a_membrane_that_equals_the_threshold_is_a_tie(layers: tuple[Layer, ...]) -> None:
    # U = 0.76 and 0.78125 exceed θ = 0.75, onto which the weight or the membrane is rounded
    tie = 0, "tie at the threshold"
    assert _alone(layers, {"fc": {"weight": COARSE}}, [1], weight=0.76, theta=0.75) == tie
    assert _alone(layers, {"lif": {"membrane": COARSE}}, [0.78125], theta=0.75) == tie


def test_a_membrane_that_a_reset_within_the_timestep_brings_to_the_threshold_was_no_tie() -> None:
    # weights become 1 and 1, the bias 0: U = 2 exceeds θ = 1 and leaves 1 behind, where 0.75 + 0.75 - 0.5 = 1 does not
    layers = linear("fc", "input", 2, 1), IMMEDIATE[1]
    parameters = {"fc/weight": [[0.75, 0.75]], "fc/bias": [-0.5], "lif/threshold": 1}
    types = {"fc": {"weight": "ap_int<4>", "bias": "ap_int<4>"}}
    assert _divergence(layers, parameters, types, [[[1, 1]]]) == _at("lif", 0, 0, 0, "rounding of a parameter")


@pytest.mark.parametrize(
    ("types", "inputs", "timestep"),
    [
        # 1.5 + 1 exceeds θ = 2.25, but a type that ends before 2 makes it -1.5, or keeps 1.75
        ({"lif": {"membrane": "ap_fixed<4,2>"}}, [1.5, 1], 1),
        ({"lif": {"membrane": "ap_fixed<4,2,AP_TRN,AP_SAT>"}}, [1.5, 1], 1),
        # it happens before the neuron: in the sum, its cast, or the input
        ({"fc": {"accum": "ap_fixed<4,2>"}}, [2.5], 0),
        ({"fc": {"result": "ap_fixed<4,2>"}}, [2.5], 0),
        ({"input": {"result": "ap_fixed<4,2>"}}, [2.5], 0),
        # it happens a timestep before a spike is due: 1 + 1.25 is kept as -1.75
        ({"lif": {"membrane": "ap_fixed<4,2>"}}, [1, 1.25, 0.25], 2),
    ],
)
def test_a_value_beyond_its_type_is_the_cause(types: Any, inputs: list[float], timestep: int) -> None:
    assert _alone(ONE, types, inputs, theta=2.25) == (timestep, "overflow")


def test_an_overflow_in_another_sequence_later_or_further_on_is_not_the_cause() -> None:
    # with β = 0 and no reset a membrane is the current of its timestep
    layers = (
        ONE[0], leaky("lif", "fc", 1, reset_mechanism="none"),
        linear("out", "lif", 1, 1, bias=False), leaky("end", "out", 1, reset_mechanism="none"),
    )
    parameters = {
        "fc/weight": [[0.7]], "lif/beta": 0, "lif/threshold": 0.71875, "out/weight": [[4]], "end/beta": 0,
        "end/threshold": 1,
    }
    saturates = "ap_fixed<12,3,AP_TRN,AP_SAT>"
    types = {"fc": {"weight": COARSE, "result": saturates}, "out": {"result": saturates}}
    # 0.7 becomes 0.75, which matters for the input 1; 0.75 · 30 saturates below 4 and fires as it should, and so does
    # every 4 of the layer after it
    expected = _at("lif", 1, 1, 0, "rounding of a parameter")
    assert _divergence(layers, parameters, types, [[[30], [3]], [[3], [1]]]) == expected
    assert _divergence(layers, parameters, types, [[[3], [3], [3]], [[3], [1], [30]]]) == expected


def test_state_that_is_carried_carries_its_overflow_into_the_next_sequence() -> None:
    # 1.5 + 1 becomes -1.5 while no spike is due; then 1 more exceeds θ = 3, unless state starts afresh
    parameters, types = {"fc/weight": [[1]], "lif/threshold": 3}, {"lif": {"membrane": "ap_fixed<4,2>"}}
    frames = [[[1.5], [1]], [[1], [0]]]
    assert _divergence(ONE, parameters, types, frames, "never") == _at("lif", 1, 0, 0, "overflow")
    assert _divergence(ONE, parameters, types, frames) is None
