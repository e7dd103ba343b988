"""Synthesis reports: what Vitis HLS says of a design, as one frozen type for every report it writes.

Whatever a report leaves out or calls `undef`, `-`, `NA` or `?` is None, never 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Kind = Literal["csynth", "module", "syn", "impl", "cosim"]
"""csynth: a whole design; module: one function of it; syn, impl: what Vivado made of it; cosim: its RTL simulation."""


@dataclass(frozen=True, slots=True)
class Span:
    """A count that varies: clock cycles, or iterations."""

    min: int | None = None
    average: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    name: str
    used: float | None
    available: float | None

    @property
    def utilisation(self) -> float | None:
        """The fraction of the part; None where the part has none."""
        return None if self.used is None or not self.available else self.used / self.available


@dataclass(frozen=True, slots=True)
class Loop:
    """`ii` and `depth` are None if the loop is not pipelined, `target_ii` if nothing names one."""

    name: str
    trip_count: Span
    latency: Span
    ii: int | None
    target_ii: int | None
    depth: int | None
    issue: str | None
    """What the report's list of violations says of the loop."""
    loops: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Co-simulation of one RTL; `total` is its clock cycles from first to last."""

    rtl: str
    status: str | None
    latency: Span
    interval: Span
    total: int | None


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """A report; a field that its kind does not have is None or empty.

    Attributes:
        clock_target, clock_estimate, clock_uncertainty, slack, wns: ns. After csynth, slack is what is left of the
            target without its uncertainty; after syn and impl, what Vivado measured.
        latency, interval: cycles; of a cosim, those of the first RTL that ran.
        modules: of kind csynth, the functions below the top; the loops of the top are `loops`.
        transactions: calls of the top that cosim completed, None if unknown.
    """

    kind: Kind
    version: str | None = None
    part: str | None = None
    top: str | None = None
    clock_target: float | None = None
    clock_estimate: float | None = None
    clock_uncertainty: float | None = None
    slack: float | None = None
    timing_met: bool | None = None
    wns: float | None = None
    latency: Span = Span()
    interval: Span = Span()
    resources: tuple[Resource, ...] = ()
    loops: tuple[Loop, ...] = ()
    modules: tuple[SynthesisReport, ...] = ()
    simulations: tuple[Simulation, ...] = ()
    transactions: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; resources by name."""
        plain = asdict(replace(self, modules=()))
        plain["resources"] = {
            one.name: {"used": one.used, "available": one.available, "utilisation": one.utilisation}
            for one in self.resources
        }
        plain["loops"] = [_loop_json(loop) for loop in self.loops]
        plain["modules"] = [module.to_json() for module in self.modules]
        plain["simulations"] = [asdict(one) for one in self.simulations]
        return plain


def _loop_json(loop: Loop) -> dict[str, Any]:
    return {**asdict(replace(loop, loops=())), "loops": [_loop_json(inner) for inner in loop.loops]}
