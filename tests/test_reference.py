"""The exact reference against arithmetic done by hand, and against an oracle that knows nothing of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases import WIDE, linear
from generators.ir import Input, Layer, Network
from generators.quantize import quantize
from generators.reference import ReferenceRun, run_reference
from generators.stimulus import Stimulus


def _run(
    layers: tuple[Layer, ...], parameters: dict[str, Any], hls: dict[str, Any], frames: Any, window: int | None = None
) -> ReferenceRun:
    """One sequence of vectors through `layers`."""
    values = np.asarray(frames, np.float32)[None]
    network = Network((Input(values.shape[2:], "fixed_window", window or values.shape[1]), *layers))
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    stimulus = Stimulus(values, np.array([values.shape[1]], np.int64), None)
    quantized = quantize(network, arrays, hls, stimulus)
    return run_reference(quantized.typed, quantized.integers, stimulus, "states")


def test_a_bias_that_meets_the_products_beyond_64_bits_is_added_exactly() -> None:
    parameters = {"fc1/weight": [[1.0]], "fc1/bias": [0.75]}
    run = _run((linear("fc1", "input", 1, 1),), parameters, WIDE, [[0.375]])
    assert run.emitted.tolist() == [[int(1.125 * 2**32)]]
