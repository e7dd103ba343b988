"""The strategies of a synapse as a compiler sees them: loops, recurrences, memories, and additions as estimated."""

from __future__ import annotations

from pathlib import Path

import pytest
from analysis.figures import Figures
from analysis.front import Tools
from analysis.project import Project
from cases import Case
from projects import designed
from test_strategies import ALL, under

from hlspike.generators.design import Design, Io, LinearDesign
from hlspike.generators.estimate.cycles import events
from hlspike.generators.estimate.whole import LayerEstimate, estimate
from hlspike.generators.hardware.strategy import Strategy

COUNTERS = 6
"""Of words, spikes and groups, which data choose between and which therefore count as data."""
QUICK = {("odd", "parallel", "event"), ("gears", "stream", "event"), ("spikes", "parallel", "distributed_arithmetic")}
CHOSEN: list[tuple[Case, Io, Strategy]] = [
    (case, io, strategy) for case in ALL if case.name in ("odd", "gears", "spikes", "many", "wrapping", "automatic")
    for io in ("parallel", "stream") for strategy in ("event", "distributed_arithmetic")
    if case.name != "many" or strategy == "event"  # more inputs than can be taken at once
]
EVERY = [
    pytest.param(*one, id="-".join(name), marks=() if name in QUICK else pytest.mark.heavy)
    for one in CHOSEN for name in [(one[0].name, *one[1:])]
]


def check_events(layer: LinearDesign, found: tuple[Figures, ...], told: LayerEstimate) -> None:
    *before, spikes = found
    words = events(layer).words
    # a single word is straight code
    assert [(one.label, one.trips) for one in before] == ([("Words", words)] if words > 1 else [])
    # as many as there are spikes, for each group of outputs; nothing but an addition and a choice is waited for
    assert (spikes.label, spikes.trips) == ("Events", None)
    assert spikes.recurrence.operations["add"] == 1 and spikes.recurrence.operations["multiply"] == 0
    assert all(one.pipelined and one.inner == () and one.variable_banks == () for one in found)
    memories = {memory.array.removeprefix(f"{layer.id}_"): memory for one in found for memory in one.memories}
    assert (memories["weight"].loads, memories["weight"].busiest) == (layer.out_parallel, 1)
    assert {memories[name].busiest for name in ("words", "places")} == {1}
    assert sum(one.count("multiply") for one in found) == told.multipliers == 0
    if words > 1:
        assert 0 <= sum(one.count("add") for one in found) - told.adders <= COUNTERS


def check_sums(layer: LinearDesign, design: Design, found: tuple[Figures, ...], told: LayerEstimate) -> None:
    (whole,) = found
    assert (whole.label, whole.trips, whole.inner, whole.variable_banks) == ("", 1, (), ())
    assert whole.pipelined == design.once(layer) and whole.recurrence.operations.total() == 0
    assert layer.sums is not None and told.multipliers == 0
    # what is added where no bits meet is wired; the compiler writes a value and its multiple as a product, some anew
    wired = len(design.arrays[f"{layer.id}/steps"]) - sum(count for _, count in layer.sums.adders)
    total = sum(map(whole.count, ("add", "multiply", "logic")))
    assert 0 <= total - (told.adders + wired) <= whole.count("multiply")
    assert not any("weight" in memory.array for memory in whole.memories)


@pytest.mark.parametrize(("case", "io", "strategy"), EVERY)
def test_a_strategy_is_the_loops_and_additions_of_the_estimate(
    tools: Tools, tmp_path: Path, case: Case, io: Io, strategy: Strategy
) -> None:
    _, design = designed(under(case, strategy), io)
    project, checked = Project(tools, design, tmp_path), 0
    for layer, told in zip(design.layers[1:], estimate(design).layers[1:], strict=True):
        if isinstance(layer, LinearDesign) and layer.strategy == strategy:
            checked += 1
            if strategy == "event":
                check_events(layer, project.layer(layer.id), told)
            else:
                check_sums(layer, design, project.layer(layer.id), told)
    assert checked
