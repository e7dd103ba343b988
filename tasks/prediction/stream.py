"""One timestep after the other, through a design of its own that remembers."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError, DataError
from hlspike.generators.exact.given import array_of
from hlspike.generators.reference import spread
from hlspike.generators.typed import TypedInput, TypedNetwork
from hlspike.tasks.prediction import sequences
from hlspike.tasks.prediction.program import Program


class Stream:
    """The compiled design, fed timestep by timestep; its state lives as long as the stream, and belongs to it alone.

        with build([...]).stream() as stream:
            for frame in frames:
                decision = stream.send(frame)

    Args:
        program: csim.
    """

    def __init__(self, program: Path, typed: TypedNetwork) -> None:
        self._typed, self._closed = typed, False
        readout = typed.network.readout
        self._program = Program(program, 1 if readout else typed.layers[-1].layer.size, "steps")
        weakref.finalize(self, self._program.close)
        # the file may be gone before the first timestep comes
        self._program.run(0, ())

    def send(self, frame: Any, last: bool = False) -> Any:
        """One timestep.

        Args:
            frame: of the shape of the network's input.
            last: the sequence ends with it, where that is not for the design to decide.
        Returns:
            The decision, an int or of a `binary_logit` a float; None if there is none at this timestep. Of a network
            without readout the output of its last layer, (n,), as `output` in a trace.
        Raises:
            DataError: the frame does not fit the network.
            ConfigError: `last` under a policy that does not take it, or the stream is closed.
            ToolError: the program has ended.
        """
        network = self._typed.network
        if self._closed:
            raise ConfigError("stream: it is closed; open another")
        if last and not network.input.told:
            raise ConfigError(
                f"stream: last has no effect under reset_policy {network.input.reset_policy}; leave it out, or set "
                "readout.reset_policy to tlast or host_pulse"
            )
        ingress = self._typed.layers[0]
        assert isinstance(ingress, TypedInput)
        ends = np.array([bool(last)], np.uint8)
        emitted = self._program.run(1, sequences.packed(ingress, _checked(frame, network.input.shape)[None], ends))
        return self._told(emitted) if len(emitted) else None

    def close(self) -> None:
        """End it; what it remembers is gone."""
        self._closed = True
        self._program.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _told(self, emitted: NDArray[np.int64]) -> Any:
        readout, result = self._typed.network.readout, self._typed.layers[-1].result
        if readout is None:
            return spread(emitted, np.ones((1, 1), np.bool_), result)[0, 0]
        value = int(emitted[0, 0])
        return float(result.to_float(np.array(value))) if readout.decision_rule == "binary_logit" else value


def _checked(frame: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    found = array_of("data: frame", frame)
    if found.shape != shape:
        raise DataError(f"data: frame has shape {found.shape}; one timestep has {shape}")
    with np.errstate(over="ignore"):
        found = found.astype(np.float32, copy=False)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        where = tuple(bad[0].tolist())
        raise DataError(f"data: frame[{', '.join(map(str, where))}] is {found[where]}; remove NaN and infinity")
    return found
