"""Speed of a build's predictor: a call for each sequence, and batches beside csim on the same timesteps.

    python benchmarks/predict.py [--sequences N]

A network of 4-8-2 runs sequences of 25 timesteps with 30 % of the input spiking. csim reads them from files that are
there already; the predictor gets float32 frames. Seconds are those of the clock, the least of several rounds, taken in
turn.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hlspike import build
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation import toolchain

TIMESTEPS, INPUTS = 25, 4
MODEL = """
import numpy as np
import snntorch as snn
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    neuron = dict(beta=0.875, init_hidden=True)
    return nn.Sequential(nn.Linear(4, 8), snn.Leaky(**neuron), nn.Linear(8, 2), snn.Leaky(**neuron))


def stimulus(seed):
    return {"frames": np.random.default_rng(seed).random((20, 25, 4)) < 0.3}
"""
CONFIG = """
defaults: [precision: w8, target: default, _self_]
name: predict
model: {source: net.py:build, input_shape: [4]}
data: {source: net.py:stimulus}
readout: {decision_rule: argmax_spike_count, window_size: 25}
hls: {layers: {input: {precision: {result: "ap_uint<1>"}}}}
"""


def measured(*runs: Callable[[], object], rounds: int) -> list[float]:
    """The least seconds of each, taken in turn."""
    least = [float("inf")] * len(runs)
    for _ in range(rounds):
        for place, run in enumerate(runs):
            began = time.perf_counter()
            run()
            least[place] = min(least[place], time.perf_counter() - began)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=40_000, help="of a batch (default: 40000)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the fastest counts (default: 5)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conf").mkdir()
        (folder / "net.py").write_text(MODEL)
        (folder / "conf" / "config.yaml").write_text(CONFIG)
        os.chdir(folder)
        made = build()
        frames = (np.random.default_rng(1).random((asked.sequences, TIMESTEPS, INPUTS)) < 0.3).astype(np.float32)
        data, out = folder / "data", folder / "out"
        for path in (data, out):
            path.mkdir()
        given = {
            "input": arrays.packed(frames.reshape(1, -1, INPUTS).astype(np.uint8), 1).reshape(*frames.shape[:2], 1),
            "lengths": np.full(asked.sequences, TIMESTEPS, np.int64), "expected": np.zeros((0, 1), np.int64),
        }
        for key, array in given.items():
            (data / f"{key}.npy").write_bytes(arrays.npy_bytes(array))
        program = folder / "build" / "predict" / "csim" / "csim"
        some = frames[: min(2000, asked.sequences)]
        alone, batch, plain = measured(
            lambda: [made.predict(one) for one in some],
            lambda: made.predict(frames),
            lambda: toolchain.simulate(program, data, out, "decisions", folder / "log"),
            rounds=asked.rounds,
        )
    print(f"a call for each sequence of {TIMESTEPS}: {len(some) * TIMESTEPS / alone:,.0f} timesteps/s")
    print(f"a batch of {asked.sequences:,}: {frames.size / INPUTS / batch:,.0f} timesteps/s")
    print(f"csim by itself: {frames.size / INPUTS / plain:,.0f} timesteps/s")
    print(f"a batch at {plain / batch:.0%} of the speed of csim")


if __name__ == "__main__":
    main()
