"""The stimulus: what is accepted, every refusal by its whole message, and the order in which a timestep is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hlspike.generators.errors import DataError
from hlspike.generators.stimulus import Stimulus, channels_last

FRAMES = np.arange(24, dtype=np.float32).reshape(2, 4, 3)


def refused(shape: tuple[int, ...] = (3,), **data: Any) -> str:
    with pytest.raises(DataError) as error:
        Stimulus.validated(data, shape)
    return str(error.value)


def test_frames_alone_are_sequences_of_full_length_without_labels() -> None:
    found = Stimulus.validated({"frames": FRAMES}, (3,))
    assert found.frames.dtype == np.float32 and found.frames.tolist() == FRAMES.tolist()
    assert (found.lengths.dtype, found.lengths.tolist(), found.labels) == (np.int64, [4, 4], None)
    assert (len(found), found.timesteps) == (2, 8)
    assert Stimulus.validated({"frames": FRAMES, "lengths": None, "labels": None}, (3,)).labels is None


def test_lengths_and_labels_are_kept() -> None:
    found = Stimulus.validated({"frames": FRAMES, "lengths": [1, 4], "labels": np.array([0, 9], np.uint8)}, (3,))
    assert found.labels is not None and found.labels.dtype == np.int64
    assert (found.lengths.tolist(), found.labels.tolist(), found.timesteps) == ([1, 4], [0, 9], 5)
    assert found.valid.tolist() == [[True, False, False, False], [True] * 4]


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, np.float64])
def test_frames_of_any_kind_of_number_become_float32(dtype: Any) -> None:
    frames = Stimulus.validated({"frames": np.array([[[0, 1, 1]]], dtype)}, (3,)).frames
    assert frames.dtype == np.float32 and frames.tolist() == [[[0.0, 1.0, 1.0]]]


def test_an_unknown_array_is_refused() -> None:
    assert refused(frames=FRAMES, y=1, targets=[1, 2]) == (
        "data: unknown array 'y'; known are frames, labels, lengths"
    )


def test_missing_frames_are_refused() -> None:
    assert refused(labels=[1]) == "data: 'frames' is missing; give an array of shape (N, T, *input_shape)"


@pytest.mark.parametrize(("shape", "input_shape", "expected", "remedy"), [
    ((2, 4, 7), (3,), "(N, T, 3)", "reshape them or set model.input_shape"),
    ((2, 4, 3), (4,), "(N, T, 4)", "time comes second; give np.moveaxis(frames, -1, 1)"),
    ((2, 3), (3,), "(N, T, 3)",
     "an axis is missing; give frames[None] if the first is time, frames[:, None] if it counts sequences"),
    ((2, 4, 3, 1), (3,), "(N, T, 3)", "give frames.reshape(2, 4, 3), or set model.input_shape"),
    ((2, 4, 64), (1, 8, 8), "(N, T, 1, 8, 8)", "give frames.reshape(2, 4, 1, 8, 8), or set model.input_shape"),
    ((2, 4, 8, 8, 1), (1, 8, 8), "(N, T, 1, 8, 8)", "channels come first; give np.moveaxis(frames, -1, 2)"),
    ((2, 1, 8, 8, 4), (1, 8, 8), "(N, T, 1, 8, 8)", "time comes second; give np.moveaxis(frames, -1, 1)"),
    ((5,), (5,), "(N, T, 5)", "the axes of sequences and of time are missing; give frames[None, None]"),
    ((), (3,), "(N, T, 3)", "reshape them or set model.input_shape"),
])
def test_frames_of_another_shape_are_refused_with_what_may_be_meant(
    shape: tuple[int, ...], input_shape: tuple[int, ...], expected: str, remedy: str
) -> None:
    assert refused(input_shape, frames=np.zeros(shape)) == (
        f"data: frames have shape {shape}, but model.input_shape asks for {expected}; {remedy}"
    )


@pytest.mark.parametrize("name", ["labels", "lengths"])
def test_frames_with_time_first_are_told_by_what_stands_beside_them(name: str) -> None:
    assert refused(frames=FRAMES, **{name: [1, 2, 3, 4]}) == (
        f"data: {name} has shape (4,), as if there were 4 sequences, but frames of shape (2, 4, 3) have 2: the order "
        "is (N, T, …), sequences first; give frames.swapaxes(0, 1)"
    )


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3)])
def test_empty_frames_are_refused(shape: tuple[int, ...]) -> None:
    assert refused(frames=np.zeros(shape)) == (
        f"data: frames are empty, shape {shape}; give at least one sequence of one timestep"
    )


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_value_that_is_not_finite_is_refused_with_its_place(value: float, shown: str) -> None:
    frames = FRAMES.copy()
    frames[1, 3, 0] = frames[1, 2, 1] = value
    assert refused(frames=frames) == f"data: frames[1, 2, 1] is {shown}; remove NaN and infinity"
    assert refused((1, 3), frames=frames[:, :, None]) == f"data: frames[1, 2, 0, 1] is {shown}; remove NaN and infinity"


def test_a_value_that_is_infinite_as_float32_is_refused() -> None:
    assert refused((1,), frames=np.array([[[1e39]]])) == "data: frames[0, 0, 0] is inf; remove NaN and infinity"


@pytest.mark.parametrize("name", ["lengths", "labels"])
def test_lengths_and_labels_are_one_integer_for_each_sequence(name: str) -> None:
    for value, shape in (([1], "(1,)"), ([1, 2, 3], "(3,)"), ([[1, 2]], "(1, 2)"), (1, "()")):
        assert refused(frames=FRAMES, **{name: value}) == f"data: {name} has shape {shape}; 2 sequences ask for (2,)"
    assert refused(frames=FRAMES, **{name: [1, None]}) == f"data: {name}[1] is a NoneType; give numbers"
    for value, dtype in (([1.0, 2.0], "float64"), (["1", "2"], "<U1")):
        assert refused(frames=FRAMES, **{name: value}) == f"data: {name} has dtype {dtype}; give integers"


@pytest.mark.parametrize(("lengths", "place", "value"), [([4, 5], 1, 5), ([4, -1], 1, -1)])
def test_a_length_beyond_the_frames_is_refused(lengths: list[int], place: int, value: int) -> None:
    assert refused(frames=FRAMES, lengths=lengths) == f"data: lengths[{place}] is {value}; it must lie in 0..4"


def test_a_negative_label_is_refused() -> None:
    assert refused(frames=FRAMES, labels=[3, -2]) == "data: labels[1] is -2; classes count from 0"


def test_the_head_is_the_first_sequences_with_all_that_belongs_to_them() -> None:
    whole = Stimulus.validated({"frames": FRAMES, "lengths": [2, 3], "labels": [5, 6]}, (3,))
    head = whole.head(1)
    assert head.labels is not None and head.frames.tolist() == FRAMES[:1].tolist()
    assert (head.lengths.tolist(), head.labels.tolist(), head.timesteps) == ([2], [5], 2)
    assert all(whole.head(count) is whole for count in (None, 2, 3))
    assert Stimulus.validated({"frames": FRAMES}, (3,)).head(1).labels is None


@pytest.mark.parametrize(("values", "dtype"), [
    ([0, 1], np.uint8), ([0, 255], np.uint8), ([-1, 127], np.int8), ([0, 256], np.uint16), ([-129, 5], np.int16),
    ([0, 65536], np.float32), ([0, 0.5], np.float32), ([-(2**15) - 1, 0], np.float32), ([0, 3e38], np.float32),
])
def test_frames_are_kept_in_the_narrowest_type_that_holds_them(values: list[float], dtype: Any) -> None:
    frames = np.array(values, np.float32).reshape(1, 2, 1)
    found = Stimulus.validated({"frames": frames, "labels": [3]}, (1,))
    assert found.dtype == dtype and frames.astype(found.dtype).tolist() == frames.tolist()
    again = Stimulus.from_arrays({**found.to_arrays(), "frames": frames.astype(found.dtype)}).read()
    assert again.frames.dtype == np.float32 and again.frames[:].tolist() == frames.tolist()
    assert again.labels is not None and (again.lengths.tolist(), again.labels.tolist()) == ([2], [3])


@pytest.mark.parametrize(("shape", "expected"), [
    ((4,), [0, 1, 2, 3]),
    ((2, 2), [0, 2, 1, 3]),  # c0 = 0 1, c1 = 2 3
    ((1, 2, 2), [0, 1, 2, 3]),
    ((2, 2, 3), [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]),
    ((3, 2, 1), [0, 2, 4, 1, 3, 5]),
])
def test_a_map_is_sent_position_by_position_with_its_channels_last(shape: tuple[int, ...], expected: list[int]) -> None:
    frames = np.arange(len(expected)).reshape(1, 1, *shape)
    sent = channels_last(np.concatenate([frames, frames + 100], 1), shape)
    assert sent.tolist() == [[expected, [value + 100 for value in expected]]]
