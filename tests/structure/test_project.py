"""The generated project as a compiler sees it: loops, recurrences, memories, and as many units as the estimate says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from analysis.figures import Figures
from analysis.front import Tools
from analysis.project import Project
from cases import CASES
from projects import designed

from hlspike.generators.design import (
    CloneDesign,
    Io,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
)
from hlspike.generators.estimate.operations import operations
from hlspike.generators.estimate.whole import LayerEstimate, estimate
from hlspike.generators.neurons.equations import THRESHOLD

# everything at once, with both ways to reset; groups, inhibition and vectors of thresholds; spikes over FIFOs
QUICK = {("subtract", "parallel"), ("primes", "stream"), ("gears", "parallel")}
EVERY = [
    pytest.param(case, io, id=f"{case.name}-{io}", marks=() if (case.name, io) in QUICK else pytest.mark.heavy)
    for case in CASES for io in ("parallel", "stream")
]


def recurring(layer: LayerDesign, kind: str) -> int:
    """Of the operations that follow each other from a state to the next."""
    return sum(one.serial for one in operations(layer) if one.state and one.kind == kind)


def check(layer: LayerDesign, once: bool, found: tuple[Figures, ...], told: LayerEstimate) -> None:
    for figure in found:
        # a single iteration that takes several beats is straight code, which begins again once it has ended
        assert figure.pipelined or (figure.trips == 1 and not once)
        assert figure.inner == ()
        assert figure.variable_banks == ()
        assert (figure.label == "") == (figure.trips == 1)
    total: Counter[str] = Counter()
    for figure in found:
        total.update({kind: figure.count(kind) for kind in ("add", "multiply", "divide", "shift")})
    # the negative of a threshold that is no constant may become part of the addition
    immediate = isinstance(layer, NeuronDesign) and layer.equations.after and layer.parameters[THRESHOLD].scalar is None
    joined = layer.parallel if immediate and total["add"] < told.adders else 0
    # where data choose among places, in groups of classes, or beats lie in one iteration, a few counters count as data
    several = isinstance(layer, ReadoutDesign) and layer.parallel < layer.input.size
    spread = several or (found[0].trips == 1 and not once)
    assert total["multiply"] == told.multipliers and total["divide"] == total["shift"] == 0
    assert 0 <= total["add"] - (told.adders - joined) <= (3 if spread else 0)
    first = found[0]
    memories = {memory.array.removeprefix(f"{layer.id}_"): memory for memory in first.memories}
    around = first.recurrence.operations
    match layer:
        case LinearDesign():
            assert [(one.label or "Reuse", one.trips) for one in found] == [("Reuse", layer.reuse_factor)]
            # an accumulator is added to once; where there are several groups of outputs it begins anew with each
            anew = layer.out_parallel < layer.output.size
            assert set(around) <= {"add", "select"} and around["add"] <= 1 and around.total() <= 1 + anew
            if layer.reuse_factor > 1:
                row = layer.in_parallel * layer.out_parallel
                assert (memories["weight"].loads, memories["weight"].busiest) == (row, 1)
        case NeuronDesign():
            names = ["Update", "Fire"] if layer.inhibition else ["Groups"]
            if layer.reuse_factor > 1:
                assert [(one.label, one.trips) for one in found] == [(name, layer.reuse_factor) for name in names]
                # no group waits for the membranes of another
                assert around["add"] == around["multiply"] == 0
            else:
                assert [one.trips for one in found] == [1]
                assert around["add"] <= recurring(layer, "add") and around["multiply"] <= recurring(layer, "multiply")
            fires = {term.of for term in layer.equations.fires} if layer.equations.resets else set()
            read = {term.of for term in layer.equations.terms if term.before} | fires
            for state in layer.held:
                loads = layer.parallel if state in read else 0
                assert (memories[state].loads, memories[state].stores) == (loads, layer.parallel)
                assert memories[state].busiest == 1 + (state in read)  # the one read and the one write of a neuron
        case MergeDesign():
            whole = layer.joining == "add" or layer.parallel == layer.output.size
            sizes = [layer.output.size] if whole else [port.size for port in layer.inputs]
            assert [one.trips for one in found] == [size // layer.parallel for size in sizes]
            # what waits of a beat is moved, or taken anew; a beat that is given is full, or not yet
            assert set(around) <= {"select"} and around.total() <= 2
        case CloneDesign():
            assert [one.trips for one in found] == [layer.input.beats] and around.total() == 0
        case ReadoutDesign():
            assert [one.trips for one in found] == [layer.input.size // layer.parallel]
            assert around["add"] <= recurring(layer, "add") and around["multiply"] <= recurring(layer, "multiply")
        case _:
            raise AssertionError(layer)


@pytest.mark.parametrize(("case", "io"), EVERY)
def test_every_layer_is_the_loop_that_the_estimate_counts(tools: Tools, tmp_path: Path, case: object, io: Io) -> None:
    _, design = designed(case, io)  # type: ignore[arg-type]
    project = Project(tools, design, tmp_path)
    for layer, told in zip(design.layers[1:], estimate(design).layers[1:], strict=True):
        check(layer, design.once(layer), project.layer(layer.id), told)


def test_a_design_without_reuse_is_one_pipeline(tools: Tools, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "never")
    _, design = designed(case, "parallel")
    (whole,) = Project(tools, design, tmp_path).whole()
    assert design.structure == "pipeline" and whole.pipelined and (whole.label, whole.trips, whole.inner) == ("", 1, ())
    found = estimate(design)
    assert (whole.count("add"), whole.count("multiply")) == (found.adders, found.multipliers)
    assert whole.variable_banks == () and whole.streams == 0
