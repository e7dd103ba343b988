"""The readout: configuration over marker over defaults, and the refusal of everything that has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from extraction import extract
from torch import nn

from hlspike.generators.errors import ConfigError, UnsupportedModel
from hlspike.generators.ir import Network, Readout
from hlspike.generators.readout import SNNReadout


def spikes(marker: nn.Module | None = None, classes: int = 3) -> nn.Module:
    layers = [nn.Linear(4, classes), snn.Leaky(0.5, init_hidden=True)]
    return nn.Sequential(*layers, *([marker] if marker is not None else []))


def currents(marker: nn.Module | None = None, classes: int = 3) -> nn.Module:
    layers = [nn.Linear(4, 5), snn.Leaky(0.5, init_hidden=True), nn.Linear(5, classes)]
    return nn.Sequential(*layers, *([marker] if marker is not None else []))


def read(module: nn.Module, **readout: Any) -> Network:
    return extract(module, (4,), readout)[0]


def of(module: nn.Module, **readout: Any) -> Readout:
    found = read(module, **readout).readout
    assert found is not None
    return found


def test_defaults() -> None:
    network = read(spikes(SNNReadout()))
    assert network.readout == Readout(("1",), 3, "spike", "argmax_spike_count", 1, 1.0, "window")
    assert (network.input.reset_policy, network.input.window_size) == ("fixed_window", 1)
    assert network.notes == () and network.bounded(9).input.window_size == 1
    assert of(currents(SNNReadout("membrane"))) == Readout(("2",), 3, "membrane", "argmax_membrane", 1, 1.0, "window")


def test_no_readout_without_marker_and_keys() -> None:
    network = read(spikes(), **dict.fromkeys(("output_mode", "window_size", "beta", "emit")))
    assert network.readout is None and network.input.window_size is None and network.notes == ()
    network = read(spikes(), reset_policy="never")
    assert network.readout is None and network.input.reset_policy == "never"
    assert network.bounded(5) == network and network.warnings == ()
    assert read(spikes(), window_size=None).bounded(5).input.window_size == 5


@pytest.mark.parametrize("given", [{"window_size": 5}, {"emit": "window"}, {"class_threshold": 1}, {"n_classes": 3}])
def test_any_other_key_makes_a_readout(given: dict[str, Any]) -> None:
    assert of(spikes(), **given) == Readout(("1",), 3, "spike", "argmax_spike_count", 1, 1.0, "window")


def test_every_key_from_the_configuration_and_from_the_marker() -> None:
    keys = {"output_mode": "spike", "decision_rule": "first_to_threshold", "class_threshold": 4, "n_classes": 3}
    keys |= {"window_size": 7, "reset_policy": "fixed_window", "emit": "step", "beta": 1.0}
    expected = Readout(("1",), 3, "spike", "first_to_threshold", 4, 1.0, "step")
    for network in (read(spikes(), **keys), read(spikes(SNNReadout(**keys)))):
        assert network.readout == expected and network.input.window_size == 7 and network.notes == ()


def test_configured_values_overrule_the_marker_and_a_note_says_so() -> None:
    marker = SNNReadout(window_size=1, decision_rule="first_to_threshold", class_threshold=3)
    network = read(spikes(marker), window_size=25, class_threshold=3, decision_rule=None)
    assert network.input.window_size == 25
    assert network.readout == Readout(("1",), 3, "spike", "first_to_threshold", 3, 1.0, "window")
    assert network.notes == ("readout.window_size 25 overrules the marker's 1",)


def foreign(**attributes: Any) -> nn.Module:
    """A marker of another package: only its class name and its attributes are known."""

    class SNNReadout(nn.Module):
        def forward(self, x):
            return x

    marker = SNNReadout()
    for name, value in attributes.items():
        setattr(marker, name, value)
    return marker


def test_markers_of_other_packages() -> None:
    marker = foreign(n_classes=3, stream_length=7, decision_rule="threshold_then_argmax", class_threshold=2)
    network = read(spikes(marker))
    assert network.readout == Readout(("1",), 3, "spike", "threshold_then_argmax", 2, 1.0, "window")
    assert network.input.window_size == 7
    marker = foreign(output_mode="membrane", beta=torch.tensor(0.5), _cache=1, colour="red")
    network = read(currents(marker), window_size=2)
    assert network.readout == Readout(("2",), 3, "membrane", "argmax_membrane", 1, 0.5, "window")
    assert network.notes == ("readout '3': attribute colour is unknown and has no effect",)


class Derived(SNNReadout):
    pass


class Renamed(nn.Module):
    """What a colleague calls the marker."""

    decision_rule = "first_to_threshold"

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.register_buffer("beta", torch.tensor(1.0))
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_a_class_derived_from_the_marker_counts_with_a_note() -> None:
    network = read(spikes(Derived(window_size=4, class_threshold=2)))
    assert network.readout == Readout(("1",), 3, "spike", "argmax_spike_count", 2, 1.0, "window")
    assert network.notes == (
        "readout '2': Derived counts as the SNNReadout it is derived from",
        "readout '2': class_threshold has no effect with decision_rule argmax_spike_count",
    )
    assert read(spikes(type("Twice", (Derived,), {})(window_size=4))).input.window_size == 4


def test_an_identity_of_another_name_with_the_attributes_of_the_marker_counts_with_a_note() -> None:
    network = read(spikes(Renamed(window_size=4, class_threshold=2)))
    assert network.readout == Readout(("1",), 3, "spike", "first_to_threshold", 2, 1.0, "window")
    assert network.input.window_size == 4
    assert set(network.marked) == {"decision_rule", "window_size", "class_threshold", "beta"}
    assert network.notes == (
        "readout '2': Renamed counts as an SNNReadout: it is an identity with decision_rule, window_size, "
        "class_threshold, beta",
    )


class Tap(nn.Module):
    """An identity with something to say of itself, but of no decision."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize("attributes", [{}, {"beta": 0.5}, {"window_size": 3}, {"beta": 0.5, "window_size": 3}])
def test_an_identity_with_one_such_attribute_is_no_marker(attributes: dict[str, Any]) -> None:
    network = read(spikes(Tap(**attributes)))
    assert network.readout is None and network.notes == ()


def test_a_network_or_a_layer_with_such_attributes_is_no_marker() -> None:
    class Net(nn.Sequential):
        decision_rule, window_size, n_classes = "argmax_spike_count", 9, 3

    assert read(Net(*spikes())).readout is None

    class Scale(Renamed):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    with pytest.raises(UnsupportedModel, match=r"^module '2': mul of "):
        read(spikes(Scale(window_size=4)))


def test_aliases() -> None:
    assert read(spikes(), stream_length=9).input.window_size == 9
    assert read(spikes(), stream_length=9, window_size=9).input.window_size == 9
    network = read(spikes(SNNReadout(state_reset_policy="never", stream_length=None)))
    assert network.input.reset_policy == "never"


def test_never_emits_every_step() -> None:
    network = read(spikes(SNNReadout(window_size=4)), reset_policy="never")
    assert network.readout == Readout(("1",), 3, "spike", "argmax_spike_count", 1, 1.0, "step")
    assert (network.input.reset_policy, network.input.window_size) == ("never", None)
    assert network.notes == ("readout '2': window_size has no effect: reset_policy never ends no window",)


@pytest.mark.parametrize(("policy", "why"), [
    ("tlast", "tlast ends a sequence with its packet"),
    ("host_pulse", "host_pulse ends a sequence where the host says so"),
])
@pytest.mark.parametrize("key", ["reset_policy", "state_reset_policy"])
def test_a_sequence_that_ends_from_outside_decides_at_its_end_and_needs_no_window(
    policy: str, why: str, key: str
) -> None:
    network = read(spikes(SNNReadout(**{key: policy})))
    assert network.readout == Readout(("1",), 3, "spike", "argmax_spike_count", 1, 1.0, "window")
    assert (network.input.reset_policy, network.input.window_size, network.notes) == (policy, None, ())
    assert network.bounded(9) == network
    network = read(spikes(), window_size=4, **{key: policy})
    assert (network.input.reset_policy, network.input.window_size) == (policy, None)
    assert network.notes == (f"readout.window_size has no effect: reset_policy {why}",)


def test_decision_rule_none_leaves_only_the_window() -> None:
    network = read(spikes(SNNReadout(window_size=4, class_threshold=2)), decision_rule="none")
    assert network.readout is None and network.input.window_size == 4
    assert network.notes == ("readout '2': class_threshold has no effect: decision_rule is none",)
    assert read(currents(), decision_rule="none", window_size=3).input.window_size == 3


def test_a_rule_of_one_mode_implies_it() -> None:
    network = read(currents(), decision_rule="argmax_membrane", window_size=2)
    assert network.readout == Readout(("2",), 3, "membrane", "argmax_membrane", 1, 1.0, "window")
    assert network.notes == ("readout.decision_rule argmax_membrane implies output_mode membrane",)


def test_values_without_effect_are_noted() -> None:
    network = read(spikes(SNNReadout(class_threshold=2)), beta=0.5, window_size=2)
    assert network.notes == (
        "readout '2': class_threshold has no effect with decision_rule argmax_spike_count",
        "readout.beta has no effect in output_mode spike",
    )


@pytest.mark.parametrize("rule", ["first_to_threshold", "threshold_then_argmax"])
def test_a_threshold_that_no_count_can_reach_is_noted(rule: str) -> None:
    told = (
        "readout.class_threshold is 6, but no class spikes more than 5 times in window_size 5: "
        "the largest count always decides"
    )
    assert read(spikes(), decision_rule=rule, class_threshold=6, window_size=5).notes == (told,)
    assert read(spikes(), decision_rule=rule, class_threshold=5, window_size=5).notes == ()
    assert read(spikes(), decision_rule=rule, class_threshold=6, reset_policy="never").notes == ()
    assert read(spikes(SNNReadout(decision_rule=rule, class_threshold=2))).notes == (
        "readout '2': class_threshold is 2, but no class spikes more than 1 times in window_size 1: "
        "the largest count always decides",
    )


KEEP = "or readout.reset_policy=never to keep state"
SIZED = "if a sequence has as many timesteps as those of the stimulus"


@pytest.mark.parametrize("readout", [{"output_mode": "spike"}, {"emit": "step"}, {"class_threshold": 1}])
def test_a_forgotten_window_is_a_warning_that_says_what_it_means(readout: dict[str, Any]) -> None:
    told = (
        "readout.window_size is not given, so every timestep is a sequence of its own: state is cleared and a decision "
        f"taken after each; set readout.window_size=25 {SIZED}, {KEEP}"
    )
    for module, given in ((spikes(), readout), (spikes(SNNReadout(**readout)), {})):
        network = read(module, **given).bounded(25)
        assert network.warnings == (told,) and network.bounded(25) == network
        assert Network.from_json(read(module, **given).to_json()).bounded(25) == network


@pytest.mark.parametrize("readout", [{}, {"decision_rule": "none"}, {"reset_policy": "fixed_window"}])
def test_a_forgotten_window_without_decision_is_as_long_as_the_stimulus_and_a_warning(readout: dict[str, Any]) -> None:
    network = read(spikes(), **readout).bounded(25)
    assert network.input.window_size == 25 and network.warnings == (
        "readout.window_size is not given, so a sequence is 25 timesteps: state is cleared after each; set "
        f"readout.window_size=25 {SIZED}, {KEEP}",
    )


@pytest.mark.parametrize("readout", [
    {"window_size": 1}, {"stream_length": 1}, {"window_size": 25}, {"window_size": 5, "emit": "step"},
    {"reset_policy": "never"}, {"reset_policy": "never", "output_mode": "spike"},
    {"decision_rule": "none", "window_size": 1}, {"decision_rule": "none", "reset_policy": "never"},
])
def test_a_window_that_is_meant_is_no_warning(readout: dict[str, Any]) -> None:
    for network in (read(spikes(), **readout), read(spikes(SNNReadout(**readout)))):
        assert network.bounded(25).warnings == ()
    assert read(spikes(SNNReadout(window_size=1)), decision_rule="argmax_spike_count").bounded(25).warnings == ()


SPIKE_RULES = "output_mode spike has argmax_spike_count, first_to_threshold, threshold_then_argmax, binary_logit"
CONFIGURED: list[tuple[dict[str, Any], str]] = [
    (
        {"mode": "spike"},
        "readout.mode: unknown key; known are output_mode, decision_rule, window_size, "
        "class_threshold, beta, n_classes, reset_policy, emit, stream_length, state_reset_policy",
    ),
    ({"output_mode": "rate"}, "readout.output_mode is 'rate'; known are spike, membrane"),
    (
        {"output_mode": "membrane"},
        "readout: output_mode membrane takes currents, but '1' puts out spikes; set readout.output_mode to spike, or "
        "end the model with a Linear",
    ),
    (
        {"output_mode": "spike", "decision_rule": "argmax_membrane"},
        f"readout.decision_rule is 'argmax_membrane'; {SPIKE_RULES}",
    ),
    (
        {"decision_rule": "majority"},
        "readout.decision_rule is 'majority'; known are argmax_spike_count, first_to_threshold, threshold_then_argmax, "
        "binary_logit, argmax_membrane, none",
    ),
    (
        {"decision_rule": "binary_logit"},
        "readout.decision_rule is 'binary_logit'; it needs 2 classes, but '1' has 3 outputs",
    ),
    ({"window_size": 0}, "readout.window_size is 0; give an integer of at least 1"),
    ({"window_size": 2.5}, "readout.window_size is 2.5; give an integer of at least 1"),
    ({"window_size": True}, "readout.window_size is True; give an integer of at least 1"),
    ({"stream_length": "long"}, "readout.stream_length is 'long'; give an integer of at least 1"),
    ({"class_threshold": -1}, "readout.class_threshold is -1; give an integer of at least 1"),
    ({"class_threshold": 2**31}, "readout.class_threshold is 2147483648; give at most 2147483647"),
    ({"window_size": 2**31}, "readout.window_size is 2147483648; give at most 2147483647"),
    ({"beta": 1.5}, "readout.beta is 1.5; give a number in 0..1"),
    ({"beta": float("nan")}, "readout.beta is nan; give a number in 0..1"),
    ({"beta": "0.5"}, "readout.beta is '0.5'; give a number in 0..1"),
    ({"n_classes": 4}, "readout.n_classes is 4; but '1' has 3 outputs; set it to 3 or to null"),
    (
        {"reset_policy": "sometimes"},
        "readout.reset_policy is 'sometimes'; known are fixed_window, tlast, host_pulse, never",
    ),
    ({"emit": "twice"}, "readout.emit is 'twice'; known are window, step"),
    (
        {"emit": "window", "reset_policy": "never"},
        "readout.emit is 'window'; reset_policy never has no windows; set emit to step or to null",
    ),
    (
        {"window_size": 3, "stream_length": 4},
        "readout.stream_length is 4; but window_size, the same thing, is 3; give one of them",
    ),
]


@pytest.mark.parametrize(("readout", "message"), CONFIGURED)
def test_configured_faults(readout: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(spikes(), **readout)
    assert str(error.value) == message


@pytest.mark.parametrize("readout", [{}, {"output_mode": "spike"}, {"window_size": 5}])
def test_spikes_asked_of_a_network_that_ends_in_currents(readout: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        read(currents(SNNReadout()), **readout)
    assert str(error.value) == (
        "readout: output_mode spike takes spikes, but '2' puts out currents; set readout.output_mode to membrane, or "
        "end the model with a Leaky"
    )


MARKED: list[tuple[dict[str, Any], str]] = [
    ({"window_size": 0}, "readout '2': window_size is 0; give an integer of at least 1"),
    ({"n_classes": 10}, "readout '2': n_classes is 10; but '1' has 3 outputs; set it to 3 or to null"),
    (
        {"state_reset_policy": "last"},
        "readout '2': state_reset_policy is 'last'; known are fixed_window, tlast, host_pulse, never",
    ),
    (
        {"window_size": 3, "stream_length": 4},
        "readout '2': stream_length is 4; but window_size, the same thing, is 3; give one of them",
    ),
    (
        {"output_mode": "membrane"},
        "readout: output_mode membrane takes currents, but '1' puts out spikes; set readout.output_mode to spike, or "
        "end the model with a Linear",
    ),
]


@pytest.mark.parametrize(("attributes", "message"), MARKED)
def test_faults_of_the_marker(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedModel) as error:
        read(spikes(SNNReadout(**attributes)))
    assert str(error.value) == message


def test_a_fault_of_the_marker_that_the_configuration_mends() -> None:
    network = read(spikes(SNNReadout(reset_policy="last")), reset_policy="fixed_window", window_size=2)
    assert network.input.reset_policy == "fixed_window"


class Whole:
    """A number of another library."""

    def __index__(self) -> int:
        return 6


@pytest.mark.parametrize(("value", "window"), [(Whole(), 6), (torch.tensor([6]), 6), (np.int64(6), 6), (None, 1)])
def test_what_the_marker_holds_counts_by_its_value(value: Any, window: int) -> None:
    assert read(spikes(foreign(window_size=value))).input.window_size == window


@pytest.mark.parametrize("value", [torch.tensor([1, 2]), [3], {"shown": 3}, torch.tensor(2.5), object])
def test_a_value_that_no_key_takes_is_shown_as_it_is(value: Any) -> None:
    shown = 2.5 if isinstance(value, torch.Tensor) and value.ndim == 0 else value
    with pytest.raises(UnsupportedModel) as error:
        read(spikes(foreign(window_size=value)))
    assert str(error.value) == f"readout '2': window_size is {shown!r}; give an integer of at least 1"
    assert read(spikes(foreign(window_size=value)), window_size=4).notes == (
        f"readout.window_size 4 overrules the marker's {shown}",
    )
