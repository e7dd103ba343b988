"""Which configured value holds for which layer, and the refusal of every entry that can hold for none."""

from __future__ import annotations

from typing import Any

import pytest
from cases import leaky, linear, readout

from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import FixedType
from hlspike.generators.ir import Input, Layer, Network
from hlspike.generators.precision.automatic import Auto
from hlspike.generators.precision.resolve import Choice, Resolution, fixed_type, type_names

NETWORK = Network((
    Input((6,), "fixed_window", 4), linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8),
    linear("fc2", "lif1", 8, 4), leaky("if2", "fc2", 4, integrates=True), readout("if2", 4),
))
KEYS = "default, weight, bias, accum, result, beta, decay, gain, alpha, tau, V, threshold, membrane, synaptic"
KEYS_OF = {
    "Input": ("result",), "Linear": ("weight", "bias", "accum", "result"), "Readout": ("membrane", "result"),
    "LIFNeuron": ("beta", "threshold", "membrane"), "IFNeuron": ("beta", "threshold", "membrane"),
}
LAYERS = "input, fc1, lif1, fc2, if2, readout"
TYPES = (
    "Input, InputLayer, Linear, Dense, Merge, Add, Concatenate, Leaky, LIFNeuron, IFNeuron, Lapicque, Synaptic, "
    "Alpha, RLeaky, RSynaptic, Readout, SNNReadout"
)


def precision(hls: dict[str, Any], layer: str, key: str) -> Choice:
    return Resolution.of(hls, NETWORK).precision(NETWORK.layer(layer), key)


def reuse(hls: dict[str, Any], layer: str) -> Choice:
    return Resolution.of(hls, NETWORK).reuse_factor(NETWORK.layer(layer))


def refused(hls: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        Resolution.of(hls, NETWORK)
    return str(error.value)


MODEL = {"model": {"precision": {"default": "ap_int<1>", "weight": "ap_int<2>"}, "reuse_factor": 2}}
TYPE = {"types": {"Linear": {"precision": {"default": "ap_int<3>", "weight": "ap_int<4>"}, "reuse_factor": 3}}}
LAYER = {"layers": {"fc1": {"precision": {"default": "ap_int<5>", "weight": "ap_int<6>"}, "reuse_factor": 4}}}


@pytest.mark.parametrize(("hls", "layer", "key", "value", "where"), [
    (MODEL, "fc1", "weight", "ap_int<2>", "hls.model.precision.weight"),
    (MODEL, "fc1", "bias", "ap_int<1>", "hls.model.precision.default"),
    ({**MODEL, **TYPE}, "fc1", "weight", "ap_int<4>", "hls.types.Linear.precision.weight"),
    ({**MODEL, **TYPE}, "fc1", "bias", "ap_int<3>", "hls.types.Linear.precision.default"),
    ({**MODEL, **TYPE, **LAYER}, "fc2", "weight", "ap_int<4>", "hls.types.Linear.precision.weight"),
    ({**MODEL, **TYPE, **LAYER}, "lif1", "beta", "ap_int<1>", "hls.model.precision.default"),
    ({**MODEL, **TYPE, **LAYER}, "fc1", "weight", "ap_int<6>", "hls.layers.fc1.precision.weight"),
    ({**MODEL, **TYPE, **LAYER}, "fc1", "bias", "ap_int<5>", "hls.layers.fc1.precision.default"),
])
def test_a_name_wins_over_a_type_and_a_type_over_the_model(
    hls: dict[str, Any], layer: str, key: str, value: str, where: str
) -> None:
    assert precision(hls, layer, key) == Choice(value, where, where.startswith("hls.layers"))


@pytest.mark.parametrize(("hls", "layer", "expected"), [
    ({}, "fc1", Choice(1, "hls.model.reuse_factor", False)),
    (MODEL, "fc1", Choice(2, "hls.model.reuse_factor", False)),
    ({**MODEL, **TYPE}, "fc1", Choice(3, "hls.types.Linear.reuse_factor", False)),
    ({**MODEL, **TYPE}, "lif1", Choice(2, "hls.model.reuse_factor", False)),
    ({**MODEL, **TYPE, **LAYER}, "fc1", Choice(4, "hls.layers.fc1.reuse_factor", True)),
    ({**MODEL, **TYPE, **LAYER}, "fc2", Choice(3, "hls.types.Linear.reuse_factor", False)),
])
def test_a_reuse_factor_resolves_as_a_precision_does(hls: dict[str, Any], layer: str, expected: Choice) -> None:
    assert reuse(hls, layer) == expected


SETTINGS = {
    "model": {"strategy": "event", "storage": "bram"}, "types": {"Dense": {"strategy": "dense", "storage": "lutram"}},
    "layers": {"fc1": {"strategy": "distributed_arithmetic", "storage": "registers"}},
}


@pytest.mark.parametrize(("hls", "layer", "strategy", "storage"), [
    ({}, "fc1", Choice("dense", "hls.model.strategy", False), Choice("auto", "hls.model.storage", False)),
    (SETTINGS, "fc1", Choice("distributed_arithmetic", "hls.layers.fc1.strategy", True),
     Choice("registers", "hls.layers.fc1.storage", True)),
    (SETTINGS, "fc2", Choice("dense", "hls.types.Dense.strategy", False),
     Choice("lutram", "hls.types.Dense.storage", False)),
    (SETTINGS, "lif1", Choice("event", "hls.model.strategy", False), Choice("bram", "hls.model.storage", False)),
])
def test_strategy_and_storage_resolve_as_a_precision_does(
    hls: dict[str, Any], layer: str, strategy: Choice, storage: Choice
) -> None:
    resolution = Resolution.of(hls, NETWORK)
    assert resolution.strategy(NETWORK.layer(layer)) == strategy
    assert resolution.storage(NETWORK.layer(layer)) == storage


@pytest.mark.parametrize(("key", "value", "message"), [
    ("strategy", "fast", "must be dense, event or distributed_arithmetic, found 'fast'"),
    ("strategy", "Latency", "must be dense, event or distributed_arithmetic; hls4ml's Latency is here dense with "
                            "reuse_factor 1, found 'Latency'"),
    ("strategy", "Resource", "must be dense, event or distributed_arithmetic; hls4ml's Resource is here dense with a "
                             "larger reuse_factor, found 'Resource'"),
    ("strategy", "da", "must be dense, event or distributed_arithmetic; hls4ml's da is here distributed_arithmetic, "
                       "found 'da'"),
    ("storage", "ram", "must be auto, registers, lutram, bram or uram, found 'ram'"),
])
def test_a_strategy_or_storage_that_there_is_not_is_refused(key: str, value: str, message: str) -> None:
    for where, hls in (
        ("hls.model", {"model": {key: value}}), ("hls.types.Linear", {"types": {"Linear": {key: value}}}),
        ("hls.layers.fc1", {"layers": {"fc1": {key: value}}}),
    ):
        with pytest.raises(ConfigError) as error:
            getattr(Resolution.of(hls, NETWORK), key)(NETWORK.layer("fc1"))
        assert str(error.value) == f"{where}.{key}: {message}"


@pytest.mark.parametrize(("name", "key", "value", "having"), [
    ("lif1", "strategy", "dense", "synapses have one"), ("readout", "strategy", "event", "synapses have one"),
    ("input", "storage", "bram", "synapses and neurons have one"),
    ("readout", "storage", "auto", "synapses and neurons have one"),
])
def test_what_a_type_of_layer_does_not_have_is_refused(name: str, key: str, value: str, having: str) -> None:
    types = {"lif1": "LIFNeuron", "readout": "SNNReadout", "input": "Input"}
    assert refused({"layers": {name: {key: value}}}) == f"hls.layers.{name}.{key}: only {having}; remove the key"
    assert refused({"types": {types[name]: {key: value}}}) == (
        f"hls.types.{types[name]}.{key}: only {having}; remove the key"
    )


def test_two_names_of_a_type_may_not_set_a_strategy_differently() -> None:
    hls = {"types": {"Dense": {"strategy": "event"}, "Linear": {"strategy": "dense"}}}
    assert refused(hls) == (
        "hls.types.Dense.strategy: is event, but hls.types.Linear.strategy, another name of the same, is dense; write "
        "hls.types.Linear.strategy instead"
    )


@pytest.mark.parametrize(("layer", "names"), [
    ("input", ("Input", "InputLayer")), ("fc1", ("Linear", "Dense")), ("lif1", ("LIFNeuron", "Leaky")),
    ("if2", ("IFNeuron", "Leaky")), ("readout", ("Readout", "SNNReadout")),
])
def test_every_name_of_a_type_is_understood_and_the_most_specific_wins(layer: str, names: tuple[str, str]) -> None:
    key = {"fc1": "weight", "lif1": "threshold", "if2": "threshold"}.get(layer, "result")
    chosen = {name: {"precision": {key: f"ap_int<{place}>"}} for place, name in enumerate(names, 2)}
    for name in names:
        assert precision({"types": {name: chosen[name]}}, layer, key).where == f"hls.types.{name}.precision.{key}"
    if "Neuron" in names[0]:
        both = precision({"types": chosen}, layer, key)
        assert both == Choice("ap_int<2>", f"hls.types.{names[0]}.precision.{key}", False)


@pytest.mark.parametrize(("linear", "dense", "message"), [
    ({"precision": {"weight": "ap_int<2>"}}, {"precision": {"weight": "ap_int<3>"}},
     "precision.weight: is ap_int<3>, but hls.types.Linear.precision.weight, another name of the same, is ap_int<2>; "
     "write hls.types.Linear.precision.weight instead"),
    ({"precision": "ap_int<2>"}, {"precision": {"bias": "ap_int<3>"}},
     "precision.bias: is ap_int<3>, but hls.types.Linear.precision.default, another name of the same, is ap_int<2>; "
     "write hls.types.Linear.precision.bias instead"),
    ({"reuse_factor": 2}, {"reuse_factor": 3},
     "reuse_factor: is 3, but hls.types.Linear.reuse_factor, another name of the same, is 2; "
     "write hls.types.Linear.reuse_factor instead"),
])
def test_what_another_name_of_the_same_type_would_hide_is_refused(linear: Any, dense: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Resolution.of({"types": {"Linear": linear, "Dense": dense}}, NETWORK)
    assert str(error.value) == f"hls.types.Dense.{message}"


def test_two_names_of_a_type_may_share_its_keys() -> None:
    hls = {"types": {"Linear": {"precision": {"weight": "ap_int<2>"}},
                     "Dense": {"precision": {"default": "ap_int<3>", "weight": "ap_int<2>"}, "reuse_factor": 4}}}
    assert [precision(hls, "fc1", key).value for key in ("weight", "bias")] == ["ap_int<2>", "ap_int<3>"]
    assert reuse(hls, "fc1").value == 4


def test_the_two_kinds_of_neuron_do_not_share_their_names() -> None:
    hls = {"model": {"precision": "ap_int<1>"}, "types": {"LIFNeuron": {"precision": "ap_int<2>", "reuse_factor": 2}}}
    assert [precision(hls, name, "membrane").value for name in ("lif1", "if2")] == ["ap_int<2>", "ap_int<1>"]
    assert [reuse(hls, name).value for name in ("lif1", "if2")] == [2, 1]


@pytest.mark.parametrize(("hls", "where"), [
    ({"model": {"precision": "ap_int<7>"}}, "hls.model"),
    ({"types": {"Dense": {"precision": "ap_int<7>"}}}, "hls.types.Dense"),
    ({"layers": {"fc1": {"precision": "ap_int<7>"}}}, "hls.layers.fc1"),
])
def test_a_precision_that_is_plain_text_is_the_default(hls: dict[str, Any], where: str) -> None:
    assert precision(hls, "fc1", "weight") == Choice("ap_int<7>", f"{where}.precision.default", "layers" in where)


@pytest.mark.parametrize("empty", [
    {"layers": {"fc1": None}}, {"layers": {"fc1": {}}},
    {"types": {"Linear": None}}, {"types": {"Linear": {"precision": None}}},
    {"layers": {"fc1": {"precision": {"weight": None, "default": None}, "reuse_factor": None}}},
])
def test_an_empty_entry_leaves_the_value_to_the_next_level(empty: dict[str, Any]) -> None:
    assert precision({**MODEL, **empty}, "fc1", "weight") == Choice("ap_int<2>", "hls.model.precision.weight", False)
    assert reuse({**MODEL, **empty}, "fc1").value == 2


def test_named_tells_a_key_written_for_the_layer_itself() -> None:
    resolution = Resolution.of({**MODEL, **TYPE, **LAYER}, NETWORK)
    found = [(layer.name, key) for layer in NETWORK.layers for key in KEYS.split(", ") if resolution.named(layer, key)]
    assert found == [("fc1", "default"), ("fc1", "weight")]


@pytest.mark.parametrize(("hls", "expected"), [
    ({**MODEL, **TYPE, **LAYER}, FixedType(5, 5)), ({**MODEL, **TYPE}, FixedType(3, 3)), (MODEL, FixedType(1, 1)),
    ({**MODEL, "layers": {"fc1": {"precision": "auto"}}}, FixedType(1, 1)), ({}, None),
    ({"model": {"precision": "auto"}}, None), ({"model": {"precision": "auto_8"}}, None),
    ({**MODEL, "layers": {"fc1": {"precision": "auto<8>"}}}, FixedType(1, 1)),
])
def test_the_default_of_a_layer_is_the_nearest_that_is_a_type(hls: dict[str, Any], expected: FixedType | None) -> None:
    assert Resolution.of(hls, NETWORK).default(NETWORK.layer("fc1")) == expected


SPELLINGS = {
    "auto": Auto(None), " auto ": Auto(None), "auto<8>": Auto(8), "auto_8": Auto(8), " auto < 8 > ": Auto(8),
    "auto<12,TRN>": Auto(12, ("TRN", "SAT")), "auto<12, AP_TRN_ZERO, AP_WRAP>": Auto(12, ("TRN_ZERO", "WRAP")),
    "auto_12_AP_RND_CONV_SAT_SYM": Auto(12, ("RND_CONV", "SAT_SYM")), "auto_12_TRN_ZERO": Auto(12, ("TRN_ZERO", "SAT")),
    "auto<1024>": Auto(1024),
}


@pytest.mark.parametrize("layer", NETWORK.layers, ids=lambda layer: layer.name)
@pytest.mark.parametrize(("text", "auto"), SPELLINGS.items())
def test_every_key_may_be_automatic_at_every_level(layer: Layer, text: str, auto: Auto) -> None:
    kind = type_names(layer)[0]
    for key in ("default", *KEYS_OF[kind]):
        for hls in (
            {"model": {"precision": {key: text}}}, {"types": {kind: {"precision": {key: text}}}},
            {"layers": {layer.name: {"precision": {key: text}}}},
        ):
            found = precision(hls, layer.name, KEYS_OF[kind][0] if key == "default" else key)
            assert (found.value, found.auto) == (text, auto)
    assert precision({"model": {"precision": text}}, layer.name, KEYS_OF[kind][0]).auto == auto


@pytest.mark.parametrize("text", [
    "auto<0>", "auto<1025>", "auto<>", "auto<-8>", "auto<8.5>", "auto<x>", "auto8", "auto_", "auto_0", "automatic",
    "auto<8", "auto<8,4>", "auto<8,RND,SAT,0>", "auto<8,SAT>", "auto_8_SAT", "auto<999999999999>", "auto auto",
])
def test_a_text_that_is_nearly_automatic_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        precision({"layers": {"fc1": {"precision": {"weight": text}}}}, "fc1", "weight").auto  # noqa: B018
    assert str(error.value) == (
        f"hls.layers.fc1.precision.weight: {text!r} is no automatic type; write auto, auto<W>, auto<W,Q,O> or "
        "auto_W_Q_O, with W in 1..1024, Q one of TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV and O "
        "one of WRAP, SAT, SAT_ZERO, SAT_SYM"
    )


@pytest.mark.parametrize("hls", [
    {}, {"model": None}, {"model": {"precision": None}}, {"model": {"precision": {"bias": "ap_int<2>"}}},
])
def test_a_key_without_a_precision_is_refused(hls: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        precision(hls, "fc1", "weight")
    assert str(error.value) == (
        "hls: no precision for 'weight' of layer 'fc1'; set hls.model.precision.default, for instance to ap_fixed<16,6>"
    )


@pytest.mark.parametrize(("name", "meant"), [("fc11", "fc1"), ("fc_2", "fc2"), ("lif", "lif1"), ("conv7", None)])
def test_an_unknown_layer_is_refused(name: str, meant: str | None) -> None:
    hint = f", did you mean '{meant}'" if meant else ""
    assert refused({"layers": {name: {"reuse_factor": 2}}}) == (
        f"hls.layers.{name}: there is no such layer{hint}; layers are {LAYERS}"
    )


@pytest.mark.parametrize(("name", "meant"), [("Liner", "Linear"), ("LIF", None), ("leaky", "Leaky"), ("Conv2d", None)])
def test_an_unknown_type_is_refused(name: str, meant: str | None) -> None:
    hint = f", did you mean '{meant}'" if meant else ""
    assert refused({"types": {name: None}}) == (
        f"hls.types.{name}: there is no such layer type{hint}; types are {TYPES}"
    )


@pytest.mark.parametrize(("hls", "where", "meant", "keys"), [
    ({"model": {"precision": {"weigth": "ap_int<4>"}}}, "hls.model.precision.weigth", "weight", KEYS),
    ({"types": {"Dense": {"precision": {"membrane": "ap_int<4>"}}}}, "hls.types.Dense.precision.membrane", None,
     "default, weight, bias, accum, result"),
    ({"types": {"Leaky": {"precision": {"treshold": "ap_int<4>"}}}}, "hls.types.Leaky.precision.treshold", "threshold",
     "default, beta, threshold, membrane"),
    ({"layers": {"lif1": {"precision": {"accum": "ap_int<4>"}}}}, "hls.layers.lif1.precision.accum", None,
     "default, beta, threshold, membrane"),
    ({"layers": {"fc1": {"precision": {"beta": "ap_int<4>"}}}}, "hls.layers.fc1.precision.beta", None,
     "default, weight, bias, accum, result"),
    ({"layers": {"input": {"precision": {"weight": "ap_int<4>"}}}}, "hls.layers.input.precision.weight", None,
     "default, result"),
    ({"layers": {"readout": {"precision": {"beta": "ap_int<4>"}}}}, "hls.layers.readout.precision.beta", None,
     "default, membrane, result"),
])
def test_a_key_that_the_layer_has_not_is_refused(hls: dict[str, Any], where: str, meant: str | None, keys: str) -> None:
    hint = f", did you mean '{meant}'" if meant else ""
    assert refused(hls) == f"{where}: there is no such key{hint}; keys are {keys}"


@pytest.mark.parametrize("where", ["layers.lif1", "layers.if2", "types.Leaky", "types.LIFNeuron", "types.IFNeuron"])
def test_a_precision_for_a_spike_is_refused(where: str) -> None:
    group, name = where.split(".")
    assert refused({group: {name: {"precision": {"result": "ap_uint<2>"}}}}) == (
        f"hls.{where}.precision.result: a spike is ap_uint<1>, always, found ap_uint<2>; remove the key"
    )


@pytest.mark.parametrize("where", [
    "layers.input", "layers.readout", "types.Input", "types.InputLayer", "types.Readout", "types.SNNReadout",
])
def test_a_reuse_factor_of_a_layer_that_has_none_is_refused(where: str) -> None:
    group, name = where.split(".")
    assert refused({group: {name: {"reuse_factor": 2}}}) == (
        f"hls.{where}.reuse_factor: only synapses and neurons have one; remove the key"
    )


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (-4, "-4"), (True, "True"), ("8", "'8'"), (2.0, "2.0")])
@pytest.mark.parametrize(("group", "name"), [("layers", "fc1"), ("types", "Linear"), ("model", None)])
def test_a_reuse_factor_that_is_no_count_is_refused(group: str, name: str | None, value: Any, shown: str) -> None:
    entry = {"reuse_factor": value}
    hls = {group: {name: entry} if name else entry}
    with pytest.raises(ConfigError) as error:
        reuse(hls, "fc1")
    where = ".".join(filter(None, ("hls", group, name)))
    assert str(error.value) == f"{where}.reuse_factor: a reuse factor is an integer of at least 1, found {shown}"


def test_a_text_that_is_no_type_is_refused_where_it_stands() -> None:
    with pytest.raises(ConfigError) as error:
        fixed_type(precision({"layers": {"fc1": {"precision": {"weight": "ap_fixed<0,1>"}}}}, "fc1", "weight"))
    assert str(error.value) == (
        "hls.layers.fc1.precision.weight: 'ap_fixed<0,1>': the width must lie in 1..1024, found 0"
    )
    with pytest.raises(ConfigError) as error:
        fixed_type(precision({"model": {"precision": "float"}}, "fc1", "weight"))
    assert str(error.value) == (
        "hls.model.precision.default: 'float' is not a fixed-point type; write ap_fixed<W,I>, ap_fixed<W,I,Q,O>, "
        "ap_ufixed<W,I,Q,O>, ap_int<W>, ap_uint<W> or ap_fixed_W_I_Q_O, with Q one of TRN, TRN_ZERO, RND, RND_ZERO, "
        "RND_INF, RND_MIN_INF, RND_CONV and O one of WRAP, SAT, SAT_ZERO, SAT_SYM, or auto or auto<W>"
    )


@pytest.mark.parametrize("layer", NETWORK.layers, ids=lambda layer: layer.name)
def test_an_empty_configuration_is_accepted_for_every_layer(layer: Layer) -> None:
    assert reuse({"model": None, "types": {}, "layers": {}}, layer.name).value == 1


IDLE = "no layer of the network is of this type"
SPIKING = Network((Input((6,), "fixed_window", 4), linear("fc", "input", 6, 4, bias=False), leaky("a", "fc", 4)))
INTEGRATING = Network((Input((6,), "fixed_window", 4), leaky("a", "input", 6, integrates=True), readout("a", 6)))
CURRENTS = Network((Input((6,), "fixed_window", 4), linear("fc", "input", 6, 2),
                    readout("fc", 2, "membrane", "binary_logit")))


@pytest.mark.parametrize(("network", "hls", "told"), [
    (SPIKING, {"types": {"IFNeuron": {"reuse_factor": 2}}}, [f"hls.types.IFNeuron has no effect: {IDLE}"]),
    (INTEGRATING, {"types": {"LIFNeuron": {"precision": "ap_int<8>"}, "Dense": {"precision": {"weight": "ap_int<8>"}}}},
     [f"hls.types.LIFNeuron has no effect: {IDLE}", f"hls.types.Dense has no effect: {IDLE}"]),
    (CURRENTS, {"types": {"Leaky": {"reuse_factor": 2}}}, [f"hls.types.Leaky has no effect: {IDLE}"]),
    (INTEGRATING, {"types": {"IFNeuron": {"precision": {"beta": "ap_int<8>", "membrane": "ap_int<8>"}}}},
     ["hls.types.IFNeuron.precision.beta has no effect: β is 1, such neurons integrate"]),
    (SPIKING, {"model": {"precision": {"alpha": "ap_int<8>", "bias": "ap_int<8>", "weight": "ap_int<8>"}}},
     [f"hls.model.precision.{key} has no effect: no layer of the network has use for it" for key in ("alpha", "bias")]),
    (INTEGRATING, {"model": {"precision": {"beta": "ap_int<8>", "accum": "auto", "result": "ap_int<8>"}}},
     [f"hls.model.precision.{key} has no effect: no layer of the network has use for it" for key in ("beta", "accum")]),
    (CURRENTS, {"model": {"precision": {"membrane": "auto", "threshold": "ap_int<8>"}}},
     ["hls.model.precision.threshold has no effect: no layer of the network has use for it"]),
])
def test_what_is_written_for_nothing_in_the_network_is_told(
    network: Network, hls: dict[str, Any], told: list[str]
) -> None:
    assert list(Resolution.of(hls, network).without_effect(network)) == told


@pytest.mark.parametrize("network", [SPIKING, INTEGRATING, CURRENTS, NETWORK])
@pytest.mark.parametrize("types", [
    {},
    # what shipped precisions and the shipped configuration say, whatever the network
    {"Readout": {"precision": {"membrane": "ap_int<8>", "result": "auto"}}},
    {"Input": {"precision": {"result": "ap_int<8>"}}},
    {"IFNeuron": {}, "LIFNeuron": {"precision": {"beta": None}, "reuse_factor": None}, "Dense": None},
])
def test_defaults_that_happen_to_have_no_use_are_not_told(network: Network, types: dict[str, Any]) -> None:
    hls = {"model": {"precision": "ap_int<8>", "reuse_factor": 4}, "types": types}
    assert Resolution.of(hls, network).without_effect(network) == ()


def test_keys_of_a_type_are_defaults_of_all_its_layers() -> None:
    shipped = {"Linear": {"precision": {"bias": "ap_int<8>"}}, "Leaky": {"precision": {"beta": "ap_int<8>"}}}
    for network in (SPIKING, NETWORK):
        assert Resolution.of({"types": shipped}, network).without_effect(network) == ()
