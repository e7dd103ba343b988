"""What the tools take: every limit by its name and source, and the checks of a target and of a Design against them.

AMD's open headers accept what the tools refuse, so C simulation shows none of this. Sources: UG1399, "Vitis High-Level
Synthesis User Guide", 2022.2 to 2025.2, unless another is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add, or_
from typing import Any, assert_never

from hlspike.generators.design import (
    CloneDesign,
    Design,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    Parameter,
    ReadoutDesign,
)
from hlspike.generators.errors import ConfigError
from hlspike.generators.exact.widths import Exact, cast
from hlspike.generators.fixed import WIDEST
from hlspike.generators.neurons.equations import INPUT, SPIKES, Equations, State
from hlspike.generators.neurons.sums import whole

UNROLLED = 4096
"""Operations of one iteration. Beyond some size of code the tools stop (HLS 200-1471 and XFORM 203-504, "Stop unrolling
loop"); no document gives the figure, and this is the one that hls4ml and its users have found to pass."""
BANKS = 1024
"""Memories that an array is split into, or registers. Beyond it partitioning stops (XFORM 203-103), or takes hours; the
option that raised it, config_array_partition -maximum_size, is gone from Vitis HLS ("Unsupported Features")."""

FIFO_BITS = 4096
"""Of a beat in a FIFO, the timestep's `last` included: a struct becomes one word there, and none may be wider ("The
bit-width exceeds the limit of 4096", "pragma HLS aggregate")."""


def check_target(target: Mapping[str, Any]) -> None:
    """Refuse combinations of settings, each legal by itself, that the tools refuse together.

    Args:
        target: the configuration key of that name.
    Raises:
        ConfigError: one line.
    """
    io, control = target["io"], target["control"]
    kernel = _kernel(target)
    if kernel and io == "parallel":
        # "Interfaces for Vitis Kernel Flow": an array is an AXI master, and "pragma HLS array_reshape": of no m_axi
        raise ConfigError(
            f"{kernel}: a kernel takes arrays from memory, which hold no timestep in one word, found target.io "
            f"parallel; set target.io=stream, or target.flow_target=vivado and target.export=ip_catalog"
        )
    if kernel and control == "ap_ctrl_hs":
        # UG1393, "Kernel Interface Requirements": pins that belong to no AXI interface cannot be linked
        raise ConfigError(
            f"{kernel}: a kernel is started by its AXI4-Lite registers or by its data, found target.control "
            f"ap_ctrl_hs; set target.control to s_axilite or ap_ctrl_none"
        )
    if control == "ap_ctrl_none" and io == "parallel":
        # "Co-simulation Requirements for Interface Synthesis", SIM-345
        raise ConfigError(
            "target.control: without a protocol co-simulation takes streams only, because nothing else tells one "
            "timestep from the next, found target.io parallel; set target.io=stream, or target.control=ap_ctrl_hs"
        )


def _kernel(target: Mapping[str, Any]) -> str:
    """The setting by which the design becomes a kernel; empty if it does not."""
    if target["export"] == "xo":
        return "target.export: xo"
    return "target.flow_target: vitis" if target["flow_target"] == "vitis" else ""


@dataclass(frozen=True, slots=True)
class Use:
    """What a design asks for: `most` may be had.

    Attributes:
        what: is so large, as "the sum of products has".
        unit: in which it is counted.
        remedy: what makes it smaller.
    """

    what: str
    value: int
    most: int
    unit: str
    remedy: str


def check(design: Design) -> None:
    """Refuse a design that the tools would.

    Reuse factors are legal by then: `schedule` moves them, or names the nearest that are.

    Raises:
        ConfigError: the first limit that is broken; one line.
    """
    for layer in design.layers:
        for use in _uses(layer):
            if use.value > use.most:
                found = f"{use.what} {use.value} {use.unit}, more than the {use.most} that the tools take"
                raise ConfigError(f"layer '{design.names[layer.id]}': {found}; {use.remedy}")


def crowded(units: int, banks: Mapping[str, int]) -> str:
    """What is too much to be done at once, as a plural with its limit; empty if nothing is.

    Args:
        units: operations of one iteration.
        banks: name of an array → how many of its values an iteration touches.
    """
    for name, count in banks.items():
        if count > BANKS:
            return f"{BANKS} {name}"
    return f"{UNROLLED} units" if units > UNROLLED else ""


def _uses(layer: LayerDesign) -> Iterator[Use]:
    match layer:
        case MergeDesign():
            sources = [Exact.of(port.type) for port in layer.inputs]
            exact = reduce(add if layer.joining == "add" else or_, sources)
            formed = cast(exact, Exact.of(layer.result_type))
            remedy = "give its inputs and its result nearer binary points"
            yield Use("to form and cast its result takes", formed, WIDEST, "bits", remedy)
        case InputDesign() | LinearDesign() | CloneDesign():
            pass  # a sum is no wider than a type can be, see `weighted_sum`
        case NeuronDesign():
            values = {INPUT: layer.input.type, **layer.types}
            parameters = {key: Exact.of(one.type) for key, one in layer.parameters.items()}
            for one in layer.equations.states:
                total = whole(one.terms, values, parameters)
                yield _bits(cast(total, Exact.of(layer.types[one.name])), _apart(layer.equations, one))
        case ReadoutDesign():
            state = Exact.of(layer.state_type)
            yield _bits(cast(_decayed(state, layer.beta) + Exact.of(layer.input.type), state), "membrane and current")
        case _:
            assert_never(layer)


def _apart(equations: Equations, state: State) -> str:
    """The values whose points a sum has to bring together."""
    names = [state.key]
    for term in state.terms:
        if term.of == INPUT:
            names.append("current")
        elif term.of not in ("", SPIKES, state.name):
            names.append(equations.state(term.of).key)
        elif not term.of:
            names.append(term.factor)
    *most, last = dict.fromkeys(names)
    return f"{', '.join(most)} and {last}" if most else last


def _bits(value: int, apart: str) -> Use:
    return Use("to form and cast its update takes", value, WIDEST, "bits", f"give {apart} nearer binary points")


def _decayed(state: Exact, beta: Parameter | None) -> Exact:
    return state if beta is None else Exact.of(beta.type) * state
