"""The tasks of the float run: the module is run for what it depends on alone, its decisions are taken apart from it.

Another rule, or another number of sequences, thus costs neither torch nor the user's code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import graph

Tasks = Iterator[dict[str, Any]]


def extents(variants: Iterable[Variant]) -> Tasks:
    """How far it goes: what of the readout, and how many sequences, it depends on."""
    for variant in variants:
        layout, sim = variant.layout, variant.config["sim"]
        yield graph.step(
            variant, "extent", config={"sim": sim}, arguments=sim, inputs=[layout.network, layout.stimulus],
            outputs=[layout.extent], share=False,
        )


def runs(variants: Iterable[Variant]) -> Tasks:
    """The PyTorch module, run in float64."""
    for variant in variants:
        layout, given = variant.layout, graph.extraction(variant)
        trace = {"trace": variant.config["sim"]["trace"]}
        yield graph.step(
            variant, "float", function="run_float", config={**given, "sim": trace},
            arguments={**given, **trace, "state": graph.state_file(variant)},
            inputs=[layout.reading, layout.extent, layout.parameters, layout.stimulus, *graph.state_files(variant)],
            outputs=[layout.float_record], packages=graph.PACKAGES, user="model",
        )


def decisions(variants: Iterable[Variant]) -> Tasks:
    """Its decisions, which the rule makes of what it gave."""
    for variant in variants:
        layout, sim = variant.layout, variant.config["sim"]
        yield graph.step(
            variant, "decide", config={"sim": sim}, arguments=sim,
            inputs=[layout.network, layout.float_record, layout.stimulus], outputs=[layout.trace("float")],
            packages=("numpy",), share=False,
        )
