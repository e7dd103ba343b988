"""Runs the user's module timestep by timestep, keeping the state that its caller has to keep.

In: a module and the chain read from it. Out: what each timestep put through every layer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hlspike.generators.extract.chain import Chain
from hlspike.generators.extract.float64 import clear_neurons, float64_copy, layer_input
from hlspike.generators.extract.flow import Flow
from hlspike.generators.extract.functions.joins import joined
from hlspike.generators.extract.snapshot import Snapshot
from hlspike.generators.ir import INPUT
from hlspike.generators.neurons.known import states


class Runner:
    """A float64 copy of `module`, stepped.

    After `step`, `inputs`, `outputs` and `states` hold, by layer name, what that timestep put through each layer:
    tensors of shape (N, *shape) in torch order, outputs of a neuron as it gave them; `returned` is what forward gave.
    """

    timesteps: int | None = None
    """Of a sequence, if forward runs always as many."""
    constant = False
    """Whether forward takes one frame for all timesteps."""

    def __init__(self, module: nn.Module, chain: Chain) -> None:
        self.module = float64_copy(module)
        self.chain = chain
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        self.states: dict[str, dict[str, Tensor]] = {}
        self.returned: Any = None
        self.initial = Snapshot(self.module)
        for step in chain.modules:
            self.module.get_submodule(step.name).register_forward_hook(self._recorder(step.name), with_kwargs=True)
        self.reset()

    def reset(self) -> None:
        """Back to the initial state: neurons, attributes of the user's modules, arguments of forward."""
        clear_neurons(self.module)
        self.initial.restore()
        for slot in self.chain.state.slots:
            # a slot that forward fills on its first call is not there yet
            with contextlib.suppress(AttributeError, LookupError, TypeError):
                value = slot.get(self.module)
                # what training left there is no initial state: every state starts at 0
                if isinstance(value, Tensor):
                    slot.set(self.module, torch.zeros_like(value))
        self.arguments: dict[str, Any] = dict.fromkeys(self.chain.state.required)

    def walk(self, frames: NDArray[Any], last: Iterable[bool]) -> Iterator[int]:
        """N sequences of T timesteps, frames (N, T, *input_shape); what is held is that of each timestep in turn.

        Args:
            last: (T,) whether the state is cleared after the timestep.
        """
        for time, end in enumerate(last):
            self.step(torch.from_numpy(np.array(frames[:, time], np.float64)))
            yield time
            if end:
                self.reset()

    def step(self, frames: Tensor) -> None:
        """One timestep of N sequences, frames (N, *input_shape)."""
        for held in (self.inputs, self.outputs, self.states):
            held.clear()
        # forward may add in place, to what a layer gave or to the frames
        self.frames = frames.clone() if self.chain.joins else frames
        with torch.no_grad():
            self.returned = self.module(frames, **self.arguments)
        for name, path in self.chain.state.arguments.items():
            value = self.returned
            for key in path:
                value = value[key]
            self.arguments[name] = value
        self._join()

    def _join(self) -> None:
        """What is no module gives, of what the modules gave."""
        for join in self.chain.joins:
            # where a layer was not called there is nothing to join either
            with contextlib.suppress(LookupError):
                self.outputs[join.name] = joined(join.joining, [self.sent(source) for source in join.sources])

    def sent(self, flow: Flow) -> Tensor:
        """What the last timestep put through `flow`, (N, *flow.shape).

        Raises:
            LookupError: its layer was not called.
        """
        values = self.frames if flow.layer == INPUT else self.outputs[flow.layer]
        return values.reshape(len(values), *flow.shape)

    def _recorder(self, name: str) -> Any:
        def record(layer: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self.inputs[name] = layer_input(args, kwargs)
            given = output[0] if isinstance(output, tuple) else output
            self.outputs[name] = given.clone() if self.chain.joins else given
            self.states[name] = {state: getattr(layer, state) for state in states(layer)}

        return record
