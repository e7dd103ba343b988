"""Decision rules and boundaries, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import readout

from hlspike.generators.ir import Input
from hlspike.generators.settle.decision import Counts, boundaries, decide, ends

NEVER = [False] * 6


def decided(rule: str, states: Any, last: Any, **options: Any) -> list[list[int]]:
    """The decisions for (N, T, K) states."""
    mode = "membrane" if rule == "argmax_membrane" else "spike"
    values = np.asarray(states)
    return decide(readout("x", values.shape[2], mode, rule, **options), values, np.array(last)).tolist()


@pytest.mark.parametrize(("policy", "window", "timesteps", "expected"), [
    ("fixed_window", 1, 3, [1, 1, 1]), ("fixed_window", 3, 7, [0, 0, 1, 0, 0, 1, 0]), ("fixed_window", 5, 4, [0] * 4),
    ("fixed_window", None, 3, [0, 0, 0]), ("tlast", None, 3, [0, 0, 0]), ("never", None, 3, [0, 0, 0]),
    ("never", 2, 4, [0, 0, 0, 0]),
])
def test_last_marks_the_end_of_every_window(policy: Any, window: int | None, timesteps: int, expected: Any) -> None:
    assert boundaries(Input((1,), policy, window), timesteps).tolist() == [bool(bit) for bit in expected]


@pytest.mark.parametrize(("policy", "window", "expected"), [
    ("fixed_window", 2, [[0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]),
    ("tlast", None, [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]),
    ("host_pulse", None, [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]),
    ("never", None, [[0] * 4] * 4),
])
def test_a_sequence_ends_within_its_timesteps(policy: Any, window: int | None, expected: Any) -> None:
    found = ends(Input((1,), policy, window), np.array([2, 0, 4, 1]), 4)
    assert found.tolist() == [[bool(bit) for bit in row] for row in expected]


def counted(spikes: np.ndarray, last: list[bool], cut: int = 0) -> np.ndarray:
    """(N, T, K) counts of (N, T, K) spikes; in two stretches of time if `cut`."""
    counts, turned = Counts(), spikes.swapaxes(0, 1)
    parts = [counts.walk(turned[some], np.array(last[some])) for some in (slice(cut), slice(cut, None))]
    return np.concatenate(parts).swapaxes(0, 1)


@pytest.mark.parametrize("cut", range(5))
def test_counts_include_the_timestep_itself_and_start_again_after_a_boundary(cut: int) -> None:
    spikes = np.array([[[1, 0], [1, 1], [0, 1], [1, 0]], [[0, 0], [0, 1], [1, 1], [1, 1]]], np.uint8)
    assert counted(spikes, [False, True, False, True], cut).tolist() == [
        [[1, 0], [2, 1], [0, 1], [1, 1]], [[0, 0], [0, 1], [1, 1], [2, 2]]
    ]
    assert counted(spikes, [False] * 4, cut)[0].tolist() == [[1, 0], [2, 1], [2, 2], [3, 2]]


def test_counts_exceed_the_type_of_a_spike() -> None:
    assert counted(np.ones((1, 300, 1), np.uint8), [False] * 300)[0, -1].tolist() == [300]


def test_what_was_first_is_known_in_the_next_stretch_of_time_until_a_boundary() -> None:
    layer = readout("x", 2, "spike", "first_to_threshold", class_threshold=2)
    latched = np.full(1, -1)
    counts = np.array([[[0, 1], [0, 2]]])
    assert decide(layer, counts, np.array([False, False]), latched).tolist() == [[1, 1]]
    assert latched.tolist() == [1]
    assert decide(layer, np.array([[[3, 2], [1, 0]]]), np.array([True, False]), latched).tolist() == [[1, 0]]
    assert latched.tolist() == [-1]


@pytest.mark.parametrize("rule", ["argmax_spike_count", "argmax_membrane"])
def test_the_largest_state_decides_and_the_lowest_class_of_several(rule: str) -> None:
    states = [[[0, 0, 0], [0, 2, 1], [3, 3, 1], [1, 4, 4], [-5, -3, -3]]]
    assert decided(rule, states, [False] * 5) == [[0, 1, 0, 1, 1]]


def test_membranes_beyond_64_bits_are_compared_exactly() -> None:
    states = np.array([[[2**70, 2**70 + 1], [-(2**70), -(2**70)]]], object)
    assert decided("argmax_membrane", states, [False, True]) == [[1, 0]]


def test_threshold_then_argmax_takes_the_lowest_class_over_the_line_else_the_largest() -> None:
    # the line is 3: nobody (largest 2), class 2 alone, classes 1 and 2 though 2 is larger, all of them, nobody again
    states = [[[0, 1, 2], [0, 2, 3], [0, 3, 5], [3, 9, 9], [0, 0, 0]]]
    assert decided("threshold_then_argmax", states, [False] * 5, class_threshold=3) == [[2, 2, 1, 0, 0]]


def test_first_to_threshold_latches_the_first_class_in_time() -> None:
    # the line is 2: class 1 has the largest count, class 2 reaches the line first and keeps it when 0 overtakes
    states = [[[0, 1, 0], [0, 1, 1], [1, 1, 2], [2, 2, 2], [5, 2, 2]]]
    assert decided("first_to_threshold", states, [False] * 5, class_threshold=2) == [[1, 1, 2, 2, 2]]
    assert decided("threshold_then_argmax", states, [False] * 5, class_threshold=2) == [[1, 1, 2, 0, 0]]


def test_first_to_threshold_takes_the_lowest_of_several_classes_in_one_timestep() -> None:
    states = [[[1, 1, 1], [1, 2, 2], [3, 3, 3]]]
    assert decided("first_to_threshold", states, [False] * 3, class_threshold=2) == [[0, 1, 1]]


def test_first_to_threshold_latches_for_each_sequence_alone_and_lets_go_at_its_boundary() -> None:
    # in the window of 2 that follows, the counts begin at 0 again
    states = [
        [[0, 1], [0, 2], [1, 0], [1, 1], [1, 0], [2, 0]],
        [[1, 0], [2, 0], [0, 0], [0, 1], [0, 1], [0, 2]],
    ]
    last = [False, True] * 3
    assert decided("first_to_threshold", states, last, class_threshold=2) == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]


def test_the_timestep_of_the_boundary_still_counts_for_the_latch() -> None:
    states = [[[0, 0], [0, 1], [0, 0], [1, 0]]]
    assert decided("first_to_threshold", states, [False, True, False, True], class_threshold=1) == [[0, 1, 0, 0]]


def test_without_a_boundary_the_latch_holds_for_good() -> None:
    states = [[[0, 1], [5, 1], [9, 1], [9, 1], [9, 1], [9, 1]]]
    assert decided("first_to_threshold", states, NEVER) == [[1] * 6]


@pytest.mark.parametrize(("rule", "expected"), [
    ("argmax_spike_count", [[1, 1]]), ("threshold_then_argmax", [[1, 0]]), ("first_to_threshold", [[1, 1]]),
])
def test_the_threshold_defaults_to_the_first_spike(rule: str, expected: list[list[int]]) -> None:
    assert decided(rule, [[[0, 1], [1, 2]]], [False, False]) == expected


def test_a_binary_logit_is_the_second_state_less_the_first() -> None:
    assert decided("binary_logit", [[[0, 3], [5, 1], [-2, -7]]], [False] * 3) == [[3, -4, -5]]
    wide = np.array([[[-(2**63), 2**63 - 1]]], object)
    assert decided("binary_logit", wide, [True]) == [[2**64 - 1]]


def test_floating_states_decide_as_integers_do() -> None:
    states = [[[0.25, 0.5], [0.5, 0.5], [-0.5, -1.25]]]
    assert decided("argmax_membrane", states, [False] * 3) == [[1, 0, 0]]
    assert decided("binary_logit", states, [False] * 3) == [[0.25, 0.0, -0.75]]
