"""Runs a forward that holds the time loop, as it is, and tells what went through its layers timestep by timestep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hlspike.generators.errors import DataError
from hlspike.generators.extract.chain import Chain
from hlspike.generators.extract.flow import leaves
from hlspike.generators.extract.loop.instances import own_neurons
from hlspike.generators.extract.runner import Runner


def runner(module: nn.Module, chain: Chain) -> Runner:
    """What runs `module` as its forward asks for: on a timestep, or on a whole sequence."""
    return Runner(module, chain) if chain.loop is None else LoopRunner(module, chain)


class LoopRunner(Runner):
    """A float64 copy of `module`, run a window at a time."""

    def __init__(self, module: nn.Module, chain: Chain) -> None:
        assert chain.loop is not None
        self._loop = chain.loop
        layout = chain.loop.layout
        self.timesteps = layout.timesteps if layout.fixed else None
        self.constant = layout.axis is None
        self._calls: dict[str, list[tuple[Any, Any, Any]]] = {}
        super().__init__(module, chain)

    def walk(self, frames: NDArray[Any], last: Iterable[bool]) -> Iterator[int]:
        start, ends = 0, [time + 1 for time, end in enumerate(last) if end]
        for end in [*ends, frames.shape[1]]:
            if start < end:
                self._run(torch.from_numpy(np.array(frames[:, start:end], np.float64)), start)
                shown = not self._loop.plain or self._returns_outputs()
                for time in range(start, end):
                    self._show(time - start, shown)
                    yield time
                self.reset()
            start = end

    def _run(self, frames: Tensor, start: int) -> None:
        """Forward on a window, padded to the timesteps that it runs: what is later changes nothing earlier."""
        layout = self._loop.layout
        timesteps = frames.shape[1]
        if layout.fixed and timesteps > layout.timesteps:
            raise DataError(
                f"data: a window of {timesteps} timesteps, but forward runs {layout.timesteps}; set "
                f"readout.window_size to {layout.timesteps}"
            )
        if layout.axis is None:
            whole = self._constant(frames, start)
            self._window = whole[:, None].expand(-1, layout.timesteps, *whole.shape[1:])
        else:
            pad = (layout.timesteps if layout.fixed else timesteps) - timesteps
            frames = torch.cat([frames, frames.new_zeros(len(frames), pad, *frames.shape[2:])], 1)
            self._window = frames
            whole = frames.movedim(1, layout.axis).clone(memory_format=torch.contiguous_format)
        self._calls.clear()
        with torch.no_grad(), own_neurons(self.module):
            self._whole = self.module(whole, **dict.fromkeys(self._loop.required))
        self._ran = layout.timesteps if layout.fixed else timesteps

    def _constant(self, frames: Tensor, start: int) -> Tensor:
        changed = (frames != frames[:, :1]).flatten(2).any(2)
        if changed.any():
            sequence, time = (int(index) for index in changed.nonzero()[0])
            raise DataError(
                f"data: frames of sequence {sequence} change at timestep {start + time}, but forward takes one frame "
                "for all timesteps; repeat it, np.repeat(frame[:, None], T, 1), or let forward take x[step]"
            )
        return frames[:, 0]

    def _show(self, time: int, shown: bool) -> None:
        """Let what is held be that of a timestep of the window."""
        for name in self._calls:
            self.inputs[name], self.outputs[name], self.states[name] = self._at(name, time)
        self.frames = self._window[:, time]
        self._join()
        self.returned = self.outputs[self.chain.output.layer] if shown else None

    def _at(self, name: str, time: int) -> tuple[Any, Any, Any]:
        calls = self._calls[name]
        axis = self._loop.whole.get(name)
        if axis is not None and len(calls) == 1:
            taken, given, left = calls[0]
            return taken.select(axis, time), given.select(axis, time), left
        return calls[time if len(calls) > 1 else 0]

    def _returns_outputs(self) -> bool:
        """Whether forward returned what its last layer gave or kept, in whatever way it gathers timesteps."""
        name = self.chain.output.layer
        returned = [leaf for leaf in leaves(self._whole) if isinstance(leaf, Tensor)]
        if name not in self._calls:
            return any(_gathers(leaf, self._joined(name)) for leaf in returned)
        steps = [self._at(name, time) for time in range(self._ran)]
        gathered = [[given for _, given, _ in steps], *([left[state] for *_, left in steps] for state in steps[0][2])]
        return any(_gathers(leaf, items) for items in gathered for leaf in returned)

    def _joined(self, name: str) -> list[Tensor]:
        """What the join `name` gave in each timestep that was run."""
        found = []
        for time in range(self._ran):
            self._show(time, False)
            found.append(self.outputs[name])
        return found

    def _recorder(self, name: str) -> Any:
        record = super()._recorder(name)

        def called(layer: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            record(layer, args, kwargs, output)
            found = self.inputs[name], self.outputs[name], self.states[name]
            self._calls.setdefault(name, []).append(found)

        return called


def _gathers(leaf: Tensor, items: list[Tensor]) -> bool:
    """Whether `leaf` is one of `items`, their sum, their mean, or all of them along some axis."""
    every = torch.stack(items)
    if leaf.numel() == every.numel() and leaf.ndim == every.ndim:
        return any(torch.equal(leaf, every.movedim(0, axis)) for axis in range(every.ndim))
    if leaf.numel() != items[0].numel():
        return False
    found = (items[-1], every.sum(0), every.mean(0), items[0])
    return any(torch.allclose(leaf.reshape(-1), one.reshape(-1).to(leaf.dtype)) for one in found)
