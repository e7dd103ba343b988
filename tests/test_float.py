"""The float executor equals a plain snnTorch loop, and the extracted network equals both, spike for spike."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from cases import described
from extraction import extract, run_float
from test_extract import FORMS, Forms
from torch import nn

from hlspike.generators.errors import DataError
from hlspike.generators.extract import executor
from hlspike.generators.ir import Linear, Network, Neuron
from hlspike.generators.readout import SNNReadout
from hlspike.generators.stimulus import Stimulus


def stimulus(shape: tuple[int, ...], sequences: int = 4, timesteps: int = 12, **more: Any) -> Stimulus:
    """Values in eighths: sums are exact and ties with the threshold are common."""
    random = np.random.default_rng(5)
    frames = random.integers(-4, 12, (sequences, timesteps, *shape)) / 8
    return Stimulus.validated({"frames": frames.astype(np.float32), **more}, shape)


def eighths(module: nn.Module) -> nn.Module:
    random = np.random.default_rng(6)
    for part in module.modules():
        if isinstance(part, nn.Linear):
            for parameter in part.parameters():
                parameter.data = torch.tensor(random.integers(-8, 12, parameter.shape) / 8, dtype=torch.float32)
    return module


def plain_loop(layers: list[nn.Module], frames: np.ndarray, ends: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(spikes, membranes) of each neuron layer, the layers called one after the other with explicit states.

    snnTorch's own classes do all the arithmetic; nothing of this project takes part.
    """
    neurons = [layer for layer in layers if isinstance(layer, snn.Leaky)]
    record: dict[int, tuple[list[Any], list[Any]]] = {id(n): ([], []) for n in neurons}
    membrane: dict[int, Any] = {}
    for t in range(frames.shape[1]):
        x = torch.from_numpy(frames[:, t]).double()
        for layer in layers:
            if isinstance(layer, snn.Leaky):
                mem = membrane.get(id(layer), torch.zeros_like(x))
                x, mem = layer(x, mem)
                x = x.double()
                record[id(layer)][0].append(x.clone())
                record[id(layer)][1].append(mem.clone())
                membrane[id(layer)] = mem
            else:
                x = layer(x)
        if t in ends:
            membrane.clear()
    return [tuple(torch.stack(r, 1).detach().numpy() for r in record[id(n)]) for n in neurons]  # type: ignore[misc]


def explicit(layers: list[nn.Module]) -> list[nn.Module]:
    """The same layers in float64, with the state in the caller's hands."""
    for layer in layers:
        layer.double().eval()
        if isinstance(layer, snn.Leaky):
            layer.init_hidden = layer.output = False
    return layers


def interpret(network: Network, parameters: Any, frames: np.ndarray, ends: list[int]) -> dict[str, np.ndarray]:
    """The equations of Leaky, in float64: spikes/<layer> and mem/<layer>."""
    sequences, timesteps = frames.shape[:2]
    channels_last = np.moveaxis(frames, 2, -1) if frames.ndim > 3 else frames
    inputs = channels_last.reshape(sequences, timesteps, -1).astype(np.float64)
    trace: dict[str, np.ndarray] = {}
    for layer in network.layers[1:]:
        if isinstance(layer, Linear):
            bias = parameters[f"{layer.name}/bias"] if layer.bias else 0.0
            inputs = inputs @ parameters[f"{layer.name}/weight"].T + bias
        elif isinstance(layer, Neuron):
            own = described(layer)
            beta = 1.0 if own.integrates else parameters[f"{layer.name}/beta"]
            theta = parameters[f"{layer.name}/threshold"]
            spikes, membranes = np.zeros(inputs.shape, np.uint8), np.zeros(inputs.shape)
            u = np.zeros((sequences, layer.size))
            for t in range(timesteps):
                r = (u - theta > 0) * 1.0
                if own.reset_mechanism == "zero":
                    u = beta * (1 - r) * u + inputs[:, t]
                else:
                    u = beta * u + inputs[:, t] - r * theta * (own.reset_mechanism == "subtract")
                s = (u - theta > 0) * 1.0
                if layer.inhibition:
                    s = s * (np.arange(layer.size) == np.argmax(u - theta, axis=1)[:, None])
                if not own.reset_delay:
                    d = s - r
                    u = u - d * {"subtract": theta, "zero": u, "none": 0.0}[own.reset_mechanism]
                spikes[:, t], membranes[:, t] = s, u
                if t in ends:
                    u = np.zeros_like(u)
            trace[f"spikes/{layer.name}"], trace[f"mem/{layer.name}"] = spikes, membranes
            inputs = spikes.astype(np.float64)
    return trace


def assert_all_agree(
    module: nn.Module, layers: list[nn.Module], data: Stimulus, window: int, factors: tuple[float, ...] = (1.0, 1.0)
) -> None:
    """Float executor, plain loop and interpreted network on `data`, reset after every `window` timesteps."""
    shape = data.frames.shape[2:]
    network, parameters = extract(module, shape, {"decision_rule": "none", "window_size": window})
    got = run_float(module, network, data, "states")
    ends = list(range(window - 1, data.frames.shape[1], window))
    read = interpret(network, parameters, data.frames, ends)
    reference = plain_loop(explicit(layers), data.frames, ends)
    fired = 0
    for layer, factor, (spikes, membranes) in zip(network.neurons, factors, reference, strict=False):
        np.testing.assert_array_equal(got[f"spikes/{layer.name}"], flat(spikes / factor))
        np.testing.assert_array_equal(got[f"mem/{layer.name}"], flat(membranes))
        np.testing.assert_array_equal(read[f"spikes/{layer.name}"], got[f"spikes/{layer.name}"])
        np.testing.assert_allclose(read[f"mem/{layer.name}"], got[f"mem/{layer.name}"], rtol=1e-12, atol=1e-12)
        fired += int(spikes.any())
    assert fired, "a silent network proves nothing"


def flat(values: np.ndarray) -> np.ndarray:
    values = np.moveaxis(values, 2, -1) if values.ndim > 3 else values
    return values.reshape(*values.shape[:2], -1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("window", [12, 4])
def test_every_form_runs_as_the_plain_loop(form: type[Forms], window: int) -> None:
    module, twin = eighths(form()), eighths(form())
    assert isinstance(twin, Forms)
    assert_all_agree(module, [twin.fc1, twin.lif1, twin.fc2, twin.lif2], stimulus((4,)), window)


@pytest.mark.parametrize("form", FORMS)
def test_state_left_over_from_training_does_not_reach_the_trace(form: type[Forms]) -> None:
    data = stimulus((4,))
    module, used = eighths(form()), eighths(form())
    state = {"RequiredArguments": [None] * 3, "StateOfBothInOneList": [None]}.get(form.__name__, [])
    for _ in range(3):
        used(torch.rand(4, 4) * 3, *state)
    network, _ = extract(module, (4,), {"decision_rule": "none", "window_size": 4})
    expected, got = run_float(module, network, data, "states"), run_float(used, network, data, "states")
    for key in expected:
        np.testing.assert_array_equal(got[key], expected[key])


def net(mechanism: str, delay: bool, vector: bool, inhibition: bool, factor: float, seed: int | None) -> nn.Sequential:
    torch.manual_seed(seed or 0)
    beta: Any = torch.tensor([0.5, 1.0, 0.0, 0.75, -0.25]) if vector else 0.75
    threshold: Any = torch.tensor([0.5, 1.0, 2.0, 0.0, -0.5]) if vector else 1.0
    options = {"reset_mechanism": mechanism, "reset_delay": delay, "init_hidden": True}
    module = nn.Sequential(
        nn.Linear(4, 5),
        snn.Leaky(beta, threshold, inhibition=inhibition, graded_spikes_factor=factor, **options),
        nn.Linear(5, 3),
        snn.Leaky(1.0, 0.5, **options),
    )
    return module if seed is not None else eighths(module)  # type: ignore[return-value]


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
@pytest.mark.parametrize("inhibition", [False, True])
@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_neuron(mechanism: str, delay: bool, vector: bool, inhibition: bool, seed: int | None) -> None:
    arguments = (mechanism, delay, vector, inhibition, 1.0, seed)
    assert_all_agree(net(*arguments), list(net(*arguments)), stimulus((4,)), 12)


@pytest.mark.parametrize("factor", [0.5, -2.0, 0.3])
@pytest.mark.parametrize(("mechanism", "delay"), list(itertools.product(["subtract", "zero", "none"], [True, False])))
def test_graded_spikes(mechanism: str, delay: bool, factor: float) -> None:
    arguments = (mechanism, delay, True, False, factor, 4)
    worth = float(np.float32(factor))
    assert_all_agree(net(*arguments), list(net(*arguments)), stimulus((4,)), 6, factors=(worth, 1.0))


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
def test_inhibition_ignores_the_factor_of_graded_spikes() -> None:
    arguments = ("subtract", True, False, True, 0.5, None)
    assert_all_agree(net(*arguments), list(net(*arguments)), stimulus((4,)), 12)


@pytest.mark.parametrize("shape", [(2, 3, 2), (3, 4), (1, 2, 2)])
@pytest.mark.parametrize("first", ["flatten", "leaky", "flatten, leaky"])
def test_maps_are_sent_channels_last(shape: tuple[int, ...], first: str) -> None:
    def build() -> nn.Sequential:
        channels = torch.linspace(0.25, 0.75, shape[0]).reshape(-1, *(1 for _ in shape[1:]))
        size = int(np.prod(shape))
        head: list[nn.Module] = {
            "flatten": [nn.Flatten()],
            "leaky": [snn.Leaky(channels, threshold=torch.rand(shape), init_hidden=True), nn.Flatten()],
            "flatten, leaky": [nn.Flatten(), snn.Leaky(torch.rand(1, size), torch.rand(size), init_hidden=True)],
        }[first]
        return nn.Sequential(*head, nn.Linear(size, 5), snn.Leaky(0.5, init_hidden=True))

    torch.manual_seed(2)
    module = build()
    torch.manual_seed(2)
    twin = build()
    if first != "flatten, leaky":
        assert_all_agree(module, list(twin), stimulus(shape), 12)
        return
    # the vector behind Flatten is in hardware order too
    network, parameters = extract(module, shape, {"decision_rule": "none", "window_size": 12})
    got, data = run_float(module, network, stimulus(shape), "states"), stimulus(shape)
    spikes, membranes = plain_loop(explicit(list(twin)), data.frames, [11])[0]
    maps = (4, 12, *shape)
    np.testing.assert_array_equal(got["spikes/1"], flat(spikes.reshape(maps)))
    np.testing.assert_array_equal(got["mem/1"], flat(membranes.reshape(maps)))
    read = interpret(network, parameters, data.frames, [11])
    np.testing.assert_array_equal(read["spikes/1"], got["spikes/1"])
    np.testing.assert_array_equal(read["spikes/3"], got["spikes/3"])


def spiking(marker: SNNReadout | None = None, classes: int = 3) -> nn.Sequential:
    layers = [nn.Linear(4, classes), snn.Leaky(0.75, init_hidden=True), *([marker] if marker else [])]
    return eighths(nn.Sequential(*layers))  # type: ignore[return-value]


def counts_by_hand(module: nn.Sequential, data: Stimulus, window: int | None, carry: bool) -> list[np.ndarray]:
    """Per sequence (length, K): spikes of each class since the window began, counted in plain Python."""
    layers = explicit(list(module)[:2])
    found, membrane, count = [], None, None
    for frames, length in zip(data.frames, data.lengths, strict=True):
        rows = []
        for t in range(length):
            x = layers[0](torch.from_numpy(frames[None, t]).double())
            spk, membrane = layers[1](x, torch.zeros_like(x) if membrane is None else membrane)
            spikes = spk[0].detach().numpy().astype(int)
            count = spikes if count is None else count + spikes
            rows.append(count)
            if window is not None and (t + 1) % window == 0:
                membrane = count = None
        found.append(np.array(rows))
        assert carry or membrane is None
    return found


def first_to(counts: np.ndarray, threshold: int, window: int) -> list[int]:
    """The decision at every timestep, read off the definition."""
    decisions = []
    for t in range(len(counts)):
        begin = t - t % window
        reached = [k for u in range(begin, t + 1) for k in range(counts.shape[1]) if counts[u, k] >= threshold]
        decisions.append(reached[0] if reached else int(np.argmax(counts[t])))
    return decisions


@pytest.mark.parametrize("emit", ["window", "step"])
@pytest.mark.parametrize("window", [12, 4, 1])
def test_spike_rules(window: int, emit: str) -> None:
    data = stimulus((4,), sequences=6)
    counts = counts_by_hand(spiking(), data, window, carry=False)
    for rule, threshold in [("argmax_spike_count", 1), ("first_to_threshold", 3), ("threshold_then_argmax", 3)]:
        readout = {"decision_rule": rule, "window_size": window, "class_threshold": threshold, "emit": emit}
        network, _ = extract(spiking(), (4,), readout)
        got = run_float(spiking(), network, data, "states")
        if rule == "argmax_spike_count":
            steps = [[int(np.argmax(row)) for row in c] for c in counts]
        elif rule == "first_to_threshold":
            steps = [first_to(c, threshold, window) for c in counts]
        else:
            steps = [[next((k for k in range(3) if r[k] >= threshold), int(np.argmax(r))) for r in c] for c in counts]
        assert got["decision"].dtype == np.int64
        assert got["decision"].tolist() == [row[-1] for row in steps]
        np.testing.assert_array_equal(got["readout/count"], np.array(counts))
        assert ("decision_steps" in got) == (emit == "step")
        if emit == "step":
            assert got["decision_steps"].tolist() == steps


@pytest.mark.parametrize("trace", ["decisions", "spikes", "states"])
def test_never_carries_the_state_from_sequence_to_sequence(trace: Any) -> None:
    data = stimulus((4,), sequences=4, timesteps=7, lengths=np.array([7, 2, 5, 1]))
    counts = counts_by_hand(spiking(), data, None, carry=True)
    network, _ = extract(spiking(), (4,), {"reset_policy": "never", "decision_rule": "first_to_threshold"})
    network = network.bounded(7)
    got = run_float(spiking(), network, data, trace)
    steps = first_to(np.concatenate(counts), 1, 10**6)
    assert got["decision_steps"][data.valid].tolist() == steps
    assert got["decision"].tolist() == [steps[i] for i in (6, 8, 13, 14)]
    assert not got["decision_steps"][~data.valid].any()
    expected = {"decision", "decision_steps"} | {
        "decisions": set(),
        "spikes": {"spikes/1"},
        "states": {"spikes/1", "mem/1", "readout/count"},
    }[trace]
    assert set(got) == expected
    if trace == "states":
        np.testing.assert_array_equal(got["readout/count"][data.valid], np.concatenate(counts))


def currents_by_hand(module: nn.Sequential, data: Stimulus) -> np.ndarray:
    spikes = plain_loop(explicit(list(module)[:2]), data.frames, [5, 11])[0][0]
    last: Any = module[2].double()
    return last(torch.from_numpy(spikes)).detach().numpy()


def integrating(marker: SNNReadout | None = None) -> nn.Sequential:
    module = [nn.Linear(4, 5), snn.Leaky(0.75, init_hidden=True), nn.Linear(5, 2), *([marker] if marker else [])]
    return eighths(nn.Sequential(*module))  # type: ignore[return-value]


@pytest.mark.parametrize("rule", ["argmax_membrane", "binary_logit"])
@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_membrane_rules(rule: str, beta: float) -> None:
    data = stimulus((4,))
    currents = currents_by_hand(integrating(), data)
    membrane = np.zeros((4, 12, 2))
    for t in range(12):
        membrane[:, t] = currents[:, t] + (beta * membrane[:, t - 1] if t % 6 else 0.0)
    marker = SNNReadout("membrane", rule, 6, beta=beta, n_classes=2, emit="step")
    network, _ = extract(integrating(marker), (4,), {})
    got = run_float(integrating(marker), network, data, "states")
    np.testing.assert_array_equal(got["readout/mem"], membrane)
    steps = membrane[..., 1] - membrane[..., 0] if rule == "binary_logit" else membrane.argmax(-1)
    np.testing.assert_array_equal(got["decision_steps"], steps)
    np.testing.assert_array_equal(got["decision"], steps[:, -1])
    assert got["decision"].dtype == (np.float64 if rule == "binary_logit" else np.int64)


def test_the_logit_of_spike_counts() -> None:
    data = stimulus((4,), sequences=6)
    counts = np.array(counts_by_hand(spiking(classes=2), data, 12, carry=False))
    network, _ = extract(spiking(classes=2), (4,), {"decision_rule": "binary_logit", "window_size": 12})
    got = run_float(spiking(classes=2), network, data, "decisions")
    np.testing.assert_array_equal(got["decision"], (counts[:, -1, 1] - counts[:, -1, 0]).astype(np.float64))
    assert got["decision"].dtype == np.float64
    assert set(got) == {"decision"}


def test_padding_is_zero_and_the_decision_that_of_the_last_used_timestep() -> None:
    lengths = np.array([12, 4, 8, 4])
    data, full = stimulus((4,), lengths=lengths), stimulus((4,))
    network, _ = extract(spiking(), (4,), {"window_size": 4, "emit": "step"})
    got, whole = run_float(spiking(), network, data, "states"), run_float(spiking(), network, full, "states")
    for key in ("spikes/1", "mem/1", "readout/count", "decision_steps"):
        assert not got[key][~data.valid].any()
        np.testing.assert_array_equal(got[key][data.valid], whole[key][data.valid])
    np.testing.assert_array_equal(got["decision"], whole["decision_steps"][np.arange(4), lengths - 1])


def test_without_readout_the_output_is_traced() -> None:
    data = stimulus((4,))
    network, _ = extract(spiking(), (4,), {})
    assert network.input.window_size is None
    got = run_float(spiking(), network.bounded(12), data, "spikes")
    assert set(got) == {"output", "spikes/1"}
    np.testing.assert_array_equal(got["output"], got["spikes/1"])
    assert got["output"].dtype == np.uint8
    network, _ = extract(integrating(), (4,), {"decision_rule": "none", "window_size": 6})
    got = run_float(integrating(), network, data, "decisions")
    assert set(got) == {"output"}
    np.testing.assert_array_equal(got["output"], currents_by_hand(integrating(), data))


def test_a_sequence_that_the_window_cuts_is_refused() -> None:
    network, _ = extract(spiking(), (4,), {"window_size": 5})
    with pytest.raises(DataError) as error:
        run_float(spiking(), network, stimulus((4,)), "decisions")
    assert str(error.value) == (
        "data: sequence 0 has 12 timesteps, but reset_policy fixed_window ends a sequence every 5; pad it with "
        "timesteps without input to a multiple, cut it, or set readout.window_size; for sequences of different "
        "lengths set readout.reset_policy=tlast"
    )


def test_a_threshold_beyond_single_precision_is_not_rounded() -> None:
    # snnTorch's surrogates return float32, and float32 spikes times a scalar threshold would be float32 again
    module = eighths(nn.Sequential(nn.Linear(4, 3), snn.Leaky(0.5, np.float64(0.1), init_hidden=True)))
    data = stimulus((4,))
    network, parameters = extract(module, (4,), {"decision_rule": "none", "window_size": 12})
    got = run_float(module, network, data, "states")
    np.testing.assert_array_equal(got["mem/1"], interpret(network, parameters, data.frames, [11])["mem/1"])
    assert got["spikes/1"].any()


@pytest.mark.parametrize("policy", ["fixed_window", "tlast", "host_pulse", "never"])
@pytest.mark.parametrize("layers", [
    [nn.Linear(3, 4), snn.Leaky(beta=0.5, init_hidden=True)], [nn.Linear(3, 4), SNNReadout(output_mode="membrane")],
], ids=["spikes", "currents"])
def test_batches_change_nothing(policy: str, layers: list[nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    module = eighths(nn.Sequential(*layers))
    asked: dict[str, Any] = {"reset_policy": policy, "emit": "step"}
    if policy == "fixed_window":
        asked["window_size"] = 6
    network, _ = extract(module, (3,), asked if isinstance(layers[-1], SNNReadout) else {
        **asked, "output_mode": "spike", "decision_rule": "first_to_threshold", "class_threshold": 2,
    })
    told = policy in ("tlast", "host_pulse")
    played = stimulus((3,), 5, 12, lengths=[1, 12, 0, 7, 11] if told else [12, 6, 12, 6, 12])
    whole = run_float(module, network, played, "states")
    monkeypatch.setattr(executor, "SIDE_BY_SIDE", 1)
    batched = run_float(module, network, played, "states")
    assert whole.keys() == batched.keys() and len(whole) >= 3
    for key, expected in whole.items():
        np.testing.assert_array_equal(batched[key], expected, err_msg=key)
