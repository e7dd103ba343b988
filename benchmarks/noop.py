"""What a build with nothing to do costs, beside doit with an empty dodo file: CPU time, the minimum of many runs.

    python benchmarks/noop.py [--layers N] [--variants N] [--runs N]

Both are measured alternately in one run, and the ratio is what counts: this is a network of 40 layers, with two tasks
for each and a dozen for the whole.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cpu

MODEL = """
import numpy as np
import snntorch as snn
from torch import nn

def build(layers):
    pairs = ((nn.Linear(8, 8), snn.Leaky(beta=0.9, init_hidden=True)) for _ in range(layers // 2))
    return nn.Sequential(*(layer for pair in pairs for layer in pair))

def stimulus(*, seed):
    return {"frames": np.random.default_rng(seed).random((3, 5, 8), dtype=np.float32)}
"""
CONFIG = """
name: noop
model: {{source: model.py:build, kwargs: {{layers: {layers}}}, input_shape: [8]}}
data: {{source: model.py:stimulus}}
readout: {{window_size: 5}}
hls: {{model: {{precision: {{default: "ap_fixed<16,6>"}}}}}}
target: {{part: xc7z020clg400-1, clock_period: 10, io: parallel}}
"""
SWEEP = "seed=range({last})"
"""Of which nothing is shared but what the cache finds equal."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=40)
    parser.add_argument("--variants", type=int, default=1, help="of a sweep over the seed")
    parser.add_argument("--runs", type=int, default=20)
    chosen = parser.parse_args()
    sweep = [] if chosen.variants == 1 else [SWEEP.format(last=chosen.variants)]
    build = (*cpu.BUILD, *sweep)
    with tempfile.TemporaryDirectory() as name:
        folder, empty = Path(name, "full"), Path(name, "empty")
        (folder / "conf").mkdir(parents=True)
        empty.mkdir()
        (folder / "model.py").write_text(MODEL)
        (folder / "conf" / "config.yaml").write_text(CONFIG.format(layers=chosen.layers))
        (empty / "dodo.py").write_text("")
        first = cpu.of(build, folder)[0]
        told = cpu.of(build, folder)[1]
        pairs = [(cpu.of(cpu.DOIT, empty)[0], cpu.of(build, folder)[0]) for _ in range(chosen.runs)]
    least, ours = (min(times) for times in zip(*pairs, strict=True))
    print(told.strip().splitlines()[-1])
    print(
        f"{chosen.variants} variants of {chosen.layers} layers, minimum of {chosen.runs} runs: empty dodo file "
        f"{1000 * least:.0f} ms, nothing to do {1000 * ours:.0f} ms of CPU time, ratio {ours / least:.2f} "
        f"(first build {first:.0f} CPU-s)"
    )


if __name__ == "__main__":
    main()
