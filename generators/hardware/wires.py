"""Wires: how a vector travels, from layer to layer and at the edges of the design."""

from __future__ import annotations

from dataclasses import dataclass

from hlspike.generators.fixed import FixedType


@dataclass(frozen=True, slots=True)
class Port:
    """A vector of `size` values of C++ type `type`, which travels in beats of `lanes` neighbouring values."""

    size: int
    type: str
    lanes: int

    @staticmethod
    def of(size: int, kind: FixedType) -> Port:
        """Without lanes of its own: `lanes.connected` settles them between neighbours."""
        return Port(size, kind.cpp, size)

    @property
    def beats(self) -> int:
        return self.size // self.lanes


@dataclass(frozen=True, slots=True)
class Edge:
    """A vector where it enters or leaves the design: `words` of `width` bits, `lanes` values in each but the last, from
    the lowest bits on.

    Attributes:
        pins: under parallel io, every word is a port of its own; else they are a memory outside the design, which gives
            or takes one after the other.
    """

    width: int
    lanes: int
    words: int
    pins: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """What carries a vector from the layer `source` to the layer `target`, by their identifiers.

    Attributes:
        output: which of the outputs of `source` it is; None if that has one.
        target: None where the vector leaves the design.
        place: which of the inputs of `target` it is.
        timesteps: that may wait in it: as many as are under way on the longest way between the two.
    """

    source: str
    output: int | None
    target: str | None
    place: int
    port: Port
    timesteps: int

    @property
    def name(self) -> str:
        """Of the array or FIFO in the generated code."""
        return f"{self.source}_out{self._number}"

    @property
    def last(self) -> str:
        """Of the bit that says, beside an array, whether its timestep is the last."""
        return f"{self.source}_last{self._number}"

    @property
    def type(self) -> str:
        """Of the array or FIFO."""
        return f"{self.source}_ports::out{self._number}_beats"

    @property
    def _number(self) -> str:
        return "" if self.output is None else str(self.output)

    @property
    def depth(self) -> int:
        """Beats that a FIFO holds, at least one more than timesteps: it is written while it is read."""
        return max(self.port.beats * self.timesteps, self.timesteps + 1)

    @property
    def copies(self) -> int:
        """Arrays of a timestep each: one is written while all others wait or are read."""
        return self.timesteps + 1
