"""What lies in which memory: no bank that data choose, each state read and written once, no more than has ports."""

from __future__ import annotations

import pytest
from analysis.figures import Figures
from analysis.front import Tools
from analysis.project import Project
from cases import CASES
from projects import designed

from hlspike.generators.design import Design, Io, NeuronDesign, ReadoutDesign

Made = tuple[Design, dict[str, tuple[Figures, ...]]]
"""And the loops of each of its layers."""
PORTS = 2
"""Of a memory: an iteration may look at so many of its words."""


def drawn(name: str, io: Io) -> Design:
    return designed(next(case for case in CASES if case.name == name), io)[1]


@pytest.fixture(scope="module", params=[("wrapping", "parallel"), ("wrapping", "stream"), ("edges", "parallel")],
                ids=lambda param: "-".join(param))
def made(request: pytest.FixtureRequest, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Made:
    design = drawn(*request.param)
    project = Project(tools, design, tmp_path_factory.mktemp("structure"))
    return design, {layer.id: project.layer(layer.id) for layer in design.layers}


def test_no_data_decide_in_which_memory_a_value_lies(made: Made) -> None:
    _, every = made
    assert [(unit, loop.label, loop.variable_banks) for unit, loops in every.items() for loop in loops
            if loop.variable_banks] == []
    # and nothing is left to be unrolled that is not
    assert [(unit, loop.label) for unit, loops in every.items() for loop in loops if loop.inner] == []


def test_neurons_and_classes_take_no_more_of_a_memory_than_it_has_ports(made: Made) -> None:
    design, every = made
    loops = [(layer.id, loop) for layer in design.layers if isinstance(layer, NeuronDesign | ReadoutDesign)
             for loop in every[layer.id]]
    assert loops and [(unit, memory.array, memory.busiest) for unit, loop in loops for memory in loop.memories
                      if memory.busiest > PORTS] == []


def test_an_iteration_reads_and_writes_each_state_of_its_group_once(made: Made) -> None:
    design, every = made
    for layer in design.layers:
        if isinstance(layer, NeuronDesign | ReadoutDesign):
            array = f"{layer.id}_{'mem' if isinstance(layer, NeuronDesign) else 'state'}"
            found = [(memory.loads, memory.stores) for loop in every[layer.id] for memory in loop.memories
                     if memory.array == array]
            assert found == [(layer.parallel, layer.parallel)], layer.id


def test_no_group_of_neurons_waits_for_the_one_before(made: Made) -> None:
    design, every = made
    grouped = [layer for layer in design.layers if isinstance(layer, NeuronDesign) and layer.reuse_factor > 1]
    for layer in grouped:
        (loop,) = every[layer.id]
        assert loop.pipelined and loop.trips == layer.reuse_factor
        # the bits of a beat that is not full yet move on, and nothing is computed from them
        assert set(loop.recurrence.operations) <= {"select"} and loop.recurrence.through == ""
