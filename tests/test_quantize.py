"""Quantisation: every type that is chosen, every mantissa, and every finding, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cases import leaky, linear, readout
from hypothesis import given, settings
from hypothesis import strategies as st

from hlspike.generators.errors import ConfigError, UnsupportedModel
from hlspike.generators.ir import Input, Layer, Network
from hlspike.generators.precision.parameters import Finding
from hlspike.generators.quantize import Quantized, quantize
from hlspike.generators.reference import run_reference
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import TypedInput, TypedLinear, TypedNeuron, TypedReadout


def hls(default: str | None = "ap_int<8>", layers: dict[str, Any] | None = None, **keys: str) -> dict[str, Any]:
    """One precision for everything, with exceptions by key, and by layer and key."""
    model = {"precision": {"default": default, **keys}}
    return {"model": model, "layers": {name: {"precision": entry} for name, entry in (layers or {}).items()}}


def calibration(frames: Any, lengths: list[int] | None = None) -> Stimulus:
    values = np.asarray(frames, np.float32)
    return Stimulus(values, np.array(lengths or [values.shape[1]] * len(values), np.int64), None)


def quantized(
    layers: tuple[Layer, ...], parameters: dict[str, Any], chosen: dict[str, Any], frames: Any = (((0.0,),),),
    window: int | None = None, never: bool = False, lengths: list[int] | None = None,
) -> Quantized:
    stimulus = calibration(frames, lengths)
    shape = stimulus.frames.shape[2:]
    ingress = Input(shape, "never", None) if never else Input(shape, "fixed_window", window or stimulus.frames.shape[1])
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    return quantize(Network((ingress, *layers)), arrays, chosen, stimulus)


def one_linear(weight: list[float], chosen: dict[str, Any]) -> Quantized:
    """One input, a row for each weight."""
    rows = [[value] for value in weight]
    return quantized((linear("fc", "input", 1, len(rows), bias=False),), {"fc/weight": rows}, chosen)


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        quantized(*arguments, **options)
    return str(error.value)


# in steps of ¼: ½ → 0, 1½ → 2, 2½ → 2, −1½ → −2, 3.4 → 3, 1 → 1
NEAREST = ([0.125, 0.375, 0.625, -0.375, 0.85, 0.25], [0, 2, 2, -2, 3, 1])


@pytest.mark.parametrize("modes", ["", ",AP_TRN_ZERO,AP_SAT_ZERO", ",AP_RND_INF,AP_WRAP", ",AP_RND,AP_SAT_SYM"])
def test_parameters_round_to_nearest_even_whatever_the_modes_of_their_type(modes: str) -> None:
    found = one_linear(NEAREST[0], hls(weight=f"ap_fixed<4,2{modes}>"))
    assert found.integers["fc/weight"].tolist() == [[value] for value in NEAREST[1]]
    assert found.integers["fc/weight"].dtype == np.int64


@pytest.mark.parametrize(("kind", "values", "mantissas", "message"), [
    # −8..7 quarters: 7.6 → 8 and −10 do not fit, 7.4 does
    ("ap_fixed<4,2>", [1.9, -2.5, 1.85, 1.0], [7, -8, 7, 4],
     "weight: 2 of 4 values saturate in ap_fixed<4,2>, the largest is -2.5; ap_fixed<5,3> would hold them"),
    # −7..7: −8 does not fit
    ("ap_fixed<4,2,AP_TRN,AP_SAT_SYM>", [-2.0, 1.75, 0.5, 0.5], [-7, 7, 2, 2],
     "weight: 1 of 4 values saturate in ap_fixed<4,2,AP_TRN,AP_SAT_SYM>, the largest is -2; ap_fixed<4,2> would hold "
     "them"),
    ("ap_ufixed<3,1>", [-0.5, 1.0, 1.25, 1.75], [0, 4, 5, 7],
     "weight: 1 of 4 values saturate in ap_ufixed<3,1>, the largest is -0.5; ap_fixed<4,2> would hold them"),
    # 3.5 quarters tie to the even 4, which is beyond 3
    ("ap_fixed<3,1>", [0.875, 0.75, -1.0, -1.125], [3, 3, -4, -4],
     "weight: 1 of 4 values saturate in ap_fixed<3,1>, the largest is 0.875; ap_fixed<4,2> would hold them"),
])
def test_saturated_parameters_are_reported(kind: str, values: list[float], mantissas: list[int], message: str) -> None:
    found = one_linear(values, hls(weight=kind))
    assert found.integers["fc/weight"].ravel().tolist() == mantissas
    assert found.findings == (Finding("fc", message),)


@pytest.mark.parametrize(("values", "message"), [
    # ½ step goes to zero; at 3 bits it is one step
    ([0.125, 16.0], "weight: 1 of 2 values round to zero in ap_fixed<8,6>, the smallest is 0.125; "
                    "a type with 3 fractional bits would keep them"),
    # 0.01 · 2^6 = 0.64 rounds to 1, 0.01 · 2^5 to 0
    ([0.1, -0.01, 16.0], "weight: 2 of 3 values round to zero in ap_fixed<8,6>, the smallest is 0.01; "
                         "a type with 6 fractional bits would keep them"),
])
def test_parameters_that_vanish_are_reported(values: list[float], message: str) -> None:
    found = one_linear(values, hls(weight="ap_fixed<8,6>"))
    assert found.findings == (Finding("fc", message),)


def test_a_parameter_of_zero_has_not_vanished() -> None:
    assert one_linear([0.0, 0.25], hls(weight="ap_fixed<4,2>")).findings == ()


def test_findings_come_in_the_order_of_layers_and_keys() -> None:
    layers = (linear("fc", "input", 1, 1), leaky("lif", "fc", 1))
    parameters = {"fc/weight": [[9.0]], "fc/bias": [0.1], "lif/beta": 0.01, "lif/threshold": 7.0}
    found = quantized(layers, parameters, hls("ap_fixed<4,3>"))
    assert found.findings == (
        Finding("fc", "weight: 1 of 1 values saturate in ap_fixed<4,3>, the largest is 9; "
                      "ap_fixed<6,5> would hold them"),
        Finding("fc", "bias: 1 of 1 values round to zero in ap_fixed<4,3>, the smallest is 0.1; "
                      "a type with 3 fractional bits would keep them"),
        Finding("fc", "bias: 100 % of the root mean square is lost in ap_fixed<4,3>, more than 4 bits have to lose; "
                      "auto<4> would take ap_ufixed<4,-3>, which loses 1.6 %"),
        Finding("lif", "beta: 1 of 1 values round to zero in ap_fixed<4,3>, the smallest is 0.01, so nothing is kept "
                       "from one timestep to the next; a type with 6 fractional bits would keep them"),
        Finding("lif", "threshold: 1 of 1 values saturate in ap_fixed<4,3>, the largest is 7; "
                       "ap_fixed<5,4> would hold them"),
        Finding("lif", "membrane: no value of ap_fixed<4,3> exceeds the threshold, so the layer cannot fire"),
    )


def test_scalar_and_vector_parameters_keep_their_shape() -> None:
    layers = (leaky("a", "input", 2), leaky("b", "a", 2))
    parameters = {"a/beta": 0.5, "a/threshold": [1.0, 2.0], "b/beta": [0.25, 0.75], "b/threshold": 1.5}
    found = quantized(layers, parameters, hls("ap_fixed<8,4>"), [[[0, 0]]])
    assert {key: value.tolist() for key, value in found.integers.items()} == {
        "a/beta": 8, "a/threshold": [16, 32], "b/beta": [4, 12], "b/threshold": 24
    }


@pytest.mark.parametrize(("value", "weight", "bias", "terms", "accum"), [
    # corners of a product: 32, −28, −24, 21 sixteenths of 4; three of them and a bias: −368..415 sixteenths
    ("ap_int<4>", "ap_fixed<3,1>", "ap_fixed<6,2>", 3, "ap_fixed<10,6>"),
    ("ap_int<4>", "ap_fixed<3,1>", None, 3, "ap_fixed<8,6>"),  # −84..96 quarters
    ("ap_uint<1>", "ap_fixed<4,1>", None, 4, "ap_fixed<6,3>"),  # −32..28 eighths
    ("ap_uint<1>", "ap_ufixed<4,1>", None, 5, "ap_ufixed<7,4>"),  # 0..75 eighths
    ("ap_uint<2>", "ap_uint<2>", "ap_int<3>", 1, "ap_int<5>"),  # 0..9 and −4..3
    ("ap_uint<1>", "ap_int<2>", "ap_ufixed<4,4>", 2, "ap_int<6>"),  # −4..2 and 0..15: −4..17
])
def test_accum_auto_is_the_narrowest_type_of_every_sum_and_result_auto_is_accum(
    value: str, weight: str, bias: str | None, terms: int, accum: str
) -> None:
    keys = {"weight": weight, "bias": bias or "ap_int<8>", "accum": "auto", "result": "auto"}
    chosen = hls(layers={"input": {"result": value}}, **keys)
    parameters = {"fc/weight": np.zeros((2, terms)), "fc/bias": np.zeros(2)}
    found = quantized((linear("fc", "input", terms, 2, bias is not None),), parameters, chosen, np.zeros((1, 1, terms)))
    typed = found.typed.layer("fc")
    assert isinstance(typed, TypedLinear)
    assert (str(typed.accum), str(typed.result)) == (accum, accum)


def test_result_auto_is_a_configured_accum() -> None:
    typed = one_linear([1.0], hls(accum="ap_fixed<9,3,AP_RND,AP_SAT>", result="auto")).typed.layer("fc")
    assert str(typed.result) == "ap_fixed<9,3,AP_RND,AP_SAT>"


@pytest.mark.parametrize(("default", "inputs", "theta", "kind", "text"), [
    # U: 5, 9, 2 and −3, −1, 3; doubled: −6..18
    ("ap_int<9>", [[5, 4, -7], [-3, 2, 4]], 17.0, "ap_int<6>", "values from -3 to 9 on 2 calibration sequences"),
    # in steps of ½, rounded up: 1.25 → 3, 4.25 → 9 halves; doubled, and at least −1: −1..18
    ("ap_fixed<9,8,AP_RND,AP_SAT>", [[1.25, 2.75]], 8.0, "ap_fixed<6,5,AP_RND,AP_SAT>",
     "values from 1.5 to 4.5 on 1 calibration sequences"),
    ("ap_int<9>", [[0, 0]], 0.0, "ap_int<2>", "values from 0 to 0 on 1 calibration sequences"),
    # subtract: 5 fires, 5 − 4 + 4 = 5
    ("ap_int<9>", [[5, 4]], 4.0, "ap_int<5>", "values from 5 to 5 on 1 calibration sequences"),
])
def test_membrane_auto_has_twice_the_range_seen(
    default: str, inputs: list[list[float]], theta: float, kind: str, text: str
) -> None:
    chosen = hls(default, {"input": {"result": "ap_fixed<12,8>"}}, membrane="auto", threshold="ap_int<9>")
    frames = np.array(inputs)[..., None]
    found = quantized((leaky("a", "input", 1, integrates=True),), {"a/threshold": theta}, chosen, frames)
    typed = found.typed.layer("a")
    assert isinstance(typed, TypedNeuron) and str(typed.states["membrane"]) == kind
    assert found.reasons["a"] == {"membrane": f"auto: {text}, and one bit of margin"}
    assert found.findings == ()


@pytest.mark.parametrize(("values", "kind", "text"), [
    ([0, 0], "ap_int<8>", "from 0 to 0"), ([-90, 5], "ap_int<9>", "from -90 to -85"),
])
def test_membrane_auto_lets_a_layer_fire_that_was_silent_on_the_calibration(
    values: list[float], kind: str, text: str
) -> None:
    layers = (leaky("a", "input", 1, integrates=True),)
    frames = [[[value] for value in values]]
    found = quantized(layers, {"a/threshold": 100.0}, hls("ap_int<9>", membrane="auto"), frames)
    typed = found.typed.layer("a")
    # 101 exceeds the threshold
    assert isinstance(typed, TypedNeuron) and str(typed.states["membrane"]) == kind and found.findings == ()
    assert found.reasons["a"] == {
        "membrane": f"auto: values {text} on 1 calibration sequences, and more than the threshold of 100"
    }


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_membrane_auto_holds_the_peak_before_a_reset_within_the_timestep(mechanism: str) -> None:
    # U = 12 > 10 fires and is reset to 2 or 0
    layers = (leaky("a", "input", 1, reset_mechanism=mechanism, reset_delay=False, integrates=True),)
    frames = [[[12.0]]]
    found = quantized(layers, {"a/threshold": 10.0}, hls(membrane="auto"), frames)
    run = run_reference(found.typed, found.integers, calibration(frames))
    assert (run.emitted.tolist(), run.overflows) == ([[1]], ())


def test_membrane_auto_without_a_default_is_as_fine_as_input_and_threshold() -> None:
    keys = {"threshold": "ap_fixed<8,5>", "membrane": "auto"}
    chosen = {"model": {"precision": keys}, "layers": {"input": {"precision": "ap_fixed<6,4>"}}}
    found = quantized((leaky("a", "input", 1, integrates=True),), {"a/threshold": 1.125}, chosen, [[[1.25]]])
    typed = found.typed.layer("a")
    # 1.25 is 10 eighths; doubled 20
    assert isinstance(typed, TypedNeuron) and str(typed.states["membrane"]) == "ap_fixed<6,3,AP_RND,AP_SAT>"
    assert found.reasons["a"] == {
        "membrane": "auto: values from 1.25 to 1.25 on 1 calibration sequences, and one bit of margin"
    }


@st.composite
def chains(draw: st.DrawFn) -> tuple[tuple[Layer, ...], dict[str, Any], Any, bool]:
    layers: list[Layer] = []
    parameters: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 3))):
        name, source = f"a{number}", layers[-1].name if layers else "input"
        options = {
            "reset_mechanism": draw(st.sampled_from(("subtract", "zero", "none"))), "reset_delay": draw(st.booleans()),
            "inhibition": draw(st.booleans()), "integrates": draw(st.booleans()),
        }
        layers.append(leaky(name, source, 2, **options))
        parameters |= {f"{name}/beta": draw(st.floats(0, 1)), f"{name}/threshold": draw(st.floats(-3, 3))}
    if draw(st.booleans()):
        layers.append(linear("fc", layers[-1].name, 2, 2))
        layers.append(readout("fc", 2, "membrane", "binary_logit", beta=0.5, emit="step"))
        parameters |= {"fc/weight": [[0.5, -1.5], [2.0, 1.0]], "fc/bias": [0.5, -0.5]}
    value = st.integers(-127, 127).map(lambda n: n / 16)
    frames = np.array(draw(st.lists(value, min_size=20, max_size=20))).reshape(2, 5, 2)
    return tuple(layers), parameters, frames, draw(st.booleans())


@settings(max_examples=60, deadline=None)
@given(chains(), st.sampled_from(("", ",AP_RND,AP_SAT", ",AP_RND_INF,AP_SAT_ZERO")))
def test_what_is_auto_overflows_nowhere_on_the_calibration(
    chain: tuple[tuple[Layer, ...], dict[str, Any], Any, bool], modes: str
) -> None:
    layers, parameters, frames, never = chain
    chosen = hls(f"ap_fixed<12,6{modes}>", accum="auto", result="auto", membrane="auto")
    chosen["types"] = {"Input": {"precision": {"result": "auto"}}}
    found = quantized(layers, parameters, chosen, frames, never=never)
    assert run_reference(found.typed, found.integers, calibration(frames)).overflows == ()


@pytest.mark.parametrize(("window", "never", "n", "rule", "state", "result"), [
    (6, False, 4, "argmax_spike_count", "ap_uint<3>", "ap_uint<2>"),
    (7, False, 1, "argmax_spike_count", "ap_uint<3>", "ap_uint<1>"),
    (8, False, 5, "first_to_threshold", "ap_uint<4>", "ap_uint<3>"),
    (1, False, 2, "threshold_then_argmax", "ap_uint<1>", "ap_uint<1>"),
    (8, True, 3, "argmax_spike_count", "ap_uint<32>", "ap_uint<2>"),
    (6, False, 2, "binary_logit", "ap_uint<3>", "ap_int<4>"),  # −7..7
    (8, True, 2, "binary_logit", "ap_uint<32>", "ap_int<33>"),
])
def test_counts_are_sized_from_the_window_and_class_ids_from_the_classes(
    window: int, never: bool, n: int, rule: str, state: str, result: str
) -> None:
    layers = (leaky("a", "input", n, integrates=True), readout("a", n, rule=rule, emit="step"))
    chosen = hls(layers={"readout": {"result": "auto"}} if rule == "binary_logit" else None)
    typed = quantized(layers, {"a/threshold": 1.0}, chosen, np.zeros((1, window, n)), never=never).typed.layers[-1]
    assert isinstance(typed, TypedReadout)
    assert (typed.beta, str(typed.state), str(typed.result)) == (None, state, result)


@pytest.mark.parametrize(("beta", "membrane", "kind", "mantissa"), [
    (0.5, "ap_fixed<8,4>", "ap_ufixed<2,1>", 1),
    (0.8125, "ap_fixed<8,4>", "ap_ufixed<5,1>", 13),
    (0.0, "ap_fixed<8,4>", "ap_uint<1>", 0),
    (0.9, "ap_fixed<8,4>", "ap_ufixed<17,1>", 58982),  # 0.9 · 2^16 = 58982.4
    (0.9, "ap_fixed<24,4>", "ap_ufixed<21,1>", 943718),  # 0.9 · 2^20 = 943718.4
    (1.0, "ap_fixed<8,4>", None, None),
])
def test_the_beta_of_the_readout_is_exact_or_as_fine_as_its_membrane(
    beta: float, membrane: str, kind: str | None, mantissa: int | None
) -> None:
    layers = (readout("input", 2, "membrane", "argmax_membrane", beta=beta),)
    found = quantized(layers, {}, hls(membrane=membrane), np.zeros((1, 1, 2)))
    typed = found.typed.layers[-1]
    assert isinstance(typed, TypedReadout) and str(typed.state) == membrane
    assert (typed.beta and str(typed.beta)) == kind
    assert {key: int(value) for key, value in found.integers.items()} == (
        {} if mantissa is None else {"readout/beta": mantissa}
    )


def test_the_membrane_and_logit_of_a_readout_that_are_auto() -> None:
    # m: (3, −2), (4, 1); doubled −4..8, so −16..15 and differences −31..31
    layers = (readout("input", 2, "membrane", "binary_logit"),)
    chosen = hls("ap_int<8>", {"readout": {"membrane": "auto", "result": "auto"}})
    found = quantized(layers, {}, chosen, [[[3, -2], [1, 3]]])
    typed = found.typed.layers[-1]
    assert isinstance(typed, TypedReadout) and (str(typed.state), str(typed.result)) == ("ap_int<5>", "ap_int<6>")
    assert found.findings == ()
    assert found.reasons["readout"] == {
        "membrane": "auto: values from -2 to 4 on 1 calibration sequences, and one bit of margin",
        "result": "auto: lossless for any two states",
    }


@pytest.mark.parametrize(("layer", "key", "reason"), [
    ("fc", "bias", "the layer has no bias"),
    ("a", "beta", "β is 1, the neurons integrate"),
    ("readout", "membrane", "counts are sized from the window"),
    ("readout", "result", "a class id is sized from the number of classes"),
])
def test_a_precision_by_name_that_applies_to_nothing_is_reported(layer: str, key: str, reason: str) -> None:
    layers = (linear("fc", "input", 1, 2, bias=False), leaky("a", "fc", 2, integrates=True), readout("a", 2))
    parameters = {"fc/weight": [[1.0], [1.0]], "a/threshold": 1.0}
    found = quantized(layers, parameters, hls(layers={layer: {key: "ap_int<4>"}}))
    assert found.findings == (Finding(layer, f"precision.{key} is not used: {reason}"),)
    found = quantized(layers, parameters, hls(bias="ap_int<4>", beta="ap_int<4>"))
    assert found.findings == ()
    assert found.typed.network.notes == tuple(
        f"hls.model.precision.{key} has no effect: no layer of the network has use for it" for key in ("bias", "beta")
    )


@pytest.mark.parametrize(("membrane", "theta", "silent"), [
    ("ap_fixed<4,1>", 1.0, True), ("ap_fixed<4,1>", 0.875, True), ("ap_fixed<4,1>", 0.75, False),
    ("ap_fixed<4,1>", [1.0, 0.75], False), ("ap_int<4>", 6.5, False), ("ap_int<4>", 7.0, True),
])
def test_a_layer_that_cannot_fire_is_reported(membrane: str, theta: Any, silent: bool) -> None:
    layers = (leaky("a", "input", 2, integrates=True),)
    chosen = hls(membrane=membrane, threshold="ap_fixed<8,4>")
    message = f"membrane: no value of {membrane} exceeds the threshold, so the layer cannot fire"
    found = quantized(layers, {"a/threshold": theta}, chosen, [[[0, 0]]]).findings
    assert found == ((Finding("a", message),) if silent else ())


@pytest.mark.parametrize(("kind", "found"), [("ap_fixed<64,9>", "ap_fixed<64,9>"), ("ap_ufixed<64,64>", "ap_uint<64>")])
def test_a_parameter_beyond_63_bits_is_refused(kind: str, found: str) -> None:
    arguments = (linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[1.0]]}, hls(weight=kind)
    assert refused(*arguments) == (
        f"hls: 'weight' of layer 'fc' is {found}, but a parameter has at most 63 bits; choose a narrower type"
    )


LOGIT = (readout("input", 2, "membrane", "binary_logit"),)
MEMBRANES = (readout("input", 2, "membrane", "argmax_membrane"),)


@pytest.mark.parametrize(("layers", "where", "key", "kind"), [
    ((leaky("a", "input", 2, integrates=True),), "input", "result", "ap_ufixed<64,8>"),
    ((leaky("a", "input", 2, integrates=True),), "input", "result", "ap_fixed<65,8>"),
    ((leaky("a", "input", 2, integrates=True),), "a", "membrane", "ap_fixed<65,8>"),
    ((linear("fc", "input", 2, 2, bias=False),), "fc", "result", "ap_fixed<65,8>"),
    (MEMBRANES, "readout", "membrane", "ap_ufixed<64,8>"),
    (LOGIT, "readout", "membrane", "ap_fixed<65,8>"),
    (LOGIT, "readout", "result", "ap_fixed<65,8>"),
    (LOGIT, "readout", "result", "ap_ufixed<64,8>"),
])
def test_what_a_trace_of_64_bits_cannot_hold_is_refused(
    layers: tuple[Layer, ...], where: str, key: str, kind: str
) -> None:
    parameters = {"fc/weight": np.zeros((2, 2)), "a/threshold": 1.0}
    others = {"membrane": "ap_fixed<64,64>", "result": "ap_int<8>"} if layers is LOGIT else {}
    assert refused(layers, parameters, hls(layers={where: {**others, key: kind}}), [[[0, 0]]]) == (
        f"hls: '{key}' of layer '{where}' is {kind}, but inputs, states and outputs are traced as 64-bit integers; "
        "choose at most 64 bits"
    )


def test_a_result_within_the_network_may_be_wider_than_a_trace() -> None:
    layers = (linear("fc", "input", 1, 1, bias=False), leaky("a", "fc", 1, integrates=True))
    chosen = hls(layers={"fc": {"accum": "ap_fixed<90,40>", "result": "ap_fixed<80,40>"}})
    typed = quantized(layers, {"fc/weight": [[1.0]], "a/threshold": 1.0}, chosen).typed.layer("fc")
    assert str(typed.result) == "ap_fixed<80,40>"


@pytest.mark.parametrize(("frames", "kind"), [
    ([[[0.5], [-0.25], [3.0]]], "ap_fixed<5,3>"),  # −1..12 quarters
    ([[[0.0], [1.0], [1.0]]], "ap_uint<1>"),
    ([[[0.0], [0.0], [0.0]]], "ap_uint<1>"),
    ([[[-1.0], [0.0], [0.0]]], "ap_int<1>"),
    ([[[96.0], [64.0], [-32.0]]], "ap_int<8>"),
    ([[[1.0], [2.0**-20], [0.0]]], "ap_ufixed<21,1>"),
])
def test_an_input_that_is_auto_holds_every_calibration_value(frames: Any, kind: str) -> None:
    chosen = hls(layers={"input": {"result": "auto"}})
    found = quantized((leaky("a", "input", 1, integrates=True),), {"a/threshold": 1.0}, chosen, frames)
    typed = found.typed.layers[0]
    assert isinstance(typed, TypedInput) and str(typed.result) == kind


def test_an_input_that_is_auto_ignores_timesteps_beyond_a_sequence() -> None:
    chosen = hls(layers={"input": {"result": "auto"}})
    arguments = (leaky("a", "input", 1, integrates=True),), {"a/threshold": 1.0}, chosen, [[[1.0], [-7.5]]]
    assert str(quantized(*arguments, window=1, lengths=[1]).typed.layers[0].result) == "ap_uint<1>"


def test_a_value_that_no_type_holds_is_refused_with_its_layer() -> None:
    layers = linear("fc", "input", 1, 2, bias=False), readout("fc", 2, "membrane", "binary_logit")
    message = refused(layers, {"fc/weight": [[1.0], [1.0]]}, hls(layers={"readout": {"membrane": "ap_int<1024>"}}))
    assert message == (
        "layer 'readout': a sum or state takes 1025 bits, more than the 1024 that a type may have; give it and its "
        "input narrower types"
    )


LEAKS = (linear("fc", "input", 1, 1, bias=False), leaky("lif", "fc", 1))


@pytest.mark.parametrize(("beta", "theta", "kinds", "told"), [
    # the shipped precisions of old: nothing leaks, and neurons fire at another threshold
    (0.95, 0.3, {"beta": "ap_ufixed<4,1>", "threshold": "ap_fixed<3,2>"}, [
        "beta: 1 of 1 values round to 1 in ap_ufixed<4,1>, the largest is 0.95, so nothing leaks; a type with 4 "
        "fractional bits would keep them",
        "threshold: values move by up to 67 % in ap_fixed<3,2>, 0.3 is 0.5; auto would take ap_ufixed<7,-1>",
    ]),
    (0.9, 1.0, {"beta": "ap_ufixed<4,1>"}, [
        "beta: values move by up to 2.8 %, their leak by up to 25 % in ap_ufixed<4,1>, 0.9 is 0.875; auto would take "
        "ap_ufixed<7,0>",
    ]),
    # within 1 %, but it leaks 17 % less
    (0.99, 1.0, {"beta": "ap_ufixed<8,1>"}, [
        "beta: values move by up to 0.22 %, their leak by up to 22 % in ap_ufixed<8,1>, 0.99 is 0.992188; auto would "
        "take ap_ufixed<9,0>",
    ]),
    (1.0 - 2.0**-9, 1.0, {"beta": "ap_ufixed<9,0>"}, []),
    (1.0, -0.3, {"beta": "ap_ufixed<8,0>", "threshold": "ap_ufixed<8,0>"}, [
        "beta: 1 of 1 values saturate in ap_ufixed<8,0>, the largest is 1, so what was 1 leaks; ap_ufixed<9,1> would "
        "hold them",
        "threshold: 1 of 1 values saturate in ap_ufixed<8,0>, the largest is -0.3; ap_fixed<9,1> would hold them",
    ]),
    (0.95, 0.3, {"beta": "auto", "threshold": "auto"}, []), (0.999, 1e-3, {"beta": "auto", "threshold": "auto"}, []),
    (0.95, -200.0, {"beta": "auto<8>", "threshold": "auto<8>"}, []),
    (0.95, 1.0, {"beta": "auto<4>"}, [
        "beta: values move by up to 1.3 %, their leak by up to 25 % in ap_ufixed<4,0>, 0.95 is 0.9375; auto would take "
        "ap_ufixed<8,0>",
    ]),
])
def test_what_a_neuron_loses_is_told(beta: float, theta: float, kinds: dict[str, str], told: list[str]) -> None:
    parameters = {"fc/weight": [[1.0]], "lif/beta": beta, "lif/threshold": theta}
    chosen = hls("ap_fixed<24,12>", layers={"lif": kinds})
    assert quantized(LEAKS, parameters, chosen).findings == tuple(Finding("lif", text) for text in told)


def test_every_parameter_has_its_errors_in_the_report() -> None:
    layers = (linear("fc", "input", 1, 4), leaky("lif", "fc", 4), linear("out", "lif", 4, 2),
              readout("out", 2, "membrane", "argmax_membrane", beta=0.9))
    # quarters: 0.375 is 0.5, 0.125 becomes 0, 9 becomes 7.75
    parameters = {"fc/weight": [[0.375], [0.125], [9.0], [0.0]], "fc/bias": np.zeros(4),
                  "lif/beta": [0.5, 0.5, 0.9, 1.0], "lif/threshold": 1.0,
                  "out/weight": np.ones((2, 4)), "out/bias": [0.5, 0.25]}
    found = quantized(layers, parameters, hls("ap_fixed<6,4>", membrane="ap_fixed<12,8>"))
    weight = found.losses["fc"]["weight"]
    size = np.sqrt(0.375**2 + 0.125**2 + 9**2)
    assert (weight["values"], weight["saturated"], weight["vanished"], weight["leak"]) == (4, 1, 1, None)
    assert weight["rms"] == pytest.approx(np.sqrt(2 * 0.125**2 + 1.25**2) / size) and weight["value"] == 1.0
    zero = {"values": 4, "saturated": 0, "vanished": 0, "rms": 0.0, "value": 0.0, "leak": None}
    assert found.losses["fc"]["bias"] == zero
    beta = found.losses["lif"]["beta"]
    # 0.9 becomes 1
    assert beta["value"] == pytest.approx(1 / 9) and beta["leak"] == pytest.approx(1.0) and beta["saturated"] == 0
    assert set(found.losses) == {"fc", "lif", "out", "readout"} and set(found.losses["readout"]) == {"beta"}
    assert found.losses["readout"]["beta"]["leak"] < 2.0**-5
    assert found.told("input") == {"automatic": {}, "parameters_error": {}}


@pytest.mark.parametrize(("values", "kind", "told"), [
    # steps of 2^-10: the last is 1.5 of them
    ([0.001, -0.002, 0.0015], "ap_fixed<16,6>",
     ["weight: 17 % of the root mean square is lost in ap_fixed<16,6>, more than 16 bits have to lose; auto<16> would "
      "take ap_fixed<16,-7>, which loses 0.002 %"]),
    # as coarse, but four bits cannot do better
    ([0.9, -1.4, 0.3, 0.77], "ap_fixed<4,2>", []),
    ([200.0, -3.0], "auto<8>", []), ([0.001, -0.0005], "auto<8>", []), ([0.001, -0.0005], "auto", []),
    # what is cut off by choice is told by the reason
    ([1.01, *([0.3, -0.2, 0.05] * 2000)], "auto<4>", []),
])
def test_weights_that_lose_more_than_their_type_promises_are_told(
    values: list[float], kind: str, told: list[str]
) -> None:
    found = one_linear(values, hls(weight=kind))
    assert found.findings == tuple(Finding("fc", text) for text in told)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", ["auto", "auto<8>", "ap_fixed<8,2>"])
def test_a_parameter_that_is_not_finite_is_refused(bad: float, kind: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        one_linear([0.5, bad], hls(weight=kind))
    assert str(error.value) == f"layer 'fc': weight holds {bad}; every parameter must be a finite number"


@pytest.mark.parametrize(("key", "kind", "taken", "reason"), [
    # sums from −6 to 12 on the calibration, doubled
    ("accum", "auto<6>", "ap_fixed<6,6,AP_RND,AP_SAT>",
     "auto<6>: values from -6 to 12 on 1 calibration sequences, and one bit of margin"),
    ("result", "auto<5,TRN,WRAP>", "ap_fixed<5,6>",
     "auto<5>: values from -6 to 12 on 1 calibration sequences, and one bit of margin"),
    # of integers no bit is spent after the point
    ("result", "auto<9,TRN,WRAP>", "ap_int<9>",
     "auto<9>: values from -6 to 12 on 1 calibration sequences, and one bit of margin"),
])
def test_what_a_layer_computes_takes_its_binary_point_from_the_range(
    key: str, kind: str, taken: str, reason: str
) -> None:
    chosen = hls("ap_int<9>", **{"accum": "auto", "result": "auto", key: kind})
    found = quantized((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[3.0]]}, chosen, [[[4.0], [-2.0]]])
    typed = found.typed.layer("fc")
    assert isinstance(typed, TypedLinear) and str(getattr(typed, key)) == taken
    assert found.reasons["fc"][key] == reason and found.findings == ()


@pytest.mark.parametrize(("key", "reason"), [
    ("accum", "auto<20>: lossless for any sum of 1 products"), ("result", "auto<20>: as accum"),
])
def test_what_is_computed_without_loss_in_fewer_bits_has_no_more(key: str, reason: str) -> None:
    chosen = hls("ap_int<9>", **{"accum": "auto", "result": "auto", key: "auto<20>"})
    found = quantized((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[3.0]]}, chosen, [[[4.0], [-2.0]]])
    typed = found.typed.layer("fc")
    assert isinstance(typed, TypedLinear) and getattr(typed, key) == typed.accum and typed.accum.width < 20
    assert found.reasons["fc"][key] == reason


def test_what_is_0_on_the_calibration_keeps_the_highest_bits_that_can_occur() -> None:
    chosen = hls("ap_int<9>", accum="auto", result="auto<4>")
    found = quantized((linear("fc", "input", 1, 1, bias=False),), {"fc/weight": [[3.0]]}, chosen, [[[0.0]]])
    typed = found.typed.layer("fc")
    assert isinstance(typed, TypedLinear) and str(typed.result) == f"ap_fixed<4,{typed.accum.integer},AP_RND,AP_SAT>"
    assert found.reasons["fc"]["result"] == (
        "auto<4>: nothing but 0 on 1 calibration sequences, so the highest bits that can occur"
    )


@pytest.mark.parametrize(("frames", "kind", "reason"), [
    ([[[0.0], [1.0]]], "ap_uint<1>", "auto<8>: holds every value on 1 calibration sequences exactly"),
    ([[[0.5], [-0.75]]], "ap_fixed<3,1>", "auto<8>: holds every value on 1 calibration sequences exactly"),
    ([[[100.25], [1.0 / 1024]]], "ap_ufixed<8,7,AP_RND,AP_SAT>",
     "auto<8>: ap_ufixed<17,7> would hold every value on 1 calibration sequences exactly"),
])
def test_an_input_of_a_width_stays_as_narrow_as_its_values(frames: Any, kind: str, reason: str) -> None:
    chosen = hls(layers={"input": {"result": "auto<8>"}})
    found = quantized((leaky("a", "input", 1, integrates=True),), {"a/threshold": 1.0}, chosen, frames)
    assert str(found.typed.layers[0].result) == kind and found.reasons["input"] == {"result": reason}


@pytest.mark.parametrize("scale", [1e-4, 1.0, 200.0, 1e6])
@pytest.mark.parametrize("precision", ["w4", "w6", "w8", "w16", "auto"])
def test_a_shipped_precision_serves_networks_of_any_scale(precision: str, scale: float) -> None:
    # a network whose weights, biases and thresholds are all so many times as large spikes the same
    text = (Path(__file__).resolve().parent.parent / "conf" / "precision" / f"{precision}.yaml").read_text()
    layers = (linear("fc1", "input", 6, 8), leaky("a", "fc1", 8), linear("fc2", "a", 8, 4), leaky("b", "fc2", 4),
              readout("b", 4))
    chance = np.random.default_rng(3)
    frames = (chance.random((4, 12, 6)) < 0.5).astype(np.float32)
    parameters = {"fc1/weight": scale * chance.normal(size=(8, 6)), "fc1/bias": scale * chance.normal(size=8),
                  "a/beta": chance.uniform(0.5, 0.99, 8), "a/threshold": scale * 0.8,
                  "fc2/weight": scale * chance.normal(size=(4, 8)), "fc2/bias": scale * chance.normal(size=4),
                  "b/beta": 0.95, "b/threshold": scale * 0.7}
    found = quantized(layers, parameters, yaml.safe_load(text), frames)
    run = run_reference(found.typed, found.integers, calibration(frames), "spikes")
    assert run.overflows == () and 0.05 < run.trace["spikes/b"].mean() < 0.95
    assert [finding for finding in found.findings if "round to zero" not in finding.message] == []
    wide = {"model": {"precision": "ap_fixed<63,31>"}}
    exact = quantized(layers, parameters, wide, frames)
    expected = run_reference(exact.typed, exact.integers, calibration(frames), "spikes")
    equal = np.mean([run.trace[key] == expected.trace[key] for key in ("spikes/b",)])
    assert equal >= {"w4": 0.8, "w6": 0.9, "w8": 0.95, "w16": 0.99, "auto": 0.95}[precision]
