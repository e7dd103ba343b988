"""Proof of an extraction: the module runs a few timesteps, and every layer must do what was read from it.

Whatever tracing cannot see (hooks, code that acts differently on its first call, state kept elsewhere) ends here as a
refusal, not in hardware. Each layer is checked on the inputs it got, so no rounding adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from hlspike.generators import ir
from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.chain import Chain, Step
from hlspike.generators.extract.float64 import first_sentence
from hlspike.generators.extract.flow import hardware_order, leaves
from hlspike.generators.extract.loop.runner import runner
from hlspike.generators.extract.runner import Runner
from hlspike.generators.neurons.equations import INPUT, ONE_WITHIN, SPIKES
from hlspike.generators.neurons.evaluate import settled, timestep

Array = NDArray[np.float64]

TIMESTEPS = 4
TOLERANCE = 1e-9
"""Relative to the size of the terms: sums may be taken in another order."""
_AMPLITUDES = (0.3, 1.0, 3.0, 10.0, 100.0)
"""One trial sequence each, so that quiet networks fire too."""


def verify(
    module: nn.Module, chain: Chain, shape: tuple[int, ...], layers: Sequence[ir.Layer], parameters: ir.Parameters
) -> None:
    """Run `module` for two short sequences and compare each layer with its equation.

    Args:
        shape: one timestep in torch order, without batch.
    Raises:
        UnsupportedModel: naming the first layer, and the first value of it, that differs.
    """
    run = runner(module, chain)
    read = {layer.name: layer for layer in layers}
    random = np.random.default_rng(0)
    timesteps = run.timesteps or TIMESTEPS
    scale = np.array(_AMPLITUDES).reshape(-1, *(1 for _ in (timesteps, *shape)))
    for _ in range(2):
        run.reset()
        kept: dict[str, dict[str, Array]] = {}
        noise = scale * random.normal(size=(len(_AMPLITUDES), 1 if run.constant else timesteps, *shape))
        # stimuli are float32, so a forward that casts its input to that is no fault
        frames = np.broadcast_to(noise.astype(np.float32), (len(_AMPLITUDES), timesteps, *shape))
        for t in _walked(run, frames):
            for step in chain.modules:
                wrong = _difference(step, read[step.name], parameters, run, kept)
                if wrong:
                    raise UnsupportedModel(
                        f"layer '{step.name}': a trial run contradicts what was read from the model ({wrong} on "
                        f"timestep {t}); remove hooks, and let forward do the same on every call"
                    )
            if not _returns(run, chain.output.layer):
                raise UnsupportedModel(
                    f"model: a trial run does not return the output of '{chain.output.layer}' on timestep {t}; remove "
                    "hooks, and let forward do the same on every call"
                )


def _walked(run: Runner, frames: NDArray[np.float32]) -> Iterator[int]:
    """The timesteps of a sequence; what forward raises is a refusal."""
    walk = run.walk(frames, [False] * frames.shape[1])
    for t in range(frames.shape[1]):
        try:
            next(walk)
        except fx.proxy.TraceError as error:
            # what tracing put there is there still
            raise UnsupportedModel(
                "model: forward keeps its state outside of the module, in a global or in a class; keep it in "
                "attributes of self"
            ) from error
        except Exception as error:
            raise UnsupportedModel(
                f"model: forward fails on timestep {t} of a trial run ({first_sentence(error)}); make it accept "
                "the state that it returned"
            ) from error
        yield t


def _returns(run: Runner, name: str) -> bool:
    output = run.outputs[name].reshape(-1)
    found = (leaf for leaf in leaves(run.returned) if isinstance(leaf, torch.Tensor))
    return any(torch.equal(leaf.reshape(-1), output) for leaf in found)


def _difference(
    step: Step,
    layer: ir.Layer,
    parameters: ir.Parameters,
    run: Runner,
    kept: dict[str, dict[str, Array]],
) -> str | None:
    if step.name not in run.inputs:
        return "call"
    sent, taken = run.sent(step.source), run.inputs[step.name]
    if not torch.equal(sent.reshape(len(sent), -1), taken.reshape(len(taken), -1)):
        return "input"
    inputs = hardware_order(taken.numpy() / step.source.factor, step.source)
    outputs = hardware_order(run.outputs[step.name].numpy(), step.result)
    if isinstance(layer, ir.Linear):
        return _linear_difference(layer, parameters, inputs, outputs)
    assert isinstance(layer, ir.Neuron)
    left = {
        state: hardware_order(value.numpy(), step.result) / (step.result.factor if state == SPIKES else 1.0)
        for state, value in run.states[step.name].items()
    }
    before = kept.get(step.name, {name: np.zeros_like(outputs) for name in left})
    kept[step.name] = {name: value.copy() for name, value in left.items()}
    given = {**before, INPUT: inputs}
    return _neuron_difference(layer, parameters, given, outputs / step.result.factor, left)


def _linear_difference(layer: ir.Linear, parameters: ir.Parameters, inputs: Array, outputs: Array) -> str | None:
    weight = parameters[f"{layer.name}/weight"]
    bias = parameters[f"{layer.name}/bias"] if layer.bias else np.zeros(layer.out_features)
    size = np.abs(inputs) @ np.abs(weight).T + np.abs(bias)
    off = np.abs(inputs @ weight.T + bias - outputs) > TOLERANCE * size
    return "output" if off.any() else None


def _neuron_difference(
    layer: ir.Neuron,
    parameters: ir.Parameters,
    given: Mapping[str, Array],
    spikes: Array,
    left: Mapping[str, Array],
) -> str | None:
    equations = layer.equations
    own = {key: parameters[f"{layer.name}/{key}"] for key in equations.parameters}
    made = timestep(equations, own, given)
    whole = any("" in equations.decays(state) for state in equations.states)
    relative = 2 * ONE_WITHIN if whole else TOLERANCE
    margin = relative * made.firing.size
    fired = made.firing.value > 0
    close = np.abs(made.firing.value) <= margin
    if layer.inhibition:
        ranked = np.sort(made.firing.value, axis=1)
        tie = layer.size > 1 and ranked[:, -1] - ranked[:, -2] <= 2 * margin.max(axis=1)
        close |= np.broadcast_to(np.reshape(tie, (-1, 1)), close.shape)
        fired &= np.arange(layer.size) == made.firing.value.argmax(axis=1)[:, None]
    if ((spikes != fired) & ~close).any():
        return "spikes"
    for name, state in settled(equations, own, made, spikes != 0).items():
        if name in left and (np.abs(state.value - left[name]) > relative * state.size).any():
            return "membrane" if name == "mem" else f"state {name}"
    return None
