"""How far the float run goes: further than it is asked to while that is cheap, so that another number costs nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import leaky

from hlspike.generators.extent import Extent, extent
from hlspike.generators.ir import Input, Layer, Linear, Network, Readout


def network(sizes: tuple[int, int, int], policy: str = "fixed_window") -> Network:
    window = 10 if policy == "fixed_window" else None
    layers: list[Layer] = [Input((sizes[0],), policy, window)]  # type: ignore[arg-type]
    for number, (inputs, outputs) in enumerate(((sizes[0], sizes[1]), (sizes[1], sizes[2])), 1):
        layers.append(Linear(f"fc{number}", (layers[-1].name,), inputs, outputs, True))
        layers.append(leaky(f"lif{number}", layers[-1].name, outputs))
    return Network((*layers, Readout(("lif2",), sizes[2], "spike", "argmax_spike_count", 1, 1.0, "window")))


SMALL, LARGE = network((64, 32, 10)), network((784, 1000, 10))


@pytest.mark.parametrize("asked", [1, 3, 449, 450, 1000, None])
@pytest.mark.parametrize("trace", ["decisions", "spikes", "states"])
def test_a_small_stimulus_is_run_whole_whatever_is_asked_for(asked: int | None, trace: str) -> None:
    assert extent(SMALL, (450, 20), trace, asked) == Extent("fixed_window", 10, 450)


def test_a_large_stimulus_is_run_as_far_as_it_is_asked_for() -> None:
    assert extent(LARGE, (100_000, 100), "spikes", None).sequences == 100_000
    assert extent(LARGE, (100_000, 100), "spikes", 5_000).sequences == 5_000
    least = extent(LARGE, (100_000, 100), "spikes", 1).sequences
    assert 1 < least < 1_000
    assert extent(LARGE, (100_000, 100), "spikes", least + 1).sequences == least + 1
    assert extent(LARGE, (100_000, 1_000_000), "spikes", 1).sequences == 1


def test_what_is_kept_unasked_is_bounded_too() -> None:
    least = {trace: extent(SMALL, (10**9, 1), trace, 1).sequences for trace in ("decisions", "spikes", "states")}
    assert least["decisions"] > least["spikes"] > least["states"]
    assert least["states"] * (8 * 10 + 9 * 42) <= 1 << 26


def test_sequences_that_follow_each_other_cost_more_than_those_side_by_side() -> None:
    carried = network((64, 32, 10), "never")
    shape = (100_000, 20)
    assert extent(carried, shape, "spikes", 1).sequences < extent(SMALL, shape, "spikes", 1).sequences
    assert extent(carried, (10, 20), "spikes", 1) == Extent("never", None, 10)


def test_the_rule_has_no_part_in_it() -> None:
    other = replace(SMALL, layers=(*SMALL.layers[:-1], replace(SMALL.layers[-1], class_threshold=7)))
    undecided = replace(SMALL, layers=SMALL.layers[:-1])
    for net in (other, undecided):
        assert extent(net, (100_000, 20), "states", 2) == extent(SMALL, (100_000, 20), "states", 2)


def test_it_goes_by_way_of_its_file() -> None:
    assert Extent.from_json(extent(SMALL, (4, 20), "spikes", 2).to_json()) == Extent("fixed_window", 10, 4)
