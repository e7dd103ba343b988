"""Clock cycles of a timestep, counted from the loops of the kernels."""

from __future__ import annotations

from typing import assert_never

from generators.design import Design, InputDesign, LayerDesign, LeakyDesign, LinearDesign, ReadoutDesign
from generators.estimate.ports import array_banks, output, port_banks, up

_PORTS = 2
"""Of a memory."""


def cycles(design: Design, index: int) -> int:
    """Of one timestep of layer `index`, reading and writing of packs included."""
    layer = design.layers[index]
    if design.io == "stream":
        return _read(layer) + _compute(layer, None, None) + _written(layer)
    return _compute(layer, _banks_before(design, index), _banks_after(design, index))


def _read(layer: LayerDesign) -> int:
    """Packs of a timestep: n / lanes iterations of read_packs."""
    return 0 if isinstance(layer, InputDesign) else layer.input.size // layer.input.lanes


def _written(layer: LayerDesign) -> int:
    """Likewise of write_packs; of the ingress, those it marks. A decision leaves with the cycle that takes it."""
    return 0 if isinstance(layer, ReadoutDesign) else layer.output.size // layer.output.lanes


def _compute(layer: LayerDesign, before: int | None, after: int | None) -> int:
    """Cycles of the kernel; `before` and `after` are the banks of the arrays it reads and writes, None if enough.

    Linear: g_out to clear the sums, RF pairs of groups, g_out results, with g_out = n_out / out_parallel.
    Leaky: RF groups; with inhibition RF to update, which also finds the winner, and RF to fire.
    Readout: groups of the classes it looks at at once. Input: 0, for only `last` is made.
    A loop whose iteration touches k values of an array with b banks has II ⌈k / 2b⌉.
    """
    match layer:
        case InputDesign():
            return 0
        case LinearDesign():
            groups_out = layer.output.size // layer.out_parallel
            products = layer.reuse_factor * _ii(layer.in_parallel, before)
            return groups_out + products + groups_out * _ii(layer.out_parallel, after)
        case LeakyDesign():
            reading, writing = _ii(layer.parallel, before), _ii(layer.parallel, after)
            if layer.inhibition:
                return layer.reuse_factor * (reading + writing)
            return layer.reuse_factor * max(reading, writing)
        case ReadoutDesign():
            return layer.input.size // layer.parallel * _ii(layer.parallel, before)
        case _:
            assert_never(layer)


def _ii(values: int, banks: int | None) -> int:
    return 1 if banks is None else up(values, _PORTS * banks)


def _banks_before(design: Design, index: int) -> int:
    """Of the array that a layer reads under parallel io: the top's port for the first, else the one before it."""
    first = design.layers[0]
    assert isinstance(first, InputDesign)
    return port_banks(first.output) if index <= 1 else array_banks(output(design.layers[index - 1]))


def _banks_after(design: Design, index: int) -> int | None:
    if isinstance(design.layers[index], ReadoutDesign):
        return None
    port = output(design.layers[index])
    return port_banks(port) if index == len(design.layers) - 1 else array_banks(port)
